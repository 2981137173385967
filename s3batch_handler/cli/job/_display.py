"""Print jobs, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli._output import print_data, print_json
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._status import Progress


def exit_code_of_job(job: Job) -> int:
    """Return 0 if a job is complete and no task failed: AWS calls both complete."""
    return 0 if job.status is JobStatus.COMPLETE and not job.progress.failed else 1


def print_job(job: Job, *, as_json: bool) -> None:
    """Print the details of a job; JSON as returned by DescribeJob."""
    if as_json:
        print_json(job.to_description())
        return
    for name, value in _rows(job):
        if value:
            print_data(f"{name:<11} {escape_unprintable(value)}")


def print_listed_job(job: Job, *, as_json: bool) -> None:
    """Print a job on one line; JSON as returned by ListJobs."""
    if as_json:
        print_json(job.to_listing(), indent=None)
        return
    text = f"{job.job_id}  {job.status:<10}  {_second(job.creation_time)}  {job.operation_name}"
    parts = (text, _counts(job.progress), job.description)
    print_data(escape_unprintable("  ".join(part for part in parts if part)))


def _rows(job: Job) -> Iterator[tuple[str, str | None]]:
    yield "Job", job.job_id
    yield "Status", _with(job.status, job.status_update_reason)
    for failure in job.failure_reasons:
        yield "Failure", _with(failure.failure_code or "", failure.failure_reason)
    yield "Tasks", _counts(job.progress)
    yield "Operation", _operation(job)
    yield "Manifest", _url(job.manifest.location.object_arn) if job.manifest else None
    yield "Report", report_url(job)
    yield "Priority", str(job.priority)
    yield "Role", job.role_arn
    yield "Description", job.description
    yield "Created", _second(job.creation_time)
    yield "Ended", _second(job.termination_date) if job.termination_date else None


def _with(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text


def _counts(progress: Progress) -> str:
    counts = f"{progress.succeeded:,} succeeded, {progress.failed:,} failed"
    return counts if progress.total is None else f"{counts} of {progress.total:,}"


def _operation(job: Job) -> str:
    function = job.operation and job.operation.lambda_invoke
    return f"{job.operation_name} {function.function_arn}" if function else job.operation_name


def report_url(job: Job) -> str | None:
    """Return the URL of the ``manifest.json`` of a job's report; ``None`` without a report."""
    report = job.report
    if report is None or report.bucket is None or not report.enabled:
        return None
    prefix = f"{report.prefix}/" if report.prefix else ""
    return f"{_url(report.bucket)}/{prefix}job-{job.job_id}/manifest.json"


def _url(arn: str) -> str:
    """Return ``s3://bucket/key`` for the ARN of an object, and other text unchanged."""
    bucket, slash, key = arn.partition("/")
    try:
        return f"s3://{bucket_name(bucket)}{slash}{key}"
    except ValueError:
        return arn


def _second(moment: datetime) -> str:
    return moment.isoformat(" ", "seconds")
