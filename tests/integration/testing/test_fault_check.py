"""``assert_handles_every_fault``: good handlers pass, and each kind of mistake is found."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, unquote_plus

import boto3
import pytest
from moto import mock_aws

from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler
from s3batch_handler.testing import assert_handles_every_fault, make_task

Handler = Callable[[Any, Any], Any]

# Faults that take seconds. Most tests leave them out.
SLOW_FAULTS = ("no response", "slow responses", "little time")


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a Region, but no credentials: no call needs them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def s3() -> Any:
    """Return a client of boto3, as a function creates it when its module is imported."""
    return boto3.client("s3", endpoint_url="https://s3.us-east-1.amazonaws.com")


@pytest.fixture
def mocked_s3() -> Iterator[Any]:
    """Yield a client of moto's S3 with one object."""
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.create_bucket(Bucket="target")
        client.put_object(Bucket="bucket", Key="a.txt", Body=b"one\n")
        yield client


def by_hand(
    work: Callable[[str, str], str], *, decode: Callable[[str], str] = unquote_plus
) -> Handler:
    """Create a handler in the form of AWS's samples: ``work`` gets bucket and key."""

    def handler(event: Any, context: Any) -> Any:
        (task,) = event["tasks"]
        key = decode(task["s3Key"])
        code, text = "Succeeded", ""
        try:
            text = work(task["s3Bucket"], key)
        except TemporaryFailure as error:
            code, text = "TemporaryFailure", str(error)
        except Exception as error:
            code, text = "PermanentFailure", str(error)
        return response_to(
            event, [{"taskId": task["taskId"], "resultCode": code, "resultString": text}]
        )

    return handler


def response_to(event: Any, results: list[Any]) -> Any:
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": results,
    }


def faults_of(handler: Handler, *keys: str, **options: Any) -> dict[str, str]:
    """Return the faults that a handler does not handle, with what it did."""
    options = {"without": SLOW_FAULTS, **options}
    with pytest.raises(AssertionError) as caught:
        assert_handles_every_fault(handler, *keys, **options)
    _, _, table = str(caught.value).partition("---\n")
    rows = [re.split(r"  +", line, maxsplit=2) for line in table.split("\n\n")[0].splitlines()]
    return {row[0]: row[2] for row in rows}


# ---------------------------------------------------------------- good handlers


@pytest.mark.slow
def test_a_good_handler_passes_every_fault(s3: Any) -> None:
    """AWS is not called, and no credentials are needed."""

    @task_handler
    def handler(task: Task) -> str:
        body = s3.get_object(**task.location)["Body"].read()
        s3.put_object(Bucket="target", Key=task.key, Body=body)
        return "done"

    results = assert_handles_every_fault(handler)

    by_fault = {result.fault: result for result in results}
    assert len(results) > 30
    assert all(result.is_handled for result in results)
    assert by_fault["SlowDown at s3:PutObject"].got == "TemporaryFailure"
    assert by_fault["no response at s3:GetObject"].got == "TemporaryFailure"
    assert by_fault["key with a plus sign"].got == "Succeeded"


def test_a_handler_runs_against_the_objects_of_moto(mocked_s3: Any) -> None:
    """Objects with unusual keys are created there, and a deleted object is created again."""

    @task_handler
    def handler(task: Task) -> str:
        body = mocked_s3.get_object(**task.location)["Body"].read()
        mocked_s3.put_object(Bucket="target", Key=task.key, Body=body)
        mocked_s3.delete_object(**task.location)
        return str(len(body))

    results = assert_handles_every_fault(handler, "a.txt", without=SLOW_FAULTS)

    assert {result.got for result in results if result.fault.startswith("key with ")} == {
        "Succeeded"
    }
    keys = [each["Key"] for each in mocked_s3.list_objects_v2(Bucket="target")["Contents"]]
    assert "a+1.txt" in keys
    assert mocked_s3.get_object(Bucket="target", Key="a+1.txt")["Body"].read() == b"one\n"


def test_a_handler_that_retries_by_itself_passes(s3: Any) -> None:
    """A fault that it handles by another temporary failure is not lost."""

    @task_handler(retry_on=(ConnectionError,))
    def handler(task: Task) -> None:
        for _ in range(3):
            try:
                s3.get_object(**task.location)
            except s3.exceptions.NoSuchKey:
                raise PermanentFailure("gone") from None
            else:
                return

    assert_handles_every_fault(handler, without=SLOW_FAULTS)


def test_a_handler_without_calls_of_aws_says_so() -> None:
    """Faults of AWS cannot reach it: it must not look as if it handled them."""

    @task_handler
    def handler(task: Task) -> str:
        return task.key

    with pytest.raises(AssertionError, match=r"made no call with boto3.*calls_aws=False"):
        assert_handles_every_fault(handler, without=SLOW_FAULTS)

    results = assert_handles_every_fault(handler, calls_aws=False, without=SLOW_FAULTS)
    assert {result.got for result in results if "SlowDown" in result.fault} == {
        "did not reach the handler"
    }


def test_a_handler_that_fails_without_a_fault_says_so(s3: Any) -> None:
    @task_handler
    def handler(task: Task) -> None:
        raise PermanentFailure("not a photo")

    with pytest.raises(AssertionError, match=r"without a fault.*'a.txt'.*not a photo.*Pass keys"):
        assert_handles_every_fault(handler, "a.txt")


def test_an_unknown_fault_to_leave_out_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown faults in without: SlowUp; use SlowDown, "):
        assert_handles_every_fault(lambda event, context: None, without=["SlowUp"])


def test_tasks_and_user_arguments_reach_the_handler(s3: Any) -> None:
    """Also in schema 1.0, where AWS sends no user arguments."""
    seen = set()

    @task_handler
    def handler(task: Task) -> None:
        seen.add((task.bucket, task.version_id, *task.job.arguments.values()))
        s3.head_object(**task.location)

    options: Any = {"without": SLOW_FAULTS}
    assert_handles_every_fault(handler, "a", bucket="x", user_arguments={"a": "b"}, **options)
    assert_handles_every_fault(handler, make_task("a", bucket="y", version_id="1"), **options)
    assert_handles_every_fault(handler, "a", bucket="z", schema_version="1.0", **options)

    assert {("x", None, "b"), ("y", "1"), ("z", None)} <= seen


# ---------------------------------------------------------------- mistakes


def test_a_failure_that_is_called_a_success_is_found(s3: Any) -> None:
    def work(bucket: str, key: str) -> str:
        with suppress(BaseException):
            s3.get_object(Bucket=bucket, Key=key)
        return "done"

    faults = faults_of(by_hand(work))

    assert faults["SlowDown at s3:GetObject"] == "Succeeded: done"
    assert faults["NoSuchKey at s3:GetObject"] == "Succeeded: done"
    assert faults["AccessDenied at s3:GetObject"] == "Succeeded: done"


def test_a_passing_fault_that_is_called_permanent_is_found(s3: Any) -> None:
    faults = faults_of(by_hand(lambda bucket, key: s3.head_object(Bucket=bucket, Key=key)["ETag"]))

    assert faults.keys() == {
        f"{name} at s3:HeadObject"
        for name in (
            "SlowDown", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable",
            "InternalError", "RequestTimeout", "no connection", "connection closed", "read timeout",
        )
    }  # fmt: skip
    assert faults["SlowDown at s3:HeadObject"].startswith("PermanentFailure: An error occurred")


@pytest.mark.parametrize(
    ("decode", "faults"),
    [
        (str, {"key with spaces", "key with a plus sign", "key with percent signs"}),
        (unquote, {"key with spaces as +"}),
        (
            lambda key: unquote_plus(unquote_plus(key)),
            {"key with a plus sign", "key with percent signs"},
        ),
    ],
    ids=["not decoded", "plus not decoded", "decoded twice"],
)
def test_a_key_that_is_decoded_wrongly_is_found(
    mocked_s3: Any, decode: Callable[[str], str], faults: set[str]
) -> None:
    def work(bucket: str, key: str) -> str:
        return str(mocked_s3.get_object(Bucket=bucket, Key=key)["ETag"])

    found = faults_of(by_hand(work, decode=decode), "a.txt")

    assert faults <= found.keys()
    assert "NoSuchKey" in found[min(faults)]


def test_a_key_that_is_not_decoded_is_found_without_moto(s3: Any) -> None:
    def work(bucket: str, key: str) -> str:
        return str(s3.get_object(Bucket=bucket, Key=key)["ETag"])

    found = faults_of(by_hand(work, decode=str), "a.txt")

    assert "NoSuchKey" in found["key with accents and emoji"]


@pytest.mark.slow
def test_a_late_response_is_found(s3: Any) -> None:
    """The handler does not look at the time that is left."""

    def work(bucket: str, key: str) -> str:
        try:
            return str(s3.get_object(Bucket=bucket, Key=key)["ETag"])
        except Exception as error:
            raise TemporaryFailure("later") from error

    found = faults_of(by_hand(work), timeout=0.5, without=["slow responses"])

    assert found.keys() == {"no response at s3:GetObject", "little time"}
    assert re.fullmatch(r"late: \d\.\d\d s of 0\.50 s", found["no response at s3:GetObject"])


@pytest.mark.slow
def test_an_endless_handler_is_interrupted(s3: Any) -> None:
    def work(bucket: str, key: str) -> str:
        while True:
            try:
                return str(s3.get_object(Bucket=bucket, Key=key)["ETag"])
            except Exception:
                time.sleep(0.05)

    faults = ["ThrottlingException", "TooManyRequestsException", "ServiceUnavailable",
              "InternalError", "RequestTimeout", "no connection", "connection closed",
              "read timeout", "NoSuchKey", "NoSuchBucket", "AccessDenied"]  # fmt: skip

    found = faults_of(by_hand(work), timeout=0.1, without=[*SLOW_FAULTS, *faults])

    assert found["SlowDown at s3:GetObject"].startswith("late: 2.")


def test_an_exception_of_the_handler_is_found(s3: Any) -> None:
    """S3 gets no response: it reports the task as failed without a retry."""

    def handler(event: Any, context: Any) -> Any:
        (task,) = event["tasks"]
        s3.get_object(Bucket=task["s3Bucket"], Key=unquote_plus(task["s3Key"]))
        return response_to(event, [{"taskId": task["taskId"], "resultCode": "Succeeded"}])

    found = faults_of(handler)

    assert found["SlowDown at s3:GetObject"].startswith("no response: ClientError: An error")
    assert found["NoSuchKey at s3:GetObject"].startswith("no response: NoSuchKey: An error")


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        (lambda task: [{"resultCode": "Succeeded"}], r"results\[0\]\.taskId: missing"),
        (lambda task: [{**task, "resultCode": "OK"}], r"results\[0\]\.resultCode: expected one of"),
        (lambda task: [{**task, "resultCode": "Succeeded"}] * 2, "a task has 2 results"),
        (lambda task: [], "a task has 0 results"),
        (lambda task: None, "results: got null"),
        (
            lambda task: [{"taskId": "another", "resultCode": "Succeeded"}],
            r"results\[0\]\.taskId: not a task of the event",
        ),
        (
            lambda task: [{**task, "resultCode": "Succeeded", "resultString": 1}],
            r"results\[0\]\.resultString: got a number",
        ),
        (
            lambda task: [{**task, "resultCode": "Succeeded", "resultString": b"done"}],
            "the response is not JSON",
        ),
    ],
)
def test_a_response_that_aws_does_not_document_is_found(results: Any, problem: str) -> None:
    def handler(event: Any, context: Any) -> Any:
        return response_to(event, results({"taskId": event["tasks"][0]["taskId"]}))

    with pytest.raises(AssertionError, match=rf"invalid response: .*{problem}"):
        assert_handles_every_fault(handler, calls_aws=False)


@pytest.mark.parametrize(
    "changes",
    [{"invocationId": "x"}, {"invocationSchemaVersion": "1.0"}, {"treatMissingKeysAs": "Ignore"}],
)
def test_a_field_of_a_response_that_is_wrong_is_found(changes: Any) -> None:
    def handler(event: Any, context: Any) -> Any:
        result = {"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}
        return {**response_to(event, [result]), **changes}

    with pytest.raises(AssertionError, match=f"invalid response: {next(iter(changes))}: "):
        assert_handles_every_fault(handler, calls_aws=False)


def test_state_between_deliveries_is_found(s3: Any) -> None:
    """A handler that remembers a task before it is done calls the next delivery a success."""
    started = set()

    @task_handler
    def handler(task: Task) -> str:
        if task.key in started:
            raise PermanentFailure("already in progress")
        started.add(task.key)
        s3.head_object(**task.location)
        started.remove(task.key)
        return "done"

    found = faults_of(handler)

    assert found["SlowDown at s3:HeadObject, then delivered again"] == (
        "PermanentFailure: already in progress"
    )


def test_results_that_accumulate_are_found(s3: Any) -> None:
    """A list that outlives the invocation answers earlier tasks again."""
    results: list[Any] = []

    def handler(event: Any, context: Any) -> Any:
        (task,) = event["tasks"]
        s3.head_object(Bucket=task["s3Bucket"], Key=unquote_plus(task["s3Key"]))
        results.append({"taskId": task["taskId"], "resultCode": "Succeeded"})
        return response_to(event, results)

    assert "not a task of the event" in faults_of(handler)["duplicate"]


def test_a_success_without_the_work_is_found(s3: Any) -> None:
    """The handler remembers a task although its first delivery failed."""
    seen = set()

    @task_handler
    def handler(task: Task) -> str:
        if (task.job.id, task.key) in seen:
            return "already done"
        seen.add((task.job.id, task.key))
        s3.head_object(**task.location)
        return "done"

    found = faults_of(handler)

    assert found["SlowDown at s3:HeadObject, then delivered again"] == (
        "Succeeded without calling AWS"
    )


def test_a_handler_that_remembers_objects_of_other_jobs_says_so(s3: Any) -> None:
    """Faults cannot reach it: it must not look as if it handled them."""
    seen = set()

    @task_handler
    def handler(task: Task) -> str:
        if task.key not in seen:
            s3.head_object(**task.location)
        seen.add(task.key)
        return "done"

    assert faults_of(handler)["SlowDown"] == "no call of AWS after the first invocation"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
def test_calls_in_child_processes_do_not_reach_aws_but_are_not_seen(s3: Any) -> None:
    """A child that existed before has the clients of boto3 as they were."""

    @task_handler(isolation="process")
    def handler(task: Task) -> str:
        if task.key == "before":
            return "no call"
        return str(s3.head_object(**task.location)["ResponseMetadata"]["HTTPStatusCode"])

    assert handler.run(make_task("before")).message == "no call"

    with pytest.raises(AssertionError, match="test a handler without isolation='process'"):
        assert_handles_every_fault(handler)

    assert_handles_every_fault(handler, calls_aws=False, without=SLOW_FAULTS)
