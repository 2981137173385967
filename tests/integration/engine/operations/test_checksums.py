"""Jobs that compute checksums."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._model import ObjectRef, ResultCode
from s3batch_handler.engine.invoke._answer import ServiceError
from s3batch_handler.engine.operations import _checksums as checksums
from s3batch_handler.engine.operations._base import Store
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._operations import Operation
from tests.support.operation_jobs import (
    ACCOUNT,
    CHECKSUM,
    CHECKSUMS,
    MISSING,
    PHOTO,
    client,
    results,
    run,
    why,
)


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_checksum_is_in_the_report(s3: Any, algorithm: str) -> None:
    """It is JSON in the row of the object."""
    settings = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"}

    ((status, http_status, _, message),) = results(run({"S3ComputeObjectChecksum": settings}))

    assert (status, http_status) == ("succeeded", 200)
    result = json.loads(message)
    assert list(result) == [
        "checksum_base64",
        "etag",
        "checksumAlgorithm",
        "checksumType",
        "checksum_hex",
    ]
    assert result["checksum_hex"] == CHECKSUMS[algorithm]
    assert result["etag"] == "25f9e794323b453885f5181f1b624d0b"
    assert (result["checksumAlgorithm"], result["checksumType"]) == (algorithm, "FULL_OBJECT")


def test_a_checksum_is_written_as_by_aws(s3: Any) -> None:
    """Equals signs are escaped, as in AWS's example report."""
    ((_, _, _, message),) = results(
        run(
            {"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "CRC32", "ChecksumType": "COMPOSITE"}}
        )
    )

    # The CRC of the four bytes of the CRC.
    assert message == (
        r'{"checksum_base64":"7kxlUA\u003d\u003d-1","etag":"25f9e794323b453885f5181f1b624d0b",'
        '"checksumAlgorithm":"CRC32","checksumType":"COMPOSITE","checksum_hex":"EE4C6550-1"}'
    )


def test_a_composite_checksum_is_that_of_the_parts(s3: Any) -> None:
    """The number of parts follows it."""
    parts = [b"x" * 5 * 2**20, b"y"]
    place = {"Bucket": "photos", "Key": "large"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    uploaded = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"],
        }
        for number, part in enumerate(parts, 1)
    ]
    answer = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": uploaded})
    settings = {"ChecksumAlgorithm": "MD5", "ChecksumType": "COMPOSITE"}

    ((_, _, _, message),) = results(run({"S3ComputeObjectChecksum": settings}, "photos,large"))

    # Which is how S3 makes the ETag of such an object.
    etag = answer["ETag"].strip('"')
    assert json.loads(message)["checksum_hex"].lower() == json.loads(message)["etag"] == etag


def test_a_failed_checksum_has_its_own_form(s3: Any) -> None:
    """The row is like that of a function, with the error of S3 in its message."""
    job = run({"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA1"}}, MISSING)

    ((status, http_status, error_code, message),) = results(job)
    assert (status, http_status, error_code) == ("failed", 200, "PermanentFailure")
    prefix, _, details = message.partition("error details: ")
    details_of_failure = json.loads(details)
    assert (prefix, list(details_of_failure)) == ("", ["failureMessage", "errorCode"])
    assert details_of_failure["errorCode"] == "404"
    assert re.fullmatch(
        r"Task [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} failed: "
        r"NoSuchKey: The specified key does not exist\.",
        details_of_failure["failureMessage"],
    )


def test_a_checksum_is_retried_after_an_error_of_s3(s3: Any) -> None:
    """The row of the last try has its status."""
    calls = []

    def refuse(model: Any, **_: Any) -> Any:
        calls.append(model.name)
        error = {"Error": {"Code": "InternalError", "Message": "We encountered an error."}}
        raise ClientError(
            {**error, "ResponseMetadata": {"HTTPStatusCode": 500}},  # type: ignore[typeddict-item]
            model.name,
        )

    operation = s3_operation(Operation.model_validate(CHECKSUM), Store(client("s3")))
    client("s3").meta.events.register("before-call.s3.GetObject", refuse)
    try:
        answer = operation(ObjectRef(bucket="photos", key="a b+c.jpg"))
    finally:
        client("s3").meta.events.unregister("before-call.s3.GetObject", refuse)

    assert isinstance(answer, ServiceError)
    assert answer.code is ResultCode.TEMPORARY_FAILURE
    assert (answer.http_status, answer.error_code) == (200, "PermanentFailure")
    assert json.loads(answer.message.removeprefix("error details: "))["errorCode"] == "500"


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ({"Enabled": False}, "Report.Enabled must be true"),
        (
            {"Enabled": True, "Bucket": "arn:aws:s3:::reports"},
            "Report.ExpectedBucketOwner is required",
        ),
    ],
)
def test_checksums_need_a_report(report: dict[str, Any], reason: str) -> None:
    """AWS refuses a job without a report, or without the owner of its bucket."""
    request = {
        "Operation": CHECKSUM,
        "Report": report,
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        "ClientRequestToken": "1",
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::reports/m.csv", "ETag": "1"},
        },
    }

    with pytest.raises(JobError, match=reason) as refusal:
        JobSpec.from_request(request)

    assert refusal.value.code == "BadRequestException"


# Of nothing: the check values of the xxHash specification.
@pytest.mark.parametrize("package", ["xxhash", "awscrt"])
@pytest.mark.parametrize(
    ("algorithm", "of_nothing", "of_digits"),
    [
        ("XXHASH64", "EF46DB3751D8E999", "8CB841DB40E6AE83"),
        ("XXHASH3", "2D06800538D394C2", None),
        ("XXHASH128", "99AA06D3014798D86001C324468D497F", None),
    ],
)
def test_either_package_computes_xxhash(
    s3: Any,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    algorithm: str,
    of_nothing: str,
    of_digits: str | None,
) -> None:
    """The expected values are from the specification of xxHash."""
    pytest.importorskip(package)
    for other in {"xxhash": ("awscrt", "awscrt.checksums"), "awscrt": ("xxhash",)}[package]:
        monkeypatch.setitem(sys.modules, other, None)
    s3.put_object(Bucket="photos", Key="empty", Body=b"")

    found = results(
        run({"S3ComputeObjectChecksum": {"ChecksumAlgorithm": algorithm}}, "photos,empty", PHOTO)
    )

    checksums = [json.loads(message)["checksum_hex"] for *_, message in found]
    assert of_nothing in checksums
    assert of_digits is None or of_digits in checksums


@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME"])
def test_crcs_are_the_same_with_awscrt(
    s3: Any, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """The content has several chunks."""
    pytest.importorskip("awscrt.checksums")
    content = bytes(range(256)) * 5000  # more than one chunk
    new = checksums.checksum_algorithm(algorithm)
    monkeypatch.setattr(checksums, "_optional", lambda module: None)
    slow = checksums.checksum_algorithm(algorithm)

    fast_sum, slow_sum = new(), slow()
    for start in range(0, len(content), 1 << 20):
        fast_sum.update(content[start : start + (1 << 20)])
    slow_sum.update(content)

    assert isinstance(fast_sum, checksums._Crc)
    assert isinstance(slow_sum, checksums._ReflectedCrc)
    assert fast_sum.digest() == slow_sum.digest()


@pytest.mark.parametrize("algorithm", ["XXHASH64", "XXHASH3", "XXHASH128"])
def test_xxhash_without_its_package_fails_the_job(
    s3: Any, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """It fails before its first task, and names the package."""
    for package in ("xxhash", "awscrt", "awscrt.checksums"):
        monkeypatch.setitem(sys.modules, package, None)

    job = run({"S3ComputeObjectChecksum": {"ChecksumAlgorithm": algorithm}})

    code, reason = why(job)
    assert code == "NotImplemented"
    assert f'{algorithm} needs the package xxhash: pip install "s3batch-handler[local]"' in reason
