"""What a function sees: event, context, variables, and its process."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._model import JobRef, Outcome, ResultCode
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._lambda_environment import lambda_variables
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from tests.support.invoker_calls import (
    Write,
    error_of,
    invoke,
    invoke_here,
    invoke_one,
    keys,
    text_of,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("schema_version", "job", "bucket"),
    [
        ("1.0", {"id": "job-1"}, {"s3BucketArn": "arn:aws:s3:::photos"}),
        ("2.0", {"id": "job-1", "userArguments": {"size": "9"}}, {"s3Bucket": "photos"}),
    ],
)
def test_events_are_as_documented(
    function: Write, schema_version: str, job: dict[str, Any], bucket: dict[str, str]
) -> None:
    """A function sees what S3 would send: keys as in the manifest, and opaque IDs."""
    spec = function("handler = lambda event, context: answer(event, text=json.dumps(event))")
    pool = WorkerPool(spec, workers=1)
    entries = [ManifestEntry("photos", "a%20b+c.jpg", "v1")]

    answers = invoke(
        pool,
        entries,
        template=EventTemplate.of(JobRef(id="job-1", arguments={"size": "9"}), schema_version),
    )

    event = json.loads(text_of(answers["a%20b+c.jpg"]))
    task_id = event["tasks"][0].pop("taskId")
    invocation_id = event.pop("invocationId")
    assert event == {
        "invocationSchemaVersion": schema_version,
        "job": job,
        "tasks": [{"s3Key": "a%20b+c.jpg", "s3VersionId": "v1", **bucket}],
    }
    assert task_id.startswith("AAAAAAAAAA")
    assert task_id != invocation_id


def test_the_context_is_as_in_lambda(function: Write) -> None:
    """The context has the attributes of the real one, and its time runs."""
    spec = function(
        """
        def handler(event, context):
            first = context.get_remaining_time_in_millis()
            time.sleep(0.01)
            return answer(event, text=json.dumps({
                "name": context.function_name, "version": context.function_version,
                "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
                "group": context.log_group_name, "stream": context.log_stream_name,
                "who": context.identity.cognito_identity_id, "client": context.client_context,
                "left": first, "runs": context.get_remaining_time_in_millis() < first,
                "id": context.aws_request_id}))
        """
    )

    seen = json.loads(text_of(invoke_one(spec, timeout=700)))

    assert seen.pop("id").count("-") == 4
    assert 600_000 < seen.pop("left") <= 700_000
    assert seen.pop("runs")
    assert seen.pop("stream").endswith("[$LATEST]local")
    assert seen == {
        "name": "app",
        "version": "$LATEST",
        "arn": f"arn:aws:lambda:{os.environ.get('AWS_REGION', 'us-east-1')}"
        ":123456789012:function:app",
        "memory": "1024",
        "group": "/aws/lambda/app",
        "who": None,
        "client": None,
    }


def test_given_variables_override_those_of_lambda() -> None:
    """The variables by which libraries recognize Lambda are missing."""
    variables = lambda_variables(
        "app", {"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
    )

    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "app"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert not variables.keys() & {"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT"}


@pytest.mark.parametrize(("has_config", "region"), [(True, None), (False, "us-east-1")])
def test_a_region_of_the_configuration_is_kept(
    tmp_path: Path, has_config: bool, region: str | None
) -> None:
    """The default Region is used only without a variable and a config file."""
    config = tmp_path / "config"
    if has_config:
        config.write_text("[default]\nregion = eu-north-1\n")

    variables = lambda_variables("app", {"AWS_CONFIG_FILE": str(config)})

    assert variables.get("AWS_REGION") == variables.get("AWS_DEFAULT_REGION") == region


def test_a_function_is_loaded_once_for_many_calls(function: Write) -> None:
    """Globals keep their values between calls, as in Lambda."""
    spec = function(
        """
        calls = []
        def handler(event, context):
            calls.append(context.aws_request_id)
            return answer(event, text=f"{len(set(calls))}")
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys(*map(str, range(50))))

    assert {text_of(answer) for answer in answers.values()} == set(map(str, range(1, 51)))


def test_prints_go_to_standard_error(function: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to the program that runs the job. Standard input is empty."""
    spec = function(
        """
        def handler(event, context):
            print("from the function")
            os.system("echo from a child")
            return answer(event, text=repr(sys.stdin.read()))
        """
    )

    answer = invoke_one(spec)

    out, err = capfd.readouterr()
    assert text_of(answer) == "''"
    assert out == ""
    assert "from the function\n" in err
    assert "from a child\n" in err


def test_a_function_may_change_its_event() -> None:
    """The event is a copy, so changes have no effect on the result."""
    answer = invoke_here(
        """
        def handler(event, context):
            result = answer(event)
            event["tasks"].clear()
            event["invocationId"] = None
            return result
        """
    )

    assert answer == Outcome(ResultCode.SUCCEEDED, "")


def test_calls_in_this_process_have_the_same_answers() -> None:
    """This includes a function that calls ``sys.exit()``."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        (task,) = event["tasks"]
        match task["s3Key"]:
            case "exit":
                sys.exit("bye")
            case "raise":
                raise ValueError("no")
        result = {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": "ok"}
        return {"invocationSchemaVersion": "1.0", "results": [result]}

    answers = invoke(InProcess(handler), keys("ok", "exit", "raise"))

    assert answers["ok"] == Outcome(ResultCode.SUCCEEDED, "ok")
    assert error_of(answers["exit"])["errorMessage"].endswith("exit status 1")
    assert error_of(answers["raise"])["errorType"] == "ValueError"
