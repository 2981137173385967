"""S3's own operations: jobs made with boto3 that change what is in a bucket, and report it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.loaders import Loader
from botocore.stub import ANY, Stubber
from moto.s3.models import s3_backends

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._model import JobRef, ObjectRef, Outcome, ResultCode
from s3batch_handler.documents._manifest import ManifestEntry
from s3batch_handler.documents._report import read_report
from s3batch_handler.documents._report_writer import ReportWriter
from s3batch_handler.documents._storage import LocalFolder
from s3batch_handler.engine.invoke._answer import NotRun, Refused
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.operations import _checksums as checksums
from s3batch_handler.engine.operations._base import CannotRun
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.operations._table import s3_operation
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._operations import Operation
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler.documents._report import ReportRow

ACCOUNT = "123456789012"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
YESTERDAY = TOMORROW - timedelta(days=2)
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@cache
def client(service: str) -> Any:
    """Make a client once for all tests; what it talks to is moto's, and new each time."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client(service)


@pytest.fixture
def s3() -> Iterator[Any]:
    """S3 with two buckets, ``photos`` with one object, in which jobs run."""
    with mock_s3batch({}):
        s3 = client("s3")
        for bucket in ("photos", "copies", "reports"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="photos", Key="a b+c.jpg", Body=b"123456789", Tagging="size=big")
        yield s3


PHOTO = "photos,a%20b%2Bc.jpg"
MISSING = "photos,missing.jpg"
LOCATION = {"Bucket": "photos", "Key": "a b+c.jpg"}


def run(operation: dict[str, Any], *lines: str) -> dict[str, Any]:
    """Run a job over the lines of a manifest, and describe it."""
    body = "".join(f"{line}\n" for line in lines or (PHOTO,))
    etag = client("s3").put_object(Bucket="reports", Key="m.csv", Body=body)["ETag"].strip('"')
    fields = ["Bucket", "Key", "VersionId"][: body.partition("\n")[0].count(",") + 1]
    control = client("s3control")
    job_id = control.create_job(
        AccountId=ACCOUNT,
        ConfirmationRequired=False,
        Operation=operation,
        Manifest={
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": fields},
            "Location": {"ObjectArn": "arn:aws:s3:::reports/m.csv", "ETag": etag},
        },
        Report={
            "Enabled": True,
            "Bucket": "arn:aws:s3:::reports",
            "ExpectedBucketOwner": ACCOUNT,
        },
        Priority=1,
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/batch",
    )["JobId"]
    job: dict[str, Any] = control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
    return job


def rows(job: dict[str, Any]) -> list[ReportRow]:
    assert job["Status"] == "Complete", job["FailureReasons"]
    return list(read_report(f"s3://reports/job-{job['JobId']}", s3=client("s3")).rows())


def results(job: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What the report says became of each object."""
    return [(row.status, row.http_status, row.error_code, row.message) for row in rows(job)]


def why(job: dict[str, Any]) -> tuple[str, str]:
    assert job["Status"] == "Failed"
    (reason,) = job["FailureReasons"]
    return reason["FailureCode"], reason["FailureReason"]


def tags_of(s3: Any, **location: str) -> dict[str, str]:
    tags = s3.get_object_tagging(**{**LOCATION, **location})["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in tags}


DONE = [("succeeded", 200, None, "Successful")]


# ---------------------------------------------------------------- tags


def test_tags_are_replaced(s3: Any) -> None:
    """All that were there before are gone; the key is read as manifests spell it."""
    job = run({"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "1 + 1"}]}})

    assert results(job) == DONE
    assert tags_of(s3) == {"a": "1 + 1"}


@pytest.mark.parametrize(
    "operation", [{"S3DeleteObjectTagging": {}}, {"S3PutObjectTagging": {"TagSet": []}}]
)
def test_tags_are_taken_off(s3: Any, operation: dict[str, Any]) -> None:
    """By name, or by putting none in their place."""
    assert results(run(operation)) == DONE
    assert tags_of(s3) == {}


def test_versions(s3: Any) -> None:
    """The version that the manifest names is the one that is changed."""
    s3.put_bucket_versioning(Bucket="copies", VersioningConfiguration={"Status": "Enabled"})
    old, new = (s3.put_object(Bucket="copies", Key="k")["VersionId"] for _ in range(2))

    job = run({"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}, f"copies,k,{old}")

    assert results(job) == DONE
    assert tags_of(s3, Bucket="copies", Key="k", VersionId=old) == {"a": "b"}
    assert tags_of(s3, Bucket="copies", Key="k", VersionId=new) == {}


def test_the_null_version(s3: Any) -> None:
    """It is the one from before versioning was on, also where it never was."""
    assert results(run({"S3DeleteObjectTagging": {}}, f"{PHOTO},null")) == DONE
    assert tags_of(s3) == {}


# ---------------------------------------------------------------- access


def acl_of(s3: Any, bucket: str = "photos") -> set[tuple[str, str]]:
    grants = s3.get_object_acl(Bucket=bucket, Key=LOCATION["Key"])["Grants"]
    return {(g["Grantee"].get("URI") or g["Grantee"]["ID"], g["Permission"]) for g in grants}


def test_a_canned_acl(s3: Any) -> None:
    """It is put in the place of the one that was there."""
    policy = {"CannedAccessControlList": "public-read"}

    assert results(run({"S3PutObjectAcl": {"AccessControlPolicy": policy}})) == DONE
    assert (EVERYBODY, "READ") in acl_of(s3)


GRANTS = [
    {"Grantee": {"TypeIdentifier": "id", "Identifier": "ann"}, "Permission": "FULL_CONTROL"},
    {"Grantee": {"TypeIdentifier": "uri", "Identifier": EVERYBODY}, "Permission": "READ"},
    {"Grantee": {"TypeIdentifier": "id", "Identifier": "bob"}, "Permission": "READ_ACP"},
    {"Grantee": {"TypeIdentifier": "id", "Identifier": "eve"}, "Permission": "WRITE_ACP"},
]
GRANTED = {
    ("ann", "FULL_CONTROL"),
    (EVERYBODY, "READ"),
    ("bob", "READ_ACP"),
    ("eve", "WRITE_ACP"),
}


def test_a_list_of_grants(s3: Any) -> None:
    """Who may do what is what the list says, and no more."""
    acl = {"Owner": {"ID": "ann"}, "Grants": GRANTS}
    job = run({"S3PutObjectAcl": {"AccessControlPolicy": {"AccessControlList": acl}}})

    assert results(job) == DONE
    assert acl_of(s3) == GRANTED


def test_a_list_without_grants(s3: Any) -> None:
    """What others were allowed is over."""
    s3.put_object_acl(**LOCATION, ACL="public-read")
    acl = {"Owner": {"ID": "ann"}}
    job = run({"S3PutObjectAcl": {"AccessControlPolicy": {"AccessControlList": acl}}})

    assert results(job) == DONE
    assert (EVERYBODY, "READ") not in acl_of(s3)


# ---------------------------------------------------------------- object lock, Glacier


@pytest.fixture
def locked(s3: Any) -> str:
    """An object in a bucket with Object Lock, as a line of a manifest."""
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="locked", Key="k")
    return "locked,k"


def test_a_legal_hold(s3: Any, locked: str) -> None:
    """On, and off again."""
    for status in ("ON", "OFF"):
        job = run({"S3PutObjectLegalHold": {"LegalHold": {"Status": status}}}, locked)

        assert results(job) == DONE
        hold = s3.get_object_legal_hold(Bucket="locked", Key="k")["LegalHold"]
        assert hold == {"Status": status}


def test_a_retention(s3: Any, locked: str) -> None:
    """Mode and date are those that were asked for."""
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW}
    asked = {"BypassGovernanceRetention": True, "Retention": retention}

    assert results(run({"S3PutObjectRetention": asked}, locked)) == DONE
    kept = s3.head_object(Bucket="locked", Key="k")
    assert (kept["ObjectLockMode"], kept["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", TOMORROW)


def test_a_lock_in_a_bucket_without(s3: Any) -> None:
    """S3's own words are in the row, as AWS's reports have them."""
    ((status, http_status, code, message),) = results(
        run({"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}})
    )

    assert (status, http_status, code) == ("failed", 400, "InvalidRequest")
    assert message.startswith(
        "Bucket is missing ObjectLockConfiguration (Service: Amazon S3; Status Code: 400; "
        "Error Code: InvalidRequest; Request ID: "
    )
    assert message.endswith("; Proxy: null)")


def test_restoring_from_glacier(s3: Any) -> None:
    """The order is given; what is not in Glacier cannot be restored."""
    s3.put_object(Bucket="photos", Key="cold", StorageClass="GLACIER")
    asked = {"ExpirationInDays": 2, "GlacierJobTier": "BULK"}

    restored, not_archived = rows(run({"S3InitiateRestoreObject": asked}, "photos,cold", PHOTO))

    assert (restored.key, restored.message) == ("cold", "Successful")
    assert "expiry-date" in s3.head_object(Bucket="photos", Key="cold")["Restore"]
    assert (not_archived.http_status, not_archived.error_code) == (403, "InvalidObjectState")


# ---------------------------------------------------------------- copies


def copying(**asked: Any) -> dict[str, Any]:
    return {"S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::copies", **asked}}


def test_a_copy(s3: Any) -> None:
    """It is as the original: content, tags, metadata."""
    s3.put_object(**LOCATION, Body=b"new", Tagging="a=b", Metadata={"c": "d"}, CacheControl="no")

    assert results(run(copying())) == DONE

    copy = s3.get_object(Bucket="copies", Key="a b+c.jpg")
    assert copy["Body"].read() == b"new"
    assert (copy["Metadata"], copy["CacheControl"]) == ({"c": "d"}, "no")
    assert tags_of(s3, Bucket="copies") == {"a": "b"}


@pytest.mark.parametrize("prefix", ["folder", "folder/"])
def test_a_copy_in_a_folder(s3: Any, prefix: str) -> None:
    """One slash lies between them."""
    run(copying(TargetKeyPrefix=prefix))

    (copy,) = s3.list_objects_v2(Bucket="copies")["Contents"]
    assert copy["Key"] == "folder/a b+c.jpg"


def test_all_that_a_copy_can_be(s3: Any) -> None:
    """Every parameter that moto keeps is that of the copy."""
    metadata = {
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "image/jpeg",
        "HttpExpiresDate": TOMORROW,
        "UserMetadata": {"colour": "blue"},
    }
    asked = {
        "CannedAccessControlList": "public-read",
        "ModifiedSinceConstraint": YESTERDAY,
        "UnModifiedSinceConstraint": TOMORROW,
        "NewObjectMetadata": metadata,
        "NewObjectTagging": [{"Key": "a", "Value": "1 + 1 =2"}],
        "RedirectLocation": "/elsewhere",
        "RequesterPays": True,
        "StorageClass": "STANDARD_IA",
        "SSEAwsKmsKeyId": KMS_KEY,
        "BucketKeyEnabled": True,
        "ChecksumAlgorithm": "SHA256",
        "AnnotationDirective": "COPY",
    }

    assert results(run(copying(**asked))) == DONE

    copy = s3.head_object(Bucket="copies", Key="a b+c.jpg", ChecksumMode="ENABLED")
    assert copy.pop("Metadata") == {"colour": "blue"}
    assert (EVERYBODY, "READ") in acl_of(s3, "copies")
    assert tags_of(s3, Bucket="copies") == {"a": "1 + 1 =2"}
    expected = {
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "image/jpeg",
        "Expires": TOMORROW,
        "WebsiteRedirectLocation": "/elsewhere",
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": KMS_KEY,
        "BucketKeyEnabled": True,
        "ChecksumSHA256": b64encode(bytes.fromhex(CHECKSUMS["SHA256"])).decode(),
    }
    assert {name: copy.get(name) for name in expected} == expected


def test_every_parameter_of_a_copy_reaches_s3() -> None:
    """CopyObject is asked for all of it, also for what moto does not keep."""
    s3: Any = boto3.Session("a", "b", region_name="us-east-1").client("s3")
    asked = Operation.model_validate(
        copying(
            MetadataDirective="COPY",
            AnnotationDirective="EXCLUDE",
            AccessControlGrants=[*GRANTS, GRANTS[1]],
            NewObjectMetadata={"SSEAlgorithm": "KMS"},
            NewObjectTagging=[],
            ObjectLockLegalHoldStatus="ON",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=TOMORROW,
            ObjectLockEventHold="ON",
            ObjectLockEventHoldDuration={"Days": 7},
            ModifiedSinceConstraint=YESTERDAY,
            UnModifiedSinceConstraint=TOMORROW,
            RequesterPays=True,
        )
    )
    object_ = ObjectRef(bucket="photos", key="k", version_id="v")
    location = {"Bucket": "photos", "Key": "k", "VersionId": "v"}
    expected = {
        "Bucket": "copies",
        "Key": "k",
        "CopySource": location,
        "MetadataDirective": "COPY",
        "AnnotationDirective": "EXCLUDE",
        "GrantFullControl": 'id="ann"',
        "GrantRead": f'uri="{EVERYBODY}",uri="{EVERYBODY}"',
        "GrantReadACP": 'id="bob"',
        "GrantWriteACP": 'id="eve"',
        "Metadata": {},
        "ServerSideEncryption": "aws:kms",
        "TaggingDirective": "REPLACE",
        "Tagging": "",
        "ObjectLockLegalHoldStatus": "ON",
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": TOMORROW,
        "ObjectLockEventHold": "ON",
        "ObjectLockEventHoldDurationDays": 7,
        "CopySourceIfModifiedSince": YESTERDAY,
        "CopySourceIfUnmodifiedSince": TOMORROW,
        "RequestPayer": "requester",
    }

    with Stubber(s3) as stub:
        conditions = {
            "IfModifiedSince": YESTERDAY,
            "IfUnmodifiedSince": TOMORROW,
            "RequestPayer": "requester",
        }
        stub.add_response("head_object", {"ContentLength": 1}, {**location, **conditions})
        stub.add_response("copy_object", {}, expected)

        answer = s3_operation(asked, s3)(object_)

        stub.assert_no_pending_responses()
    assert answer == Outcome(ResultCode.SUCCEEDED, "Successful")


def test_a_copy_with_grants(s3: Any) -> None:
    """They are those of the copy."""
    assert results(run(copying(AccessControlGrants=GRANTS))) == DONE
    assert acl_of(s3, "copies") == GRANTED


@pytest.mark.parametrize(
    "condition", [{"ModifiedSinceConstraint": TOMORROW}, {"UnModifiedSinceConstraint": YESTERDAY}]
)
def test_a_copy_whose_condition_is_not_met(s3: Any, condition: dict[str, Any]) -> None:
    """It is not made, although moto would; the row says why as S3 does."""
    ((status, http_status, code, message),) = results(run(copying(**condition)))

    assert (status, http_status, code) == ("failed", 412, "PreconditionFailed")
    assert message.startswith("At least one of the pre-conditions you specified did not hold (")
    assert "Contents" not in s3.list_objects_v2(Bucket="copies")


def test_a_copy_of_more_than_five_gigabytes(s3: Any) -> None:
    """CopyObject does not make it, nor do jobs."""
    backend = s3_backends[ACCOUNT]["aws"]
    photo: Any = backend.get_object("photos", "a b+c.jpg")

    photo.contentsize = 5 * 1024**3 + 1
    ((status, http_status, code, message),) = results(run(copying()))

    assert (status, http_status, code) == ("failed", 400, "InvalidRequest")
    assert message.startswith(
        "The specified copy source is larger than the maximum allowable size for a copy source: "
        "5368709120 (Service: Amazon S3; Status Code: 400; "
    )
    assert "Contents" not in s3.list_objects_v2(Bucket="copies")


def test_a_copy_into_a_bucket_that_is_not_there(s3: Any) -> None:
    """The rows say so."""
    job = run(copying(TargetResource="arn:aws:s3:::nowhere"))

    ((status, http_status, code, _),) = results(job)
    assert (status, http_status, code) == ("failed", 404, "NoSuchBucket")


# ---------------------------------------------------------------- checksums

CHECKSUM = {"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA1"}}

# Of "123456789": the check values of the CRCs, and what coreutils say.
CHECKSUMS = {
    "CRC32": "CBF43926",
    "CRC32C": "E3069283",
    "CRC64NVME": "AE8B14860A799888",
    "MD5": "25F9E794323B453885F5181F1B624D0B",
    "SHA1": "F7C3BC1D808E04732ADF679965CCC34CA7AE3441",
    "SHA256": "15E2B0D3C33891EBB0F1EF609EC419420C20E320CE94C65FBC8C3312448EB225",
    "SHA512": (
        "D9E6762DD1C8EAF6D61B3C6192FC408D4D6D5F1176D0C29169BC24E71C3F274A"
        "D27FCD5811B313D681F7E55EC02D73D499C95455B6B5BB503ACF574FBA8FFE85"
    ),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_checksum(s3: Any, algorithm: str) -> None:
    """It is in the row, as JSON; nothing else happens."""
    asked = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"}

    ((status, http_status, _, message),) = results(run({"S3ComputeObjectChecksum": asked}))

    assert (status, http_status) == ("succeeded", 200)
    told = json.loads(message)
    assert list(told) == [
        "checksum_base64",
        "etag",
        "checksumAlgorithm",
        "checksumType",
        "checksum_hex",
    ]
    assert told["checksum_hex"] == CHECKSUMS[algorithm]
    assert told["etag"] == "25f9e794323b453885f5181f1b624d0b"
    assert (told["checksumAlgorithm"], told["checksumType"]) == (algorithm, "FULL_OBJECT")


def test_how_a_checksum_is_spelled(s3: Any) -> None:
    """In letters as AWS's report has them, its equals signs escaped."""
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


def test_a_checksum_of_parts(s3: Any) -> None:
    """It is that of the checksums of the parts, with their number."""
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
    asked = {"ChecksumAlgorithm": "MD5", "ChecksumType": "COMPOSITE"}

    ((_, _, _, message),) = results(run({"S3ComputeObjectChecksum": asked}, "photos,large"))

    # Which is how S3 makes the ETag of such an object.
    etag = answer["ETag"].strip('"')
    assert json.loads(message)["checksum_hex"].lower() == json.loads(message)["etag"] == etag


def test_a_checksum_of_what_is_not_there(s3: Any) -> None:
    """Rows of failed tasks have a form of their own."""
    job = run({"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA1"}}, MISSING)

    ((status, http_status, error_code, message),) = results(job)
    assert (status, http_status, error_code) == ("failed", 200, "PermanentFailure")
    prefix, _, details = message.partition("error details: ")
    told = json.loads(details)
    assert (prefix, list(told)) == ("", ["failureMessage", "errorCode"])
    assert told["errorCode"] == "404"
    assert re.fullmatch(
        r"Task [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} failed: "
        r"NoSuchKey: The specified key does not exist\.",
        told["failureMessage"],
    )


def test_a_checksum_that_s3_fails_to_read_is_tried_again(s3: Any) -> None:
    """The row is that of a failed checksum, with the last status."""
    calls = []

    def refuse(model: Any, **_: Any) -> Any:
        calls.append(model.name)
        error = {"Error": {"Code": "InternalError", "Message": "We encountered an error."}}
        raise ClientError(
            {**error, "ResponseMetadata": {"HTTPStatusCode": 500}},  # type: ignore[typeddict-item]
            model.name,
        )

    operation = s3_operation(Operation.model_validate(CHECKSUM), client("s3"))
    client("s3").meta.events.register("before-call.s3.GetObject", refuse)
    try:
        answer = operation(ObjectRef(bucket="photos", key="a b+c.jpg"))
    finally:
        client("s3").meta.events.unregister("before-call.s3.GetObject", refuse)

    assert isinstance(answer, Refused)
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
    """The report is all that comes of them: AWS refuses a job without it, or without its owner."""
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
def test_xxhash_checksums(
    s3: Any,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    algorithm: str,
    of_nothing: str,
    of_digits: str | None,
) -> None:
    """Either package computes them."""
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
def test_crcs_by_awscrt(s3: Any, monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    """They are the same with awscrt, over several chunks, too."""
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


# ---------------------------------------------------------------- what goes wrong with one object


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
def test_an_object_that_is_not_there(s3: Any, operation: dict[str, Any], locked: str) -> None:
    """Its row has S3's status, code and words; nothing appears in the bucket."""
    job = run(operation, "locked,missing")

    ((status, http_status, code, message),) = results(job)
    assert (status, http_status, code) == ("failed", 404, "NoSuchKey")
    assert message.startswith(
        "The specified key does not exist. (Service: Amazon S3; Status Code: 404; "
        "Error Code: NoSuchKey; Request ID: "
    )
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="locked")["Contents"]] == ["k"]


def test_one_object_of_several_is_not_there(s3: Any) -> None:
    """The others are done all the same, and the counts say how many."""
    job = run({"S3DeleteObjectTagging": {}}, MISSING, PHOTO)

    assert job["Status"] == "Complete"
    counts = job["ProgressSummary"]
    assert (counts["NumberOfTasksSucceeded"], counts["NumberOfTasksFailed"]) == (1, 1)
    assert [row.key for row in rows(job) if row.status == "failed"] == ["missing.jpg"]
    assert tags_of(s3) == {}


def test_a_version_that_is_not_there(s3: Any) -> None:
    """Nor is another one taken for it."""
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
def test_what_s3_is_not_even_asked_for(s3: Any, line: str, code: str, reason: str) -> None:
    """No version where there should be one, no key, no bucket for it."""
    job = run({"S3DeleteObjectTagging": {}}, line)

    assert results(job) == [("failed", 400, code, reason)]


TEMPLATE = EventTemplate("1.0", {"id": "job-1"})
ENTRY = ManifestEntry("photos", "k", None)


def refuse(status: int, code: str, operation: str = "CopyObject") -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "No."},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "R", "HostId": "H"},
    }
    return ClientError(answer, operation)


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
def test_what_s3_can_answer(error: Exception, answer: tuple[Any, ...]) -> None:
    """Whatever it is, the task gets an answer; what may pass is worth another try."""

    def operation(item: ObjectRef) -> Outcome:
        raise error

    ((_, refused),) = S3Invoker(operation, "S3PutObjectCopy").invoke_all(
        TEMPLATE, [ENTRY], stop=lambda: False
    )

    assert isinstance(refused, Refused)
    assert (refused.http_status, refused.error_code, refused.code) == answer


def test_a_parameter_that_botocore_does_not_take(s3: Any) -> None:
    """The row says which: there is no such grant for copies."""
    grant = {"Grantee": {"TypeIdentifier": "id", "Identifier": "bob"}, "Permission": "WRITE"}

    ((_, http_status, code, message),) = results(run(copying(AccessControlGrants=[grant])))

    assert (http_status, code) == (400, "InvalidRequest")
    assert 'Unknown parameter in input: "GrantWrite"' in message


@pytest.mark.parametrize("tries_until_it_works", [2, 9])
def test_throttling(tmp_path: Path, tries_until_it_works: int) -> None:
    """It is redriven; what still fails in the end has S3's own status and code in its row."""
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


def test_a_job_that_is_stopped() -> None:
    """No task is begun any more."""
    answers = S3Invoker(lambda item: pytest.fail("begun"), "S3PutObjectCopy").invoke_all(
        TEMPLATE, iter([ENTRY, ENTRY]), stop=lambda: True
    )

    assert list(answers) == [(ENTRY, NotRun())]


# ---------------------------------------------------------------- what cannot be done here


ASKED: dict[str, Any] = {
    "LambdaInvoke": {"FunctionArn": "not-registered"},
    "S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::copies"},
    "S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "private"}},
    "S3PutObjectLegalHold": {"LegalHold": {"Status": "OFF"}},
    "S3PutObjectRetention": {"Retention": {}},
    "S3UpdateObjectEncryption": {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": KMS_KEY}}},
}
OPERATIONS = list(client("s3control").meta.service_model.shape_for("JobOperation").members)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_of_the_service_model(s3: Any, name: str) -> None:
    """It is run, or the job says that it cannot be."""
    job = run({name: ASKED.get(name, {})})

    if name == "LambdaInvoke":
        assert why(job)[0] == "ResourceNotFoundException"
    elif name in ("S3ReplicateObject", "S3UpdateObjectEncryption") or name not in _KNOWN:
        code, reason = why(job)
        assert code == "NotImplemented"
        assert reason.startswith(f"{name} is not implemented here")
    else:
        assert job["ProgressSummary"]["TotalNumberOfTasks"] == len(rows(job)) == 1


_KNOWN = {field.serialization_alias for field in Operation.model_fields.values()}


def test_an_operation_that_came_later(tmp_path: Path) -> None:
    """Where botocore's service model has it, it can be asked for; its job says what is missing."""
    model: Any = Loader().load_service_model("s3control", "service-2")
    model["shapes"]["JobOperation"]["members"]["S3FoldObject"] = {
        "shape": "S3ReplicateObjectOperation"
    }
    folder = tmp_path / ".aws" / "models" / "s3control" / "2018-08-20"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    program = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("tests_of_operations", {__file__!r})
tests = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = tests
spec.loader.exec_module(tests)
with tests.mock_s3batch({{}}):
    tests.client("s3").create_bucket(Bucket="reports")
    job = tests.run({{"S3FoldObject": {{}}}})
    print(job["Operation"], *tests.why(job))
"""

    told = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path)},
    ).stdout

    assert told == ("{'S3FoldObject': {}} NotImplemented S3FoldObject is not implemented here\n")


def test_an_s3_that_does_not_know_a_call() -> None:
    """boto3 may be older than the call."""
    with pytest.raises(CannotRun, match="S3PutObjectTagging is not implemented here"):
        s3_operation(Operation.model_validate({"S3PutObjectTagging": {}}), object())


def test_an_s3_that_says_so_itself() -> None:
    """Nothing is done, and no row is written of it; once it has done something it can do it."""
    answers = [refuse(404, "NoSuchKey"), None, refuse(501, "NotImplemented")]

    def operation(item: ObjectRef) -> Outcome:
        if (error := answers.pop(0)) is not None:
            raise error
        return Outcome(ResultCode.SUCCEEDED, "Successful")

    on_s3 = S3Invoker(operation, "S3PutObjectAcl")
    invoked = on_s3.invoke_all(TEMPLATE, [ENTRY] * 3, stop=lambda: False)

    assert [getattr(answer, "http_status", 200) for _, answer in invoked] == [404, 200, 501]

    answers = [refuse(404, "NoSuchKey"), refuse(501, "NotImplemented")]
    invoked = S3Invoker(operation, "S3PutObjectAcl").invoke_all(
        TEMPLATE, [ENTRY] * 2, stop=lambda: False
    )
    with pytest.raises(CannotRun, match=r"not implemented here: No\.$") as failed:
        list(invoked)
    assert failed.value.failure.failure_code == "NotImplemented"


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_object_with_tags_is_not_copied_into_a_directory_bucket(slash: str) -> None:
    """S3 answers 501 for it; the job goes on with the others. moto has no directory buckets."""
    target = f"arn:aws:s3express:us-east-1:{ACCOUNT}:{slash}bucket/a--use1-az4--x-s3"
    operation = s3_operation(
        Operation.model_validate({"S3PutObjectCopy": {"TargetResource": target}}), client("s3")
    )
    buckets = []

    def answer(model: Any, params: Any, context: Any, **_: Any) -> Any:
        status, body = 200, {"ContentLength": 1, "ETag": "1"}
        if model.name == "CopyObject":
            buckets.append(context["input_params"]["Bucket"])
            status, body = 501, {"Error": {"Code": "NotImplemented", "Message": "A header …"}}
        return SimpleNamespace(status_code=status, headers={}), {
            **body,
            "ResponseMetadata": {"HTTPStatusCode": status},
        }

    client("s3").meta.events.register("before-call.s3", answer)
    try:
        invoked = S3Invoker(operation, "S3PutObjectCopy").invoke_all(
            TEMPLATE, [ENTRY] * 2, stop=lambda: False
        )
        answers = [answer for _, answer in invoked]
    finally:
        client("s3").meta.events.unregister("before-call.s3", answer)

    assert all(isinstance(answer, Refused) for answer in answers)
    assert {(one.http_status, one.error_code) for one in answers} == {(501, "NotImplemented")}  # type: ignore[union-attr]
    assert set(buckets) == {"a--use1-az4--x-s3"}


ENCRYPTION = {"SSEKMS": {"KMSKeyArn": KMS_KEY, "BucketKeyEnabled": True}}


@pytest.mark.parametrize("versioning", ["Suspended", "Enabled"])
def test_an_s3_that_takes_another_encryption_for_an_upload(s3: Any, versioning: str) -> None:
    """As moto does: the job says so, and all objects are what they were."""
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": versioning})
    before = s3.list_object_versions(Bucket="photos")

    job = run({"S3UpdateObjectEncryption": {"ObjectEncryption": ENCRYPTION}})

    reason = "this S3 treats UpdateObjectEncryption as an upload"
    text = f"S3UpdateObjectEncryption is not implemented here: {reason}"
    assert why(job) == ("NotImplemented", text)
    after = s3.list_object_versions(Bucket="photos")
    assert (after["Versions"], "DeleteMarkers" in after) == (before["Versions"], False)


def test_an_s3_that_knows_another_encryption() -> None:
    """It is asked once for what is not there, and then for the objects."""
    s3: Any = boto3.Session("a", "b", region_name="us-east-1").client("s3")
    asked = Operation.model_validate({"S3UpdateObjectEncryption": {"ObjectEncryption": ENCRYPTION}})
    call = "update_object_encryption"

    with Stubber(s3) as stub:
        expected = {"Bucket": "photos", "ObjectEncryption": ENCRYPTION}
        stub.add_client_error(call, "NoSuchKey", expected_params={**expected, "Key": ANY})
        stub.add_response(call, {}, {**expected, "Key": "a"})
        stub.add_response(call, {}, {**expected, "Key": "b", "VersionId": "v"})
        operation = s3_operation(asked, s3)

        answers = [
            operation(ObjectRef(bucket="photos", key="a")),
            operation(ObjectRef(bucket="photos", key="b", version_id="v")),
        ]

        stub.assert_no_pending_responses()
    assert answers == [Outcome(ResultCode.SUCCEEDED, "Successful")] * 2


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"S3PutObjectCopy": {}}, "S3PutObjectCopy: TargetResource is missing"),
        (
            {"S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::photos/key"}},
            "S3PutObjectCopy: TargetResource names no bucket",
        ),
        (copying(AccessControlGrants=[{}]), "a grant has no Grantee or no Permission: add both"),
        (
            {"S3PutObjectAcl": {}},
            "S3PutObjectAcl: AccessControlPolicy needs a list of grants or a canned ACL",
        ),
        (
            {"S3UpdateObjectEncryption": {}},
            "S3UpdateObjectEncryption: ObjectEncryption is missing",
        ),
        (
            {
                "S3ComputeObjectChecksum": {
                    "ChecksumAlgorithm": "CRC64NVME",
                    "ChecksumType": "COMPOSITE",
                }
            },
            "S3ComputeObjectChecksum: CRC64NVME supports FULL_OBJECT only, not COMPOSITE",
        ),
    ],
)
def test_a_parameter_that_is_needed(s3: Any, operation: dict[str, Any], reason: str) -> None:
    """The service model leaves it open; the job fails before it touches anything."""
    assert why(run(operation)) == ("InvalidRequest", reason)


@pytest.mark.parametrize("algorithm", ["XXHASH64", "XXHASH3", "XXHASH128"])
def test_checksums_that_cannot_be_computed(
    s3: Any, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """Without their package the job fails before its first task, and names the package."""
    for package in ("xxhash", "awscrt", "awscrt.checksums"):
        monkeypatch.setitem(sys.modules, package, None)

    job = run({"S3ComputeObjectChecksum": {"ChecksumAlgorithm": algorithm}})

    code, reason = why(job)
    assert code == "NotImplemented"
    assert f'{algorithm} needs the package xxhash: pip install "s3batch-handler[local]"' in reason
