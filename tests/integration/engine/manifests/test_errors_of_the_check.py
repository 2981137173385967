"""Every error of ``manifest check`` fails a job of the local engine, or AWS documents it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from s3batch_handler import Task, task_handler
from s3batch_handler.documents.manifests.check._codes import CODES, Severity
from s3batch_handler.testing import mock_s3batch
from tests.support.manifest_findings import EXAMPLES, findings
from tests.support.manifest_jobs import client

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT: Final = "123456789012"

# The local engine does not imitate these; the pages are in the table of codes.
DOCUMENTED: Final = {
    "TrailingSpaces": "no spaces at the end of lines",
    "PayloadTooLong": "1,024 characters",
    "TooManyObjects": "4 billion and 20 billion objects",
}
TAGGING: Final = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
ERRORS: Final = {name for name, code in CODES.items() if code.severity is Severity.ERROR}
IN_FILES: Final = [
    pytest.param(content, id=f"{code} {number}")
    for number, (code, _, content) in enumerate(EXAMPLES)
    if code in ERRORS - DOCUMENTED.keys()
]
STORED: Final = {"EncryptedManifest", "StaleETag", "InvalidInventory", "ObjectNotFound"}


@task_handler
def read_object(task: Task) -> str:
    """Do what most functions do: read the object."""
    client("s3").head_object(**task.location)
    return "read"


@pytest.fixture
def s3() -> Iterator[Any]:
    """A bucket with the objects of the manifests, and a function ``f`` that reads them."""
    with mock_s3batch({"f": read_object}):
        s3 = client("s3")
        s3.create_bucket(Bucket="photos")
        for key in ("a", "b", "c", "d", "ok"):
            s3.put_object(Bucket="photos", Key=key)
        yield s3


def run(s3: Any, content: bytes = b"photos,a\n", **changes: Any) -> dict[str, Any]:
    """Run a job over a manifest, and return its description."""
    etag = s3.put_object(Bucket="photos", Key="m.csv", Body=content, **changes.get("put", {}))[
        "ETag"
    ]
    columns = ["Bucket", "Key", "VersionId"][: 3 if b"null" in content else 2]
    spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": columns}
    location = {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag.strip('"')}
    request = {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "Operation": changes.get("operation", {"LambdaInvoke": {"FunctionArn": "f"}}),
        "Report": {"Enabled": False},
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        "Manifest": {
            "Spec": changes.get("spec", spec),
            "Location": {**location, **changes.get("location", {})},
        },
    }
    s3control = client("s3control")
    job_id = s3control.create_job(**request)["JobId"]
    job: dict[str, Any] = s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
    return job


def has_failed(job: dict[str, Any]) -> bool:
    """Return whether the job, or one of its tasks, has failed."""
    return bool(job["Status"] == "Failed" or job["ProgressSummary"]["NumberOfTasksFailed"])


def test_every_error_has_a_proof() -> None:
    """Each is in one of the tests of this module, and names its source."""
    tested = {code for code, _, _ in EXAMPLES} & ERRORS

    assert (tested | STORED) >= ERRORS - DOCUMENTED.keys()
    assert tested | STORED | DOCUMENTED.keys() == ERRORS
    for code in ERRORS:
        assert re.match(r"S3 (User Guide|API Reference), \w", CODES[code].source), code


def test_a_manifest_without_errors_runs(s3: Any) -> None:
    """The proofs below do not fail for another reason."""
    job = run(s3, b"photos,a\nphotos,b\n")

    assert (job["Status"], has_failed(job)) == ("Complete", False)


@pytest.mark.parametrize("content", IN_FILES)
def test_a_job_over_a_manifest_with_an_error_fails(s3: Any, content: bytes) -> None:
    """The job, or a task: of a function, or of one of S3's own operations."""
    assert any(each.is_error for each in findings(content))
    assert has_failed(run(s3, content)) or has_failed(run(s3, content, operation=TAGGING))


def test_a_job_over_an_encrypted_manifest_fails(s3: Any) -> None:
    """EncryptedManifest."""
    assert has_failed(run(s3, put={"ServerSideEncryption": "aws:kms"}))


def test_a_job_with_a_stale_etag_fails(s3: Any) -> None:
    """StaleETag."""
    assert has_failed(run(s3, location={"ETag": "0" * 32}))


def test_a_job_over_an_inventory_in_orc_fails(s3: Any) -> None:
    """InvalidInventory."""
    document = (
        b'{"destinationBucket": "photos", "fileFormat": "ORC", "fileSchema": "", "files": []}'
    )

    job = run(s3, document, spec={"Format": "S3InventoryReport_CSV_20161130"})

    assert has_failed(job)


def test_a_job_over_an_object_that_does_not_exist_fails(s3: Any) -> None:
    """ObjectNotFound: a task fails."""
    assert has_failed(run(s3, b"photos,none\n"))
