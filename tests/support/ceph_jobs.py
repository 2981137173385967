"""Jobs on the object gateway of Ceph."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.engine._engine import Engine
from s3batch_handler.jobs._job import JobSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.jobs._job import Job

ACCOUNT: Final = "123456789012"
CSV: Final = "S3BatchOperations_CSV_20180820"


class Store:
    """Buckets of one test at a gateway.

    Attributes:
        s3: A client of the gateway.
        photos, copies, reports: The names of buckets.
    """

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        name = os.urandom(4).hex()
        self.photos, self.copies, self.reports = (
            f"{kind}-{name}" for kind in ("photos", "copies", "reports")
        )
        for bucket in (self.photos, self.copies, self.reports):
            s3.create_bucket(Bucket=bucket)

    def put_objects(self, keys: Iterable[str]) -> list[str]:
        """Create objects that contain their keys; return their lines of a manifest."""

        def put(key: str) -> str:
            self.s3.put_object(Bucket=self.photos, Key=key, Body=key.encode())
            return self.line(key)

        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(put, keys))

    def line(self, key: str, version_id: str | None = None, *, bucket: str | None = None) -> str:
        line = f"{bucket or self.photos},{quote(key)}"
        return line if version_id is None else f"{line},{version_id}"

    def spec(self, operation: dict[str, Any], lines: Iterable[str]) -> JobSpec:
        """Put a manifest; return the request for a job."""
        body = "".join(f"{line}\n" for line in lines)
        key = f"{os.urandom(4).hex()}.csv"
        etag = self.s3.put_object(Bucket=self.reports, Key=key, Body=body)["ETag"].strip('"')
        fields = ["Bucket", "Key", "VersionId"][: body.partition("\n")[0].count(",") + 1]
        place = {"ObjectArn": f"arn:aws:s3:::{self.reports}/{key}", "ETag": etag}
        return self.spec_of_manifest(
            operation, {"Spec": {"Format": CSV, "Fields": fields}, "Location": place}
        )

    def spec_of_manifest(self, operation: dict[str, Any], manifest: dict[str, Any]) -> JobSpec:
        return JobSpec.from_request(
            {
                "ClientRequestToken": os.urandom(8).hex(),
                "ConfirmationRequired": False,
                "Operation": operation,
                "Manifest": manifest,
                "Report": {
                    "Enabled": True,
                    "Bucket": f"arn:aws:s3:::{self.reports}",
                    "Format": "Report_CSV_20180820",
                    "ReportScope": "AllTasks",
                    "ExpectedBucketOwner": ACCOUNT,
                },
                "Priority": 1,
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
            }
        )

    def run(self, operation: dict[str, Any], lines: Iterable[str], **settings: Any) -> Job:
        """Run a job to its end; return its description."""
        usual: dict[str, Any] = {"existing_s3": True, "s3_concurrency": 8}
        with Engine({}, s3=self.s3, **{**usual, **settings}) as engine:
            return engine.describe_job(engine.create_job(self.spec(operation, lines)))

    def rows(self, job: Job) -> list[ReportRow]:
        """Return the rows of the report of a job that is complete."""
        assert job.status == "Complete", job.failure_reasons
        report = read_report(f"s3://{self.reports}/job-{job.job_id}", s3=self.s3)
        report.verify()
        return list(report.rows())

    def results(self, job: Job) -> list[tuple[str, int | None, str | None]]:
        """Return status, HTTP status and error code of each row."""
        return [(row.status, row.http_status, row.error_code) for row in self.rows(job)]

    @contextmanager
    def lock(self) -> Iterator[str]:
        """Yield a bucket with Object Lock."""
        bucket = f"locked-{os.urandom(4).hex()}"
        self.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        yield bucket

    def keys(self, bucket: str) -> set[str]:
        """Return the keys of a bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {item["Key"] for page in pages for item in page.get("Contents", ())}

    def copying(self, **settings: Any) -> dict[str, Any]:
        return {"S3PutObjectCopy": {"TargetResource": f"arn:aws:s3:::{self.copies}", **settings}}


def key_of(item: ObjectRef) -> str:
    return item.key


DONE: Final = ("succeeded", 200, None)
