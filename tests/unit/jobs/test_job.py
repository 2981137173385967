"""Requests for jobs, and descriptions of jobs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.jobs._job import Job, JobSpec, ReportRequest
from s3batch_handler.jobs._manifests import ManifestLocation
from s3batch_handler.jobs._status import Progress
from tests.support.jobs import CREATED, a_request, job_spec


def listing(**names: list[str]) -> dict[str, Any]:
    """Return a ``ManifestGenerator`` for objects whose keys look like this."""
    return {
        "S3JobManifestGenerator": {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            "Filter": {"KeyNameConstraint": names},
        }
    }


def test_unknown_members_of_a_description_are_preserved() -> None:
    """AWS may add operations, members and values."""
    description = {
        "JobId": "job-1",
        "Status": "Active",
        "Priority": 1,
        "CreationTime": CREATED,
        "Operation": {"S3FoldObject": {"Times": 7}},
        "Report": {"Enabled": True, "Format": "Report_Parquet_20270101"},
        "FailureReasons": [],
        "Mood": "good",
    }

    job = Job.from_description(description)

    assert job.operation_name == "S3FoldObject"
    assert job.to_description() == description


@pytest.mark.parametrize(
    ("summary", "progress"),
    [
        ({}, Progress(None, 0, 0)),
        ({"TotalNumberOfTasks": 0}, Progress(0, 0, 0)),
        ({"NumberOfTasksFailed": 2}, Progress(None, 0, 2)),
        ({"Timers": {}}, Progress(None, 0, 0)),
        (None, Progress(None, 0, 0)),
    ],
)
def test_missing_counts_are_unknown_or_zero(
    summary: dict[str, Any] | None, progress: Progress
) -> None:
    """AWS omits counts while a job is new."""
    description = {"JobId": "job-1", "Status": "New", "Priority": 1, "CreationTime": CREATED}
    if summary is not None:
        description["ProgressSummary"] = summary

    assert Job.from_description(description).progress == progress


LOCATION = {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "x"}

CSV = {"Format": "S3BatchOperations_CSV_20180820"}

GENERATOR = {
    "S3JobManifestGenerator": {
        "SourceBucket": "arn:aws:s3:::photos",
        "EnableManifestOutput": False,
    }
}


INVALID_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"RoleArn": None}, "RoleArn: Field required"),
    ({"Report": None}, "Report: Field required"),
    ({"Priority": None}, "Priority: Field required"),
    ({"Operation": None}, "Operation: Field required"),
    ({"ClientRequestToken": None}, "ClientRequestToken: Field required"),
    ({"Priority": -1}, "Priority: must be at least 0, got -1"),
    ({"Priority": 2147483648}, "Priority: must be at most 2147483647, got 2147483648"),
    ({"Description": ""}, "Description: length must be at least 1, got 0"),
    ({"Description": "x" * 257}, "Description: length must be at most 256, got 257"),
    ({"ClientRequestToken": "x" * 65}, "ClientRequestToken: length must be at most 64, got 65"),
    ({"RoleArn": "batch"}, "RoleArn: must match arn:.*; got 'batch'"),
    ({"RoleArn": "x arn:aws:iam::123456789012:role/b"}, "RoleArn: must match .*; got"),
    ({"Color": "red"}, "S3 Control does not accept Color here"),
    # operations
    ({"Operation": {}}, "Operation: must have exactly one member, got 0"),
    (
        {"Operation": {"S3ReplicateObject": {}, "S3DeleteObjectTagging": {}}},
        "Operation: must have exactly one member, got 2",
    ),
    ({"Operation": {"LambdaInvoke": {}}}, "Operation.LambdaInvoke: FunctionArn is required"),
    (
        {"Operation": {"LambdaInvoke": {"FunctionArn": "a function"}}},
        "Operation.LambdaInvoke.FunctionArn: must match .*; got 'a function'",
    ),
    (
        {"Operation": {"LambdaInvoke": {"FunctionArn": "f", "UserArguments": {"a": "b"}}}},
        "Operation.LambdaInvoke: UserArguments require InvocationSchemaVersion 2.0",
    ),
    (
        {"Operation": {"LambdaInvoke": {"FunctionArn": "f", "InvocationSchemaVersion": "3"}}},
        "Operation.LambdaInvoke: InvocationSchemaVersion must be 1.0 or 2.0",
    ),
    (
        {
            "Operation": {
                "LambdaInvoke": {
                    "FunctionArn": "f",
                    "InvocationSchemaVersion": "2.0",
                    "UserArguments": {str(number): "" for number in range(11)},
                }
            }
        },
        "Operation.LambdaInvoke.UserArguments: number of entries must be at most 10, got 11",
    ),
    (
        {"Operation": {"S3PutObjectCopy": {"StorageClass": "CELLAR"}}},
        "Operation.S3PutObjectCopy.StorageClass: must be one of STANDARD, .*; got 'CELLAR'",
    ),
    (
        {"Operation": {"S3PutObjectLegalHold": {"LegalHold": {}}}},
        "Operation.S3PutObjectLegalHold.LegalHold.Status: Field required",
    ),
    # manifests
    ({"Manifest": None}, "exactly one of Manifest and ManifestGenerator is required"),
    (
        {"ManifestGenerator": GENERATOR},
        "exactly one of Manifest and ManifestGenerator is required",
    ),
    (
        {"Manifest": None, "ManifestGenerator": {}},
        "ManifestGenerator: must have exactly one member, got 0",
    ),
    ({"Manifest": {"Location": LOCATION}}, "Manifest.Spec: Field required"),
    (
        {"Manifest": {"Spec": CSV, "Location": {**LOCATION, "ETag": ""}}},
        "Manifest.Location.ETag: length must be at least 1, got 0",
    ),
    (
        {"Manifest": {"Spec": CSV, "Location": {**LOCATION, "ObjectArn": "todo.csv"}}},
        "Manifest.Location.ObjectArn: must match .*; got 'todo.csv'",
    ),
    (
        {
            "Manifest": {
                "Spec": CSV,
                "Location": {**LOCATION, "ObjectArn": "arn:aws:s3:::photos"},
            }
        },
        "Manifest.Location: ObjectArn must contain a bucket and a key",
    ),
    (
        {"Manifest": {"Spec": {**CSV, "Fields": ["Bucket", "Kee"]}, "Location": LOCATION}},
        r"Manifest.Spec.Fields\[1\]: must be one of Ignore, Bucket, Key, VersionId; got 'Kee'",
    ),
    (
        {"Manifest": None, "ManifestGenerator": listing(MatchAnyPrefix=["a/", "b/"])},
        ".*KeyNameConstraint: MatchAnyPrefix must have one string, got 2",
    ),
    (
        {"Manifest": None, "ManifestGenerator": listing(MatchAnySubstring=["a"] * 3)},
        ".*KeyNameConstraint: MatchAnySubstring must have one string, got 3",
    ),
    # reports
    ({"Report": {"Enabled": True}}, "Report: Bucket is required if Enabled is true"),
    (
        {"Report": {"Enabled": True, "Bucket": "reports"}},
        "Report.Bucket: must match .*; got 'reports'",
    ),
    # tags
    ({"Tags": [{"Key": "a"}]}, "Tags: each tag must have a Key and a Value"),
    (
        {"Tags": [{"Key": "a", "Value": ""}, {"Key": "a", "Value": "b"}]},
        "Tags: each Key must be unique",
    ),
    ({"Tags": [{"Key": "a", "Value": "<b>"}]}, "Tags.a: must match .*; got '<b>'"),
    ({"Tags": [{"Key": "a\tb", "Value": ""}]}, r".*must match"),
    (
        {"Tags": [{"Key": str(number), "Value": ""} for number in range(51)]},
        "Tags: number of entries must be at most 50, got 51",
    ),
]


def test_invalid_requests_are_refused() -> None:
    """The error has AWS's code and names the member."""
    for changes, text in INVALID_REQUESTS:
        with pytest.raises(JobError, match=f"^{text}|; {text}") as refusal:
            JobSpec.from_request(a_request(**changes))

        assert refusal.value.code == "BadRequestException"
        assert "\n" not in str(refusal.value)


def test_an_error_names_all_invalid_members() -> None:
    with pytest.raises(JobError, match=r"^Priority: .*; RoleArn: "):
        JobSpec.from_request(a_request(Priority=-1, RoleArn="batch"))


@pytest.mark.parametrize(
    "changes",
    [
        {"Report": {"Enabled": False, "Format": "A" * 100_000}},
        {"Report": {"Enabled": False, "ReportScope": "A" * 100_000}},
        {"Tags": [{"Key": "A" * 100_000, "Value": ""}]},
        {"Tags": [{"Key": f"{number}<", "Value": "<"} for number in range(1_000)]},
        {"A" * 100_000: ""},
        {"Operation": {"S3PutObjectCopy": {"A" * 100_000: ""}}},
        {
            "Operation": {
                "LambdaInvoke": {
                    "FunctionArn": "f",
                    "InvocationSchemaVersion": "2.0",
                    "UserArguments": {"A" * 100_000: "b"},
                }
            }
        },
    ],
)
def test_an_error_does_not_repeat_the_request(changes: dict[str, Any]) -> None:
    """It has the member and the length of the omitted text."""
    with pytest.raises(JobError) as refusal:
        JobSpec.from_request(a_request(**changes))

    assert len(str(refusal.value)) < 4_000
    assert any(mark in str(refusal.value) for mark in ("of 100,0", "and 1995 more"))


def test_a_validation_error_is_short() -> None:
    """Pydantic's error does not repeat a long value."""
    with pytest.raises(ValidationError) as mistake:
        ReportRequest(enabled=False, format="A" * 100_000)

    assert len(str(mistake.value)) < 2_000


def test_tags_may_have_any_script() -> None:
    """Letters, digits and spaces of all scripts are accepted, symbols are not."""
    tags = [{"Key": "équipe №1", "Value": "写真 ٣ /a.b:c=d+e-f@g_h"}]

    with pytest.raises(JobError):  # № is a symbol
        JobSpec.from_request(a_request(Tags=tags))
    tags[0]["Key"] = "équipe 1"

    assert JobSpec.from_request(a_request(Tags=tags)).tags == {"équipe 1": tags[0]["Value"]}


def test_a_spec_is_converted_to_a_request() -> None:
    """A spec has Python's names; the request has AWS's names and a new token."""
    spec = job_spec()
    request = spec.to_request()
    token = request.pop("ClientRequestToken")

    assert request == {
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails"}},
        "Report": {"Enabled": False},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "x"},
        },
        "Priority": 10,
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
    }
    assert token == spec.client_request_token != job_spec().client_request_token


def test_an_invalid_spec_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be at least 0, got -1"):
        job_spec(priority=-1)


@pytest.mark.parametrize(("requested", "waits"), [(True, True), (None, True), (False, False)])
def test_a_job_waits_for_confirmation_by_default(requested: bool | None, waits: bool) -> None:
    assert job_spec(confirmation_required=requested).waits_for_confirmation is waits


@pytest.mark.parametrize(
    ("arn", "bucket", "key"),
    [
        ("arn:aws:s3:::photos/todo.csv", "photos", "todo.csv"),
        ("arn:aws-cn:s3:::photos/a/b c.csv", "photos", "a/b c.csv"),
        (
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers/object/a/b.csv",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers",
            "a/b.csv",
        ),
    ],
)
def test_the_arn_of_a_manifest_is_split(arn: str, bucket: str, key: str) -> None:
    location = ManifestLocation(object_arn=arn, etag="x", object_version_id="v1")

    assert location.object == ObjectRef(bucket=bucket, key=key, version_id="v1")
