"""Requests, functions and clocks for tests of an engine's jobs."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._waiting import wait_for_job

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.engine._engine import Engine
    from s3batch_handler.jobs._status import JobStatus
from tests.support.waiting import wait_for

ACCOUNT = "123456789012"


def put_once(s3: Any, key: str, body: bytes) -> str:
    """Put an object if it does not exist: moto aborts reads of an object that is replaced."""
    try:
        answer = s3.head_object(Bucket="photos", Key=key)
    except ClientError:
        answer = s3.put_object(Bucket="photos", Key=key, Body=body)
    etag: str = answer["ETag"]
    return etag.strip('"')


def spec(s3: Any, tasks: int = 3, **members: Any) -> JobSpec:
    """Put a manifest into the bucket, and return the request for a job over it."""
    manifest = "".join(f"photos,{number}\n" for number in range(tasks)).encode()
    etag = put_once(s3, f"{tasks}.csv", manifest)
    request = {
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": "function"}},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": f"arn:aws:s3:::photos/{tasks}.csv", "ETag": etag},
        },
        "Report": {
            "Enabled": True,
            "Bucket": "arn:aws:s3:::photos",
            "Format": "Report_CSV_20180820",
            "ReportScope": "AllTasks",
        },
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
    }
    return JobSpec.from_request({"ClientRequestToken": os.urandom(8).hex(), **request, **members})


def answer(event: Any, text: str = "") -> Any:
    (task,) = event["tasks"]
    result = {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": text}
    return {"invocationSchemaVersion": "1.0", "results": [result]}


class Gate:
    """A function that waits with each task until :meth:`let` is called."""

    def __init__(self) -> None:
        self.began: Counter[str] = Counter()
        self.jobs: list[str] = []
        self._may_go = threading.Semaphore(0)

    def let(self, tasks: int) -> None:
        self._may_go.release(tasks)

    def __call__(self, event: Any, context: object) -> Any:
        self.began[event["tasks"][0]["s3Key"]] += 1
        self.jobs.append(event["job"]["id"])
        assert self._may_go.acquire(timeout=60)
        return answer(event)


def close(engine: Engine, gate: Gate) -> None:
    """Close an engine, and let its running task end as soon as no other task can start."""

    def let() -> None:
        wait_for(lambda: engine._scheduler.is_closing)
        gate.let(1)

    letting = threading.Thread(target=let)
    letting.start()
    engine.close()
    letting.join()


def status(engine: Engine, job_id: str) -> JobStatus:
    return engine.describe_job(job_id).status


def over(engine: Engine, job_id: str) -> Job:
    return wait_for_job(engine, job_id, sleep=lambda _: time.sleep(0.01), timeout=60)


def rows(s3: Any, job_id: str) -> list[ReportRow]:
    report = read_report(f"s3://photos/job-{job_id}", s3=s3)
    report.verify()
    return list(report.rows())


class Unavailable:
    """An S3 that is not available at first."""

    def __init__(self, s3: Any, operation: str) -> None:
        self._s3 = s3
        self._operation = operation
        self.is_unavailable = True
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        if name == self._operation and self.is_unavailable:
            self.calls += 1
            raise EndpointConnectionError(endpoint_url="https://s3.amazonaws.com")
        return getattr(self._s3, name)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


# ---------------------------------------------------------------- jobs of given keys


def function(event: Any, context: object) -> Any:
    """Return a success, unless the key is ``broken``."""
    (task,) = event["tasks"]
    if task["s3Key"] == "broken":
        raise ValueError(task["s3Key"])
    result = {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": ""}
    return {"invocationSchemaVersion": "1.0", "results": [result]}


@cache
def client() -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client("s3")


def spec_of_keys(keys: list[str], **members: Any) -> JobSpec:
    """Put a manifest of these keys into the bucket, and return the request for a job over it."""
    manifest = "".join(f"photos,{key}\n" for key in keys).encode()
    key = f"{uuid.uuid4()}.csv"  # moto aborts reads of an object that is replaced
    etag = client().put_object(Bucket="photos", Key=key, Body=manifest)["ETag"].strip('"')
    request = {
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": f"arn:aws:s3:::photos/{key}", "ETag": etag},
        },
        "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::photos"},
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
        "ClientRequestToken": str(uuid.uuid4()),
    }
    return JobSpec.from_request({**request, **members})
