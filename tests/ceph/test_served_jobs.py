"""``s3batch serve`` in front of Ceph: boto3 and the AWS CLI create jobs for its objects."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
import pytest

from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.jobs._aws_clients import s3control_client
from tests.support.ceph_jobs import ACCOUNT
from tests.support.job_server import AWS_CLI
from tests.support.serving import APP, clean_environment, server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.ceph import Ceph
    from tests.support.ceph_jobs import Store

pytestmark = pytest.mark.ceph


def serving(
    ceph: Ceph, folder: Path, *arguments: str
) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    """Serve jobs for the objects of Ceph, with a function."""
    (folder / "app.py").write_text(APP)
    words = ("--s3-endpoint-url", ceph.url, "--state", "state", "--function", "read=app.py:handler")
    return server_process(folder, *words, *arguments, variables=ceph.environment)


def control(address: str) -> Any:
    session = boto3.Session("any", "any", region_name="us-east-1")
    return s3control_client(session, endpoint_url=address)


def create(address: str, request: dict[str, Any]) -> str:
    job_id: str = control(address).create_job(AccountId=ACCOUNT, **request)["JobId"]
    return job_id


def request_of(store: Store, operation: dict[str, Any], lines: Iterable[str]) -> dict[str, Any]:
    return store.spec(operation, lines).to_request()


def over(address: str, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended; return its description."""
    job: dict[str, Any] = {}

    def is_over() -> bool:
        job.update(control(address).describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"])
        return job["Status"] in ("Complete", "Failed", "Cancelled")

    wait_for(is_over)
    assert job["Status"] == "Complete", job
    return job


def messages(store: Store, job_id: str) -> dict[str, str]:
    """Return the messages of the report of a job, by key."""
    report = read_report(f"s3://{store.reports}/job-{job_id}", s3=store.s3)
    report.verify()
    return {row.key: row.message for row in report.rows()}


def inventory(store: Store, keys: Iterable[str]) -> dict[str, Any]:
    """Put an inventory of objects; return it as the manifest of a job."""
    text = io.StringIO()
    rows = [[store.photos, quote(key), "true", "5"] for key in keys]
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    part = gzip.compress(text.getvalue().encode())
    store.s3.put_object(Bucket=store.reports, Key="inventory/data/1.csv.gz", Body=part)
    document = {
        "sourceBucket": store.photos,
        "destinationBucket": f"arn:aws:s3:::{store.reports}",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, IsLatest, Size",
        "files": [
            {
                "key": "inventory/data/1.csv.gz",
                "size": len(part),
                "MD5checksum": hashlib.md5(part).hexdigest(),
            }
        ],
    }
    key = "inventory/2026-12-01T00-00Z/manifest.json"
    etag = store.s3.put_object(Bucket=store.reports, Key=key, Body=json.dumps(document))["ETag"]
    place = {"ObjectArn": f"arn:aws:s3:::{store.reports}/{key}", "ETag": etag.strip('"')}
    return {"Spec": {"Format": "S3InventoryReport_CSV_20161130"}, "Location": place}


def test_a_function_runs_for_the_objects_of_an_inventory(
    ceph: Ceph, store: Store, tmp_path: Path
) -> None:
    """It reads them from Ceph, where the report is, too."""
    keys = ["a b+ü.txt", "c/d.txt"]
    store.put_objects(keys)
    function = {"LambdaInvoke": {"FunctionArn": "read"}}
    request = store.spec_of_manifest(function, inventory(store, keys)).to_request()

    with serving(ceph, tmp_path) as (_, address):
        job_id = create(address, request)
        over(address, job_id)

    assert messages(store, job_id) == {key: f"read {key}" for key in keys}


@pytest.mark.skipif(not AWS_CLI.exists(), reason=f"the AWS CLI is not installed: no {AWS_CLI}")
def test_the_aws_cli_copies_objects(ceph: Ceph, store: Store, tmp_path: Path) -> None:
    """It sends requests for jobs to the server, and requests for objects to Ceph."""
    lines = store.put_objects(["a b.txt", "c.txt"])
    request = request_of(store, store.copying(), lines)
    (tmp_path / "job.json").write_text(json.dumps({"AccountId": ACCOUNT, **request}, default=str))

    with serving(ceph, tmp_path) as (_, address):

        def aws(*words: str, **variables: str) -> str:
            return subprocess.run(
                [AWS_CLI, *words],
                cwd=tmp_path,
                env={
                    **clean_environment(),
                    **ceph.environment,
                    "AWS_ENDPOINT_URL_S3_CONTROL": address,
                    **variables,
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout

        created = aws(
            "s3control", "create-job", "--cli-input-json", "file://job.json", HTTP_PROXY=address
        )
        over(address, json.loads(created)["JobId"])
        listed = aws("s3", "ls", f"s3://{store.copies}")

    assert "a b.txt" in listed
    assert "c.txt" in listed


def test_a_server_that_was_killed_continues_its_jobs(
    ceph: Ceph, store: Store, tmp_path: Path
) -> None:
    """The next server with the same state folder does; each object has one row in the report."""
    lines = store.put_objects(f"{number}.txt" for number in range(200))
    slowly = ("--s3-concurrency", "2")
    with serving(ceph, tmp_path, *slowly) as (process, address):
        job_id = create(address, request_of(store, store.copying(), lines))

        def has_begun() -> bool:
            job = control(address).describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
            return bool(job["ProgressSummary"].get("NumberOfTasksSucceeded", 0) >= 10)

        wait_for(has_begun)
        process.kill()
        process.wait()

    with serving(ceph, tmp_path) as (_, address):
        job = over(address, job_id)

    assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 200
    assert messages(store, job_id) == {f"{number}.txt": "Successful" for number in range(200)}
    assert len(store.keys(store.copies)) == 200


def test_two_jobs_of_two_regions_share_the_requests(
    ceph: Ceph, store: Store, tmp_path: Path
) -> None:
    """Both end, although the server sends one request at a time."""
    lines = store.put_objects(f"{number}.txt" for number in range(20))
    tags = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
    with serving(ceph, tmp_path, "--s3-requests", "1") as (_, address):
        jobs = []
        for region in ("us-east-1", "eu-west-1"):
            session = boto3.Session("any", "any", region_name=region)
            client = s3control_client(session, endpoint_url=address)
            request = request_of(store, tags, lines)
            jobs.append((client, client.create_job(AccountId=ACCOUNT, **request)["JobId"]))

        def statuses() -> set[str]:
            return {
                client.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]["Status"]
                for client, job_id in jobs
            }

        wait_for(lambda: statuses() == {"Complete"})
