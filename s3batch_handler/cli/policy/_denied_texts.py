"""The texts of failures: of the tasks in a report, and of a job."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from s3batch_handler.cli._errors import bad_input_exits_with_2
from s3batch_handler.core._errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.policies._job import Request


def texts_of_report(location: str, services: AwsServices, buckets: set[str]) -> Iterator[str]:
    """Yield the messages of the tasks that failed, and add the buckets of these tasks."""
    from s3batch_handler.cli.report._location import find_report

    with bad_input_exits_with_2():
        report = find_report(location, services=services).report
        yield from _messages(report, buckets)


def texts_of_job(
    job_id: str, services: AwsServices, buckets: set[str]
) -> tuple[Request, Iterable[str]]:
    """Return the request of a job, and why it and its tasks failed.

    The report of a job that failed early does not exist.
    """
    from s3batch_handler.cli.report._location import find_report

    job = services.control.describe_job(job_id)
    reasons = [
        f"{failure.failure_code}: {failure.failure_reason}" for failure in job.failure_reasons
    ]
    messages: Iterable[str] = ()
    with suppress(ReportError):
        messages = _messages(find_report(job_id, services=services).report, buckets)
    return job.to_boto3(), chain(reasons, messages)


def _messages(report: Report, buckets: set[str]) -> Iterator[str]:
    """Yield the messages of failed tasks; S3's own operations have the code apart from the text."""
    for row in report.failed():
        if row.http_status == _FORBIDDEN:
            buckets.add(row.bucket)
        yield f"{row.error_code}: {row.message}" if row.http_status == _FORBIDDEN else row.message


_FORBIDDEN = 403
