"""Tasks of operations that fail, and their rows in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from s3batch_handler.core._model import JobRef, ObjectRef, Outcome, ResultCode
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine.invoke._answer import NotRun, ServiceError
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.run._run_job import JobSettings, run_job

if TYPE_CHECKING:
    from pathlib import Path


from tests.support.operation_jobs import (
    ENTRY,
    MISSING,
    PHOTO,
    TEMPLATE,
    copying,
    refuse,
    results,
    rows,
    run,
    tags_of,
)


@pytest.mark.parametrize(
    "operation",
    [
        copying(),
        {"S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "private"}}},
        {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
        {"S3DeleteObjectTagging": {}},
        {"S3InitiateRestoreObject": {"ExpirationInDays": 1}},
        {"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}},
        {"S3PutObjectRetention": {"Retention": {}}},
    ],
    ids=lambda operation: next(iter(operation)),
)
def test_a_missing_object_fails_its_task(s3: Any, operation: dict[str, Any], locked: str) -> None:
    """The row has status, code and message of S3. No object is created."""
    job = run(operation, "locked,missing")

    ((status, http_status, code, message),) = results(job)
    assert (status, http_status, code) == ("failed", 404, "NoSuchKey")
    assert message.startswith(
        "The specified key does not exist. (Service: Amazon S3; Status Code: 404; "
        "Error Code: NoSuchKey; Request ID: "
    )
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="locked")["Contents"]] == ["k"]


def test_a_missing_object_does_not_affect_others(s3: Any) -> None:
    """The counts of the job show both."""
    job = run({"S3DeleteObjectTagging": {}}, MISSING, PHOTO)

    assert job["Status"] == "Complete"
    counts = job["ProgressSummary"]
    assert (counts["NumberOfTasksSucceeded"], counts["NumberOfTasksFailed"]) == (1, 1)
    assert [row.key for row in rows(job) if row.status == "failed"] == ["missing.jpg"]
    assert tags_of(s3) == {}


def test_a_missing_version_fails_its_task(s3: Any) -> None:
    """No other version is changed."""
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})

    ((_, http_status, code, _),) = results(
        run({"S3DeleteObjectTagging": {}}, f"{PHOTO},no-such-version")
    )

    assert (http_status, code) == (404, "NoSuchVersion")
    assert tags_of(s3) == {"size": "big"}


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        (f"{PHOTO},", "InvalidRequest", "Task failed due to missing VersionId"),
        ("photos,%FF", "InvalidURI", "Couldn't parse the specified URI."),
        (
            "photos--use1-az4--x-s3,k",
            "InvalidRequest",
            "S3DeleteObjectTagging is not supported for directory buckets",
        ),
    ],
)
def test_invalid_tasks_fail_without_a_call(s3: Any, line: str, code: str, reason: str) -> None:
    """Without a version ID, with an invalid key, or in a bucket of the wrong type."""
    job = run({"S3DeleteObjectTagging": {}}, line)

    assert results(job) == [("failed", 400, code, reason)]


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (
            refuse(403, "AccessDenied"),
            (403, "AccessDenied", ResultCode.PERMANENT_FAILURE),
        ),
        (refuse(503, "SlowDown"), (503, "SlowDown", ResultCode.TEMPORARY_FAILURE)),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            (500, "InternalError", ResultCode.TEMPORARY_FAILURE),
        ),
        (AttributeError("moto"), (500, "InternalError", ResultCode.PERMANENT_FAILURE)),
    ],
    ids=["refused", "throttled", "away", "broken"],
)
def test_errors_of_s3_become_answers(error: Exception, answer: tuple[Any, ...]) -> None:
    """Temporary errors are retried."""

    def operation(item: ObjectRef) -> Outcome:
        raise error

    ((_, refused, _),) = S3Invoker(operation, "S3PutObjectCopy").invoke_all(
        TEMPLATE, [ENTRY], stop=lambda: False
    )

    assert isinstance(refused, ServiceError)
    assert (refused.http_status, refused.error_code, refused.code) == answer


def test_a_parameter_that_botocore_rejects_fails_the_task(s3: Any) -> None:
    """The row names the parameter: copies cannot have this grant."""
    grant = {"Grantee": {"TypeIdentifier": "id", "Identifier": "bob"}, "Permission": "WRITE"}

    ((_, http_status, code, message),) = results(run(copying(AccessControlGrants=[grant])))

    assert (http_status, code) == (400, "InvalidRequest")
    assert 'Unknown parameter in input: "GrantWrite"' in message


@pytest.mark.parametrize("tries_until_it_works", [2, 9])
def test_throttled_tasks_are_retried(tmp_path: Path, tries_until_it_works: int) -> None:
    """After the last try, the row has status and code of S3."""
    tries = 0

    def operation(item: ObjectRef) -> Outcome:
        nonlocal tries
        tries += 1
        if tries < tries_until_it_works:
            raise refuse(503, "SlowDown")
        return Outcome(ResultCode.SUCCEEDED, "Successful")

    report = ReportWriter(LocalFolder(tmp_path), job_id="j")
    run_job(
        [ENTRY],
        S3Invoker(operation, "S3PutObjectCopy"),
        JobSettings(job=JobRef(id="j")),
        report=report,
    )

    (row,) = read_report(str(tmp_path / "job-j")).rows()
    if tries_until_it_works == 2:
        assert (row.status, tries) == ("succeeded", 2)
    else:
        assert (row.http_status, row.error_code, tries) == (503, "SlowDown", 4)
        assert row.message == (
            "No. (Service: Amazon S3; Status Code: 503; Error Code: SlowDown; Request ID: R; "
            "S3 Extended Request ID: H; Proxy: null)"
        )


def test_a_stopped_job_starts_no_task() -> None:
    """The entry that was read is returned as NotRun."""
    answers = S3Invoker(lambda item: pytest.fail("begun"), "S3PutObjectCopy").invoke_all(
        TEMPLATE, iter([ENTRY, ENTRY]), stop=lambda: True
    )

    assert list(answers) == [(ENTRY, NotRun(), None)]
