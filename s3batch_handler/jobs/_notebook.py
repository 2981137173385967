"""A job as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.core._html import html_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.jobs._job import Job


def job_html(job: Job) -> str:
    """Return a table with the most important members of a job."""
    return html_table("Job", _facts(job))


def _facts(job: Job) -> Iterator[tuple[str, object]]:
    yield "ID", job.job_id
    yield "Status", job.status.value
    yield "Reason", job.status_update_reason
    for failure in job.failure_reasons:
        yield "Failure", f"{failure.failure_code}: {failure.failure_reason}"
    yield from _counts(job)
    yield "Operation", job.operation_name
    if job.operation is not None and job.operation.lambda_invoke is not None:
        yield "Function", job.operation.lambda_invoke.function_arn
    if job.manifest is not None:
        yield "Manifest", job.manifest.location.object_arn
    if job.report is not None and job.report.enabled:
        prefix = f"/{job.report.prefix}" if job.report.prefix else ""
        yield "Report", f"{job.report.bucket}{prefix}"
    yield "Description", job.description
    yield "Created", job.creation_time.isoformat(" ", "seconds")
    if job.termination_date is not None:
        yield "Ended", job.termination_date.isoformat(" ", "seconds")


def _counts(job: Job) -> Iterator[tuple[str, object]]:
    progress = job.progress
    if progress.total is not None:
        yield "Tasks", f"{progress.total:,}"
    yield "Succeeded", f"{progress.succeeded:,}"
    yield "Failed", f"{progress.failed:,}"
