"""Where the files of a job are, as ``s3://`` URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.core._keys import bucket_name

if TYPE_CHECKING:
    from s3batch_handler.jobs._job import Job


def report_url(job: Job) -> str | None:
    """Return the URL of the ``manifest.json`` of a job's report; ``None`` without a report."""
    report = job.report
    if report is None or report.bucket is None or not report.enabled:
        return None
    prefix = f"{report.prefix}/" if report.prefix else ""
    return f"{s3_url(report.bucket)}/{prefix}job-{job.job_id}/manifest.json"


def s3_url(arn: str) -> str:
    """Return ``s3://bucket/key`` for the ARN of a bucket or an object, and other text unchanged."""
    bucket, slash, key = arn.partition("/")
    try:
        return f"s3://{bucket_name(bucket)}{slash}{key}"
    except ValueError:
        return arn
