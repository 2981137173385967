"""Idempotency in whole jobs, which are created with boto3 and run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

from s3batch_handler import Task, TemporaryFailure, task_handler
from s3batch_handler.testing import mock_s3batch
from tests.support.idempotency import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"


def create_job(s3: Any, keys: str) -> dict[str, Any]:
    """Create a job for objects of the bucket ``photos``, and return its description."""
    manifest = "".join(f"photos,{key}\n" for key in keys)
    etag = s3.put_object(Bucket="photos", Key="m.csv", Body=manifest)["ETag"].strip('"')
    control: Any = boto3.client("s3control")
    job = control.create_job(
        AccountId=ACCOUNT,
        ConfirmationRequired=False,
        Operation={
            "LambdaInvoke": {"FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:charge"}
        },
        Manifest={
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag},
        },
        Report={"Enabled": False},
        Priority=1,
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/batch",
    )
    description: dict[str, Any] = control.describe_job(AccountId=ACCOUNT, JobId=job["JobId"])["Job"]
    return description


def by_object(task: Task) -> str:
    return f"{task.bucket}/{task.key}"


@pytest.mark.parametrize(("key_of", "charged_again"), [(by_object, "c"), (None, "abc")])
def test_a_new_job_runs_what_an_earlier_job_has_not_done(
    monkeypatch: pytest.MonkeyPatch, key_of: Callable[[Task], str] | None, charged_again: str
) -> None:
    """With the default key, which has the job in it, everything is run again."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    charged: list[str] = []
    is_broken = [True]

    def charge(task: Task) -> None:
        if task.key == "c" and is_broken:
            raise TemporaryFailure("try again")
        charged.append(task.key)

    layer = DynamoDBPersistenceLayer(TABLE["TableName"])
    handler = task_handler(idempotency=layer, idempotency_key=key_of)(charge)
    with mock_s3batch({"charge": handler}):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="photos")
        boto3.client("dynamodb").create_table(**TABLE)

        first = create_job(s3, "abc")
        is_broken.clear()
        charged_first = "".join(charged)
        second = create_job(s3, "abc")

    tasks = [job["ProgressSummary"]["NumberOfTasksSucceeded"] for job in (first, second)]
    assert tasks == [2, 3]
    assert charged_first == "ab"
    assert "".join(charged[2:]) == charged_again
