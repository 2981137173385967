"""Jobs that are run by an engine, by the mock through boto3, and by a server over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.validate import ParamValidator

from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.engine._engine import Engine
    from s3batch_handler.jobs._control import JobControl


ACCOUNT = "123456789012"


REGION = "us-east-1"


FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thumbnails"


@task_handler
def thumbnails(task: Task) -> str:
    """Return a success, unless the key contains ``permanent`` or ``temporary``."""
    if "permanent" in task.key:
        raise PermanentFailure("no photo")
    if "temporary" in task.key:
        raise TemporaryFailure("busy")
    return f"{task.job.arguments.get('size', 'any')} {task.key}"


class World:
    """A bucket, and what accepts requests for jobs."""

    def __init__(self, control: JobControl, s3: Any) -> None:
        self.control = control
        self.s3 = s3

    def spec(self, manifest: bytes = b"photos,a%20b.jpg\n", **members: Any) -> JobSpec:
        """Put a manifest into the bucket, and return the request for a job over it."""
        etag = self.s3.put_object(Bucket="photos", Key="m.csv", Body=manifest)["ETag"].strip('"')
        request = {
            "ClientRequestToken": str(datetime.now(UTC)),
            "ConfirmationRequired": False,
            "Operation": {"LambdaInvoke": {"FunctionArn": FUNCTION}},
            "Manifest": {
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
                "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag},
            },
            "Report": {
                "Enabled": True,
                "Bucket": "arn:aws:s3:::photos",
                "Prefix": "reports",
                "Format": "Report_CSV_20180820",
                "ReportScope": "AllTasks",
            },
            "Priority": 1,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        }
        return JobSpec.from_request({**request, **members})

    def run(self, manifest: bytes = b"photos,a%20b.jpg\n", **members: Any) -> Job:
        return self.settled(self.control.create_job(self.spec(manifest, **members)))

    def confirm(self, job: Job) -> Job:
        self.control.update_job_status(job.job_id, JobStatus.READY, "looks fine")
        return self.settled(job.job_id)

    def settled(self, job_id: str) -> Job:
        """Return the job when it is over or waits for confirmation; servers need some time."""
        for _ in range(6_000):
            job = self.control.describe_job(job_id)
            if job.status.is_final or job.status is JobStatus.SUSPENDED:
                return job
            time.sleep(0.01)
        pytest.fail(f"the job is still {job.status}")

    def rows(self, job: Job) -> list[ReportRow]:
        report = read_report(f"s3://photos/reports/job-{job.job_id}", s3=self.s3)
        report.verify()
        return list(report.rows())


@cache
def client(service: str) -> Any:
    """Create a client once for all tests. Moto, which answers it, is new for each."""
    made = session().client(service)
    return held_to_the_model(made) if service == "s3control" else made


@cache
def session() -> Any:
    return boto3.Session("testing", "testing", region_name=REGION)


def held_to_the_model(s3control: Any) -> Any:
    """Check responses and error codes by AWS's model; the client itself checks requests."""

    def check(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if "Error" in parsed:
            modeled = {shape.name for shape in model.error_shapes}
            assert parsed["Error"]["Code"] in {*modeled, *_CODES_OF_NO_MODEL}
            assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 400
        else:
            members = {name: parsed[name] for name in parsed if name != "ResponseMetadata"}
            validate(members, model.output_shape)

    s3control.meta.events.register("after-call.s3-control", check)
    return s3control


# Seen on the wire, see docs/fidelity.md; PutJobTagging models no refusal of a tag.
_CODES_OF_NO_MODEL = {"NoSuchJobException", "BadRequestException"}


class HeldToTheModel:
    """An engine whose requests and responses are checked by the model of S3 Control."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, verb: str) -> Any:
        def ask(*arguments: Any, **options: Any) -> Any:
            answer = getattr(self._engine, verb)(*arguments, **options)
            shapes = client("s3control").meta.service_model
            for value in (*arguments, answer):
                if isinstance(value, JobSpec):
                    request = {"AccountId": ACCOUNT, **value.to_request()}
                    validate(request, shapes.shape_for("CreateJobRequest"))
                if isinstance(value, Job):
                    validate(value.to_description(), shapes.shape_for("JobDescriptor"))
                for job in getattr(value, "jobs", ()):
                    validate(job.to_listing(), shapes.shape_for("JobListDescriptor"))
            return answer

        return ask


def validate(value: Any, shape: Any) -> None:
    """Check a structure by its model, as botocore does, and that it has no further members."""
    assert value.keys() <= shape.members.keys() if shape is not None else not value
    report = ParamValidator().validate(value, shape) if shape is not None else None
    assert report is None or not report.has_errors(), report.generate_report()


def counts(job: Job) -> tuple[int | None, int, int]:
    """Return the number of tasks, of those that succeeded and of those that failed."""
    return job.progress.total, job.progress.succeeded, job.progress.failed


def why(job: Job) -> tuple[str | None, str | None]:
    """Return code and reason of a job that has failed."""
    assert job.status is JobStatus.FAILED
    assert job.termination_date is not None
    (reason,) = job.failure_reasons
    return reason.failure_code, reason.failure_reason


Enter = Callable[..., World]


engine_and_boto3 = pytest.mark.parametrize("enter", ["engine", "boto3"], indirect=True)
"""For behavior that requires that jobs run on the thread that creates them."""
