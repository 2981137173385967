"""Jobs over S3 Inventory reports."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Iterable

from tests.support.manifest_jobs import (
    ACCOUNT,
    FORBIDDEN,
    KMS_KEY,
    REQUEST,
    ManifestJobs,
    answering,
    client,
    run_in_engine,
    why,
)


def put_inventory(*parts: Iterable[list[str]], **members: Any) -> str:
    """Put an inventory into the bucket ``photos``, and return the key of its ``manifest.json``."""
    files = []
    for number, rows in enumerate(parts):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        content = gzip.compress(text.getvalue().encode())
        key = f"inventory/data/{number}.csv.gz"
        client("s3").put_object(Bucket="photos", Key=key, Body=content)
        md5 = hashlib.md5(content).hexdigest()
        files.append({"key": key, "size": len(content), "MD5checksum": md5})
    document = {
        "sourceBucket": "photos",
        "destinationBucket": "arn:aws:s3:::photos",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size",
        "files": files,
        **members,
    }
    key = "inventory/2024-01-03T02-00Z/manifest.json"
    client("s3").put_object(Bucket="photos", Key=key, Body=json.dumps(document))
    return key


def rows(key: str, version: str = "v1") -> list[list[str]]:
    return [["photos", key, version, "true", "false", "17"]]


def test_every_line_of_an_inventory_is_a_task(jobs: ManifestJobs) -> None:
    """The report has the keys as the inventory spells them."""
    job = jobs.over(put_inventory(rows("a+b.jpg"), rows("gr%C3%B6%C3%9Fe%2C.jpg", "v2")))

    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["TotalNumberOfTasks"] == 2
    assert [(task["s3Key"], task["s3VersionId"]) for task in jobs.tasks] == [
        ("a+b.jpg", "v1"),
        ("gr%C3%B6%C3%9Fe%2C.jpg", "v2"),
    ]
    folder = f"reports/job-{job['JobId']}/results/"
    (report,) = client("s3").list_objects_v2(Bucket="photos", Prefix=folder)["Contents"]
    text = client("s3").get_object(Bucket="photos", Key=report["Key"])["Body"].read().decode()
    assert text.splitlines() == [
        "photos,a+b.jpg,v1,succeeded,200,,",
        "photos,gr%C3%B6%C3%9Fe%2C.jpg,v2,succeeded,200,,",
    ]


def test_an_inventory_may_be_encrypted_with_kms(jobs: ManifestJobs) -> None:
    """S3 refuses SSE-KMS for CSV manifests only."""
    key = put_inventory(rows("a"))
    content = client("s3").get_object(Bucket="photos", Key=key)["Body"].read()
    client("s3").put_object(
        Bucket="photos", Key=key, Body=content, ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS_KEY
    )

    assert jobs.over(key)["Status"] == "Complete"


def test_a_waiting_job_keeps_the_inventory_that_it_read(jobs: ManifestJobs) -> None:
    """A later change of the inventory has no effect."""
    key = put_inventory(rows("a"))
    s3control = client("s3control")
    etag = client("s3").head_object(Bucket="photos", Key=key)["ETag"].strip('"')
    job_id = s3control.create_job(
        AccountId=ACCOUNT,
        **REQUEST,
        Manifest={
            "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
            "Location": {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag},
        },
    )["JobId"]
    put_inventory(rows("b"))

    s3control.update_job_status(AccountId=ACCOUNT, JobId=job_id, RequestedJobStatus="Ready")

    assert jobs.keys == ["a"]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"fileFormat": "Parquet"}, "properly formatted: s3://photos/inventory/2024"),
        ({"fileSchema": "Bucket, Size"}, "Required fields are missing in the schema: Key"),
        ({"fileSchema": "Bucket, Key"}, "Unexpected number of task fields"),
        ({"files": []}, "the manifest is empty"),
        (
            {"files": [{"key": "gone", "size": 1, "MD5checksum": "0" * 32}]},
            "gone: missing, but listed",
        ),
        (
            {"destinationBucket": "arn:aws:s3:::elsewhere"},
            "inventory/data/0.csv.gz: missing, but listed",
        ),
    ],
)
def test_an_invalid_inventory_fails_the_job(
    jobs: ManifestJobs, members: dict[str, Any], problem: str
) -> None:
    """No task runs."""
    code, reason = why(jobs.over(put_inventory(rows("a"), **members)))

    assert code == "InvalidManifestContent"
    assert problem in reason
    assert not jobs.tasks


def test_a_part_with_another_md5_fails_the_job(jobs: ManifestJobs) -> None:
    """No task runs, even if it is the last part."""
    key = put_inventory(rows("a"), rows("b"))
    content = client("s3").get_object(Bucket="photos", Key="inventory/data/1.csv.gz")["Body"].read()
    changed = content[:4] + b"\1" + content[5:]
    client("s3").put_object(Bucket="photos", Key="inventory/data/1.csv.gz", Body=changed)

    code, reason = why(jobs.over(key))

    assert code == "InvalidManifestContent"
    assert "inventory/data/1.csv.gz: its MD5 is" in reason
    assert not jobs.tasks


def test_an_inventory_with_another_etag_fails_the_job(jobs: ManifestJobs) -> None:
    """The ETag of the request is that of ``manifest.json``."""
    key = put_inventory(rows("a"))

    assert why(jobs.over(key, etag="old")) == (
        "ManifestNotFound",
        "Etag mismatch reading manifest",
    )


@mock_aws
def test_a_forbidden_part_fails_the_job() -> None:
    """The reason is the same as for a forbidden manifest."""
    client("s3").create_bucket(Bucket="photos")
    key = put_inventory(rows("a"))
    etag = client("s3").head_object(Bucket="photos", Key=key)["ETag"].strip('"')
    manifest = {
        "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
        "Location": {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag},
    }

    with answering(client("s3"), "GetObject", "data/0.csv.gz", 403, FORBIDDEN):
        job = run_in_engine({"Manifest": manifest})

    (failure,) = job.failure_reasons
    assert failure.failure_code == "AccessDenied"
    assert failure.failure_reason == "Reading the manifest is forbidden: AccessDenied"
