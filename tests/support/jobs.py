"""Jobs for tests of their models and of job control."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from s3batch_handler.jobs._job import JobSpec, ReportRequest
from s3batch_handler.jobs._manifests import Manifest, ManifestLocation, ManifestSpec
from s3batch_handler.jobs._operations import LambdaInvoke, Operation

ACCOUNT = "123456789012"
JOB_ID = "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"
OF_JOB = {"AccountId": ACCOUNT, "JobId": JOB_ID}
CREATED = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def described(status: str = "Active", **members: Any) -> dict[str, Any]:
    """Return a response of DescribeJob."""
    job = {
        "JobId": JOB_ID,
        "Status": status,
        "Priority": 10,
        "CreationTime": CREATED,
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails"}},
    }
    return {"Job": {**job, **members}}


def a_request(**changes: Any) -> dict[str, Any]:
    """Return arguments of ``create_job``; a member that is ``None`` is omitted."""
    request: dict[str, Any] = {
        "AccountId": "123456789012",
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails:PROD"}},
        "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::reports"},
        "ClientRequestToken": "token-1",
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "60e460c9d1046e73"},
        },
        "Description": "thumbnails",
        "Priority": 10,
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
        "Tags": [{"Key": "team", "Value": "photos"}],
        **changes,
    }
    return {name: value for name, value in request.items() if value is not None}


def job_spec(**changes: Any) -> JobSpec:
    """Return the spec of a job that invokes a function."""
    fields: dict[str, Any] = {
        "operation": Operation(lambda_invoke=LambdaInvoke(function_arn="thumbnails")),
        "report": ReportRequest(enabled=False),
        "manifest": Manifest(
            spec=ManifestSpec(format="S3BatchOperations_CSV_20180820", fields=("Bucket", "Key")),
            location=ManifestLocation(object_arn="arn:aws:s3:::photos/todo.csv", etag="x"),
        ),
        "priority": 10,
        "role_arn": "arn:aws:iam::123456789012:role/batch",
    }
    return JobSpec(**fields | changes)
