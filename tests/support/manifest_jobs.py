"""Jobs over inventories and generated manifests, made with boto3."""

from __future__ import annotations

import io
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.s3.models import s3_backends

from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.manifests._generator import matching_objects
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._manifests import S3ManifestGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator


ACCOUNT = "123456789012"


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


OTHER_KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-12ab-34cd-56ef-1234567890ab"


@cache
def client(service: str) -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client(service)


class ManifestJobs:
    """A bucket ``photos``, S3 Control, and the events that the function has been called with."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []

    def function(self, event: Any, context: Any) -> Any:
        (task,) = event["tasks"]
        self.tasks.append(task)
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "invocationId": event["invocationId"],
            "results": [{"taskId": task["taskId"], "resultCode": "Succeeded"}],
        }

    @property
    def keys(self) -> list[str]:
        """The keys of the tasks, as in their events."""
        return [task["s3Key"] for task in self.tasks]

    def run(self, **members: Any) -> dict[str, Any]:
        """Run a job, and return its description."""
        request = {
            "AccountId": ACCOUNT,
            "ConfirmationRequired": False,
            "Operation": {"LambdaInvoke": {"FunctionArn": "f"}},
            "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::photos", "Prefix": "reports"},
            "Priority": 1,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        }
        s3control = client("s3control")
        job_id = s3control.create_job(**request, **members)["JobId"]
        job: dict[str, Any] = s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
        return job

    def over(self, key: str, etag: str | None = None) -> dict[str, Any]:
        """Run a job over an inventory."""
        etag = etag or client("s3").head_object(Bucket="photos", Key=key)["ETag"].strip('"')
        location = {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag}
        spec = {"Format": "S3InventoryReport_CSV_20161130"}
        return self.run(Manifest={"Spec": spec, "Location": location})

    def generating(self, **members: Any) -> dict[str, Any]:
        """Run a job over a generated manifest."""
        generator = {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            **members,
        }
        return self.run(ManifestGenerator={"S3JobManifestGenerator": generator})


def why(job: dict[str, Any]) -> tuple[str, str]:
    """Return code and text of the only failure of a job that has failed."""
    assert job["Status"] == "Failed"
    (failure,) = job["FailureReasons"]
    return failure["FailureCode"], failure["FailureReason"]


@contextmanager
def answering(s3: Any, operation: str, key: str, status: int, body: bytes = b"") -> Iterator[None]:
    """Replace the responses of S3 for a key."""

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if key not in request.url:
            return None
        raw: Any = io.BytesIO(body)
        raw.stream = lambda **_: iter([body])
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    s3.meta.events.register_first(f"before-send.s3.{operation}", answer)
    try:
        yield
    finally:
        s3.meta.events.unregister(f"before-send.s3.{operation}", answer)


FORBIDDEN = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


REQUEST = {
    "Operation": {"LambdaInvoke": {"FunctionArn": "f"}},
    "Report": {"Enabled": False},
    "Priority": 1,
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
}


def run_in_engine(members: dict[str, Any]) -> Job:
    """Run a job in an engine with a client whose responses can be replaced."""
    request = {**REQUEST, "ClientRequestToken": "t", "ConfirmationRequired": False}
    with Engine({"f": lambda event, context: None}, s3=client("s3")) as engine:
        return engine.describe_job(engine.create_job(JobSpec.from_request({**request, **members})))


def put(*keys: str, **members: Any) -> None:
    for key in keys:
        client("s3").put_object(Bucket="photos", Key=key, **members)


def stored(key: str) -> Any:
    """Return an object of moto, whose attributes tests may change."""
    return s3_backends[ACCOUNT]["aws"].buckets["photos"].keys[key]


def matching(**filters: Any) -> list[Any]:
    """Return the objects in the bucket ``photos`` that match a filter."""
    return list(matching_objects(client("s3"), generator(**filters)))


def generator(owner: str | None = None, **filters: Any) -> S3ManifestGenerator:
    return S3ManifestGenerator.model_validate(
        {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            "ExpectedBucketOwner": owner,
            "Filter": filters,
        }
    )


def output(**members: Any) -> dict[str, Any]:
    return {
        "EnableManifestOutput": True,
        "ManifestOutputLocation": {
            "Bucket": "arn:aws:s3:::manifests",
            "ManifestPrefix": "made",
            "ManifestFormat": "S3InventoryReport_CSV_20211130",
            **members,
        },
    }
