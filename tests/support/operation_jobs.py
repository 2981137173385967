"""Jobs with an operation of S3, made with boto3, and their results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.engine.invoke._events import EventTemplate

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._rows import ReportRow


ACCOUNT = "123456789012"


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)


YESTERDAY = TOMORROW - timedelta(days=2)


EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@cache
def client(service: str) -> Any:
    """Return a client for all tests. Its requests go to moto, which is new in each test."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client(service)


PHOTO = "photos,a%20b%2Bc.jpg"


MISSING = "photos,missing.jpg"


LOCATION = {"Bucket": "photos", "Key": "a b+c.jpg"}


def run(operation: dict[str, Any], *lines: str) -> dict[str, Any]:
    """Run a job over the lines of a manifest, and return its description."""
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
    """Return the rows of the report without names."""
    return [(row.status, row.http_status, row.error_code, row.message) for row in rows(job)]


def why(job: dict[str, Any]) -> tuple[str, str]:
    assert job["Status"] == "Failed"
    (reason,) = job["FailureReasons"]
    return reason["FailureCode"], reason["FailureReason"]


def tags_of(s3: Any, **location: str) -> dict[str, str]:
    tags = s3.get_object_tagging(**{**LOCATION, **location})["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in tags}


DONE = [("succeeded", 200, None, "Successful")]


def acl_of(s3: Any, bucket: str = "photos") -> set[tuple[str, str]]:
    grants = s3.get_object_acl(Bucket=bucket, Key=LOCATION["Key"])["Grants"]
    return {(g["Grantee"].get("URI") or g["Grantee"]["ID"], g["Permission"]) for g in grants}


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


def copying(**settings: Any) -> dict[str, Any]:
    return {"S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::copies", **settings}}


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


TEMPLATE = EventTemplate("1.0", {"id": "job-1"})


ENTRY = ManifestEntry("photos", "k", None)


def refuse(status: int, code: str, operation: str = "CopyObject") -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "No."},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "R", "HostId": "H"},
    }
    return ClientError(answer, operation)
