"""Jobs that run: the engine, the mock and the server have the same behavior."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._registered_functions import Functions
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._waiting import wait_for_job
from tests.support.job_contract import (
    ACCOUNT,
    FUNCTION,
    REGION,
    Enter,
    World,
    counts,
    engine_and_boto3,
    thumbnails,
    why,
)

# A server runs functions in threads.
pytestmark = pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")


def test_a_job_runs_all_tasks_and_writes_its_report(world: World) -> None:
    """After CreateJob all tasks are done and the report is in the bucket."""
    job = world.run(b"photos,a%20b.jpg\nphotos,permanent.txt\n")

    assert job.status is JobStatus.COMPLETE
    assert counts(job) == (2, 1, 1)
    assert job.failure_reasons == ()
    assert job.termination_date is not None
    assert job.job_arn == f"arn:aws:s3:{REGION}:{ACCOUNT}:job/{job.job_id}"
    assert {(row.key, row.error_code, row.message) for row in world.rows(job)} == {
        ("a b.jpg", None, "any a b.jpg"),
        ("permanent.txt", "PermanentFailure", "no photo"),
    }


def test_user_arguments_reach_the_function(world: World) -> None:
    """They are in the events of schema version 2.0, as in the request."""
    operation = {
        "LambdaInvoke": {
            "FunctionArn": FUNCTION,
            "InvocationSchemaVersion": "2.0",
            "UserArguments": {"size": "größer"},
        }
    }

    job = world.run(Operation=operation)

    assert [row.message for row in world.rows(job)] == ["größer a b.jpg"]
    assert job.operation is not None
    assert job.operation.lambda_invoke is not None
    assert job.operation.lambda_invoke.user_arguments == {"size": "größer"}


def test_the_schema_version_of_events_is_that_of_the_job(enter: Enter) -> None:
    """It is 1.0 by default."""
    seen = []

    def function(event: Any, context: Any) -> None:
        seen.append((event["invocationSchemaVersion"], sorted(event["tasks"][0])))

    world = enter({"thumbnails": function})
    world.run()
    lambda_invoke = {"FunctionArn": FUNCTION, "InvocationSchemaVersion": "2.0"}
    world.run(Operation={"LambdaInvoke": lambda_invoke})

    assert seen == [
        ("1.0", ["s3BucketArn", "s3Key", "s3VersionId", "taskId"]),
        ("2.0", ["s3Bucket", "s3Key", "s3VersionId", "taskId"]),
    ]


def test_the_report_has_the_requested_scope(world: World) -> None:
    """A report has failed tasks only, or there is none."""
    report = {"Enabled": True, "Bucket": "arn:aws:s3:::photos", "Prefix": "reports"}
    manifest = b"photos,good\nphotos,permanent\n"

    only_failed = world.run(manifest, Report={**report, "ReportScope": "FailedTasksOnly"})
    without = world.run(manifest, Report={"Enabled": False})

    assert [row.key for row in world.rows(only_failed)] == ["permanent"]
    assert without.status is JobStatus.COMPLETE
    keys = [item["Key"] for item in world.s3.list_objects_v2(Bucket="photos")["Contents"]]
    assert not [key for key in keys if without.job_id in key]


def test_a_temporary_failure_is_retried_and_then_permanent(world: World) -> None:
    """After the last retry the task has failed with TemporaryFailure."""
    job = world.run(b"photos,temporary\n")

    assert job.status is JobStatus.COMPLETE
    assert [(row.error_code, row.message) for row in world.rows(job)] == [
        ("TemporaryFailure", "busy")
    ]


@pytest.mark.slow
def test_a_job_fails_when_more_than_half_of_1000_tasks_failed(world: World) -> None:
    """Its report has the tasks that were run."""
    manifest = b"photos,permanent\n" * 1_500

    job = world.run(manifest)

    assert job.status is JobStatus.FAILED
    assert job.failure_reasons[0].failure_code == "FailureThresholdExceeded"
    assert counts(job) == (1_500, 0, 1_000)
    assert len(world.rows(job)) == 1_000


def test_a_job_fails_with_more_failures_than_are_tolerated(enter: Enter) -> None:
    """Its report has the tasks that were run."""
    world = enter({"thumbnails": thumbnails}, tolerate="25%")

    fails = world.run(b"photos,permanent\n" * 8)
    completes = world.run(b"photos,permanent\n" + b"photos,fine\n" * 3)

    assert why(fails) == (
        "FailureThresholdExceeded",
        "3 of 3 tasks failed: more than 25% of all 8",
    )
    assert len(world.rows(fails)) == 3
    assert completes.status is JobStatus.COMPLETE


@engine_and_boto3
def test_a_function_can_create_a_job(enter: Enter) -> None:
    """The second job is over before the first."""
    world: World
    made: list[str] = []

    def function(event: Any, context: Any) -> str:
        if not made:
            made.append("")
            made[0] = world.control.create_job(world.spec())
        raise ValueError(made[0])

    world = enter({"thumbnails": function})
    first = world.run()
    second = world.control.describe_job(made[0])

    assert [first.status, second.status] == [JobStatus.COMPLETE] * 2
    assert second.termination_date is not None
    assert first.termination_date is not None
    assert second.termination_date < first.termination_date


@engine_and_boto3
def test_an_exception_that_ends_the_test_leaves_create_job(enter: Enter) -> None:
    """BaseException, as from pytest.fail(), is not an error of the function. The job fails."""

    class EndOfTest(BaseException):
        """``pytest.fail()`` and Ctrl-C do not raise an Exception either."""

    def function(event: Any, context: Any) -> None:
        raise EndOfTest

    world = enter({"thumbnails": function})
    with pytest.raises(EndOfTest):
        world.run()

    (job,) = world.control.list_jobs().jobs
    assert job.status is JobStatus.FAILED


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("f", "name"),
        ("f:$LATEST", "name"),
        ("f:7", "name"),
        ("f:PROD", "alias"),
        (f"{ACCOUNT}:function:f", "name"),
        ("function:f:PROD", "alias"),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "name"),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:PROD", "alias"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", "arn"),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f", "name"),
        ("g", None),
    ],
)
def test_a_function_arn_finds_the_most_specific_function(asked: str, answered: str | None) -> None:
    """A registered name without qualifier, account and Region matches any."""
    by_name = {name: lambda event, context: None for name in ("name", "alias", "arn")}
    functions = Functions(
        {
            "f": by_name["name"],
            "f:PROD": by_name["alias"],
            "arn:aws:lambda:eu-west-1:123456789012:function:f": by_name["arn"],
        },
        account_id=ACCOUNT,
        region=REGION,
    )

    found = functions.find(asked)

    assert found is by_name.get(answered or "")


def test_invalid_functions_are_refused_at_once() -> None:
    """They are refused when they are registered, not when a job needs them."""
    with pytest.raises(ValueError, match="'my function' is not the name of a function"):
        Functions({"my function": thumbnails})
    with pytest.raises(TypeError, match="'f' must be a function"):
        Functions({"f": 7})  # type: ignore[dict-item]
    with pytest.raises(InvalidFunction, match="/f is not the address of a function"):
        Functions({"f": "http://127.0.0.1/f"})


def test_a_job_fails_if_its_function_is_not_registered(world: World) -> None:
    """The reason lists the registered functions."""
    job = world.run(Operation={"LambdaInvoke": {"FunctionArn": "thumbnail"}})

    assert why(job) == (
        "ResourceNotFoundException",
        "Function not found: thumbnail (registered: thumbnails)",
    )


@engine_and_boto3
def test_ctrl_c_cancels_a_running_job(enter: Enter) -> None:
    """Its report has the tasks that were done."""

    def function(event: Any, context: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\nphotos,2\n")

    assert job.status is JobStatus.CANCELLED
    assert [row.key for row in world.rows(job)] == ["1"]


@engine_and_boto3
def test_waiting_for_a_job_that_is_over_returns_at_once(world: World) -> None:
    """In the foreground a job is over when CreateJob returns."""
    job_id = world.control.create_job(world.spec())

    job = wait_for_job(world.control, job_id, sleep=lambda seconds: pytest.fail("it waits"))

    assert job.status is JobStatus.COMPLETE
