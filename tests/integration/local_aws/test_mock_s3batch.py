"""``mock_s3batch``: jobs in tests of code that creates jobs."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from s3batch_handler import PermanentFailure, Task, task_handler
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "123456789012"


@cache
def client(service: str, region: str = "us-east-1") -> Any:
    session: Any = boto3.Session("testing", "testing", region_name=region)
    return session.client(service)


def create_job(keys: list[str], *, region: str = "us-east-1", **members: Any) -> str:
    """Create a job for objects of the bucket ``photos``."""
    s3 = client("s3")
    s3.create_bucket(Bucket="photos")
    manifest = "".join(f"photos,{key}\n" for key in keys)
    etag = s3.put_object(Bucket="photos", Key="m.csv", Body=manifest)["ETag"].strip('"')
    arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:thumbnails"
    request = {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": arn}},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag},
        },
        "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::photos"},
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
    }
    job_id: str = client("s3control", region).create_job(**{**request, **members})["JobId"]
    return job_id


def describe_job(job_id: str, region: str = "us-east-1") -> dict[str, Any]:
    response = client("s3control", region).describe_job(AccountId=ACCOUNT, JobId=job_id)
    job: dict[str, Any] = response["Job"]
    return job


@task_handler
def thumbnails(task: Task) -> str:
    """Write an object next to the original, unless its key is ``2``."""
    if task.key == "2":
        raise PermanentFailure("not this one")
    client("s3").put_object(Bucket=task.bucket, Key=f"thumbnails/{task.key}", Body=b"small")
    return "done"


def test_create_job_returns_when_the_job_has_ended() -> None:
    """The function and the test use the same S3."""
    with mock_s3batch({"thumbnails": thumbnails}):
        job_id = create_job(["1", "2", "3"])

        assert describe_job(job_id)["Status"] == "Complete"
        rows = read_report(f"s3://photos/job-{job_id}", s3=client("s3")).rows()
        assert {row.key: row.message for row in rows} == {
            "1": "done",
            "2": "not this one",
            "3": "done",
        }
        written = client("s3").list_objects_v2(Bucket="photos", Prefix="thumbnails/")["Contents"]
        assert [item["Key"] for item in written] == ["thumbnails/1", "thumbnails/3"]


def test_functions_can_be_registered_between_two_jobs() -> None:
    """A job that fails without its function succeeds with it; wrong names are refused."""
    with mock_s3batch({}) as aws:
        before = describe_job(create_job(["1"]))["Status"]
        aws.register("thumbnails", thumbnails)
        after = describe_job(create_job(["1"]))["Status"]

        with pytest.raises(ValueError, match="is not the name of a function"):
            aws.register("a name", thumbnails)

    assert (before, after) == ("Failed", "Complete")


def test_tasks_run_one_by_one_in_the_order_of_the_manifest() -> None:
    """They run in the thread of the test, and no other thread remains."""
    seen = []

    def function(event: Any, context: Any) -> None:
        seen.append((event["tasks"][0]["s3Key"], threading.current_thread()))

    before = {*threading.enumerate()}
    with mock_s3batch({"thumbnails": function}):
        create_job(["c", "a", "b"])

    assert seen == [(key, threading.main_thread()) for key in "cab"]
    assert {*threading.enumerate()} <= before


@mock_s3batch({"thumbnails": thumbnails})
def test_a_decorated_test_gets_its_fixtures(tmp_path: Path) -> None:
    """AWS is mocked while the test runs."""
    assert tmp_path.is_dir()
    assert describe_job(create_job(["1"]))["Status"] == "Complete"


def test_classes_coroutines_and_generators_are_refused() -> None:
    """They would run outside of the mock, in the real AWS."""

    class TestThis:
        pass

    async def test_that() -> None:
        pass

    def fixture() -> Iterator[None]:
        yield

    for thing in (TestThis, test_that, fixture):
        with pytest.raises(TypeError, match=f"cannot decorate .*{thing.__name__}, only"):
            mock_s3batch({})(thing)


def test_each_block_starts_with_an_empty_aws() -> None:
    """No jobs and buckets of an earlier block remain, not even suspended jobs."""
    with mock_s3batch({"thumbnails": thumbnails}):
        create_job(["1"], ConfirmationRequired=True)
    with mock_s3batch({"thumbnails": thumbnails}):
        assert client("s3").list_buckets()["Buckets"] == []
        assert client("s3control").list_jobs(AccountId=ACCOUNT)["Jobs"] == []


def test_a_nested_block_has_its_own_functions() -> None:
    """Jobs of the inner block invoke the functions of the inner block."""

    def inner(event: Any, context: Any) -> None:
        raise ValueError("inner")

    with mock_s3batch({"thumbnails": thumbnails}):
        with mock_s3batch({"thumbnails": inner}):
            progress = describe_job(create_job(["1"]))["ProgressSummary"]
            assert progress["NumberOfTasksFailed"] == 1
        progress = describe_job(create_job(["1"]))["ProgressSummary"]
        assert progress["NumberOfTasksSucceeded"] == 1


def test_a_function_name_matches_every_region() -> None:
    """Jobs are found only in their own Region."""
    with mock_s3batch({"thumbnails": thumbnails}):
        job_id = create_job(["1"], region="eu-west-1")

        job = describe_job(job_id, "eu-west-1")
        assert job["Status"] == "Complete"
        assert job["JobArn"] == f"arn:aws:s3:eu-west-1:{ACCOUNT}:job/{job_id}"
        with pytest.raises(ClientError, match="NoSuchJobException"):
            describe_job(job_id, "us-east-1")


def test_max_redrives_and_timeout_reach_the_engine() -> None:
    """They set the number of tries and the remaining time of the context."""
    tries = []

    @task_handler(time_reserve=0)
    def function(task: Task) -> str:
        raise TimeoutError

    def counted(event: Any, context: Any) -> Any:
        tries.append(context.get_remaining_time_in_millis())
        return function(event, context)

    with mock_s3batch({"thumbnails": counted}, max_redrives=1, timeout=500):
        job = describe_job(create_job(["1"]))

    assert job["ProgressSummary"]["NumberOfTasksFailed"] == 1
    assert len(tries) == 2
    assert all(400_000 < millis <= 500_000 for millis in tries)


def test_an_invalid_function_is_refused_before_the_block() -> None:
    """The block is not entered."""
    with (
        pytest.raises(ValueError, match="is not the name of a function"),
        mock_s3batch({"a b": thumbnails}),
    ):
        pytest.fail("entered")


def test_pytest_fail_in_a_function_fails_the_test() -> None:
    """``pytest.fail()`` in a function does not fail only its task."""

    def function(event: Any, context: Any) -> None:
        pytest.fail("seen")

    with mock_s3batch({"thumbnails": function}), pytest.raises(pytest.fail.Exception, match="seen"):
        create_job(["1"])


def test_importing_testing_does_not_import_moto() -> None:
    """moto, boto3 and the engine are imported on first use."""
    program = "import sys, s3batch_handler.testing; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert not {"moto", "boto3", "s3batch_handler.engine"} & set(loaded)
