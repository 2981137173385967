"""Check that a report is complete: its MD5s, the counts of its job, and each line of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents._report_rows import ReportScope, TaskStatus
from s3batch_handler.documents._task_counts import task_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.documents._job_record import JobRecord
    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.documents._report import Report

    Entries = Callable[[], Iterable[ManifestEntry]]
    """Reads the entries of a manifest, from the first one."""


def verify_report(
    report: Report, *, manifest: Entries | None = None, job: JobRecord | None = None
) -> list[str]:
    """Return what is wrong with a report, a sentence for each problem; nothing if it is complete.

    Args:
        report: The report. The MD5 of each file is checked.
        manifest: The manifest of the job. Each line must have exactly one row; an object that is on
            two lines needs two rows.
        job: The job of the report. Its counts must be those of the report.

    Raises:
        ManifestError: The manifest cannot be read.
    """
    try:
        report.verify()
        problems = [] if job is None else [*_compare_counts(report, job)]
        if manifest is not None:
            problems += _compare_lines(report, manifest, job)
    except ReportError as error:
        return [str(error)]
    return problems


def _compare_counts(report: Report, job: JobRecord) -> Iterator[str]:
    summary = report.summary()
    for status, count, expected in (
        (TaskStatus.SUCCEEDED, summary.succeeded, job.succeeded),
        (TaskStatus.FAILED, summary.failed, job.failed),
    ):
        is_listed = status is TaskStatus.FAILED or not _lists_failures_only(job)
        if is_listed and expected not in (None, count):
            yield (
                f"{report.location}: {count:,} rows of tasks that {status}, but in job "
                f"{job.job_id} {expected:,} tasks {status}"
            )


def _lists_failures_only(job: JobRecord | None) -> bool:
    return job is not None and job.report_scope is ReportScope.FAILED_TASKS_ONLY


def _compare_lines(report: Report, manifest: Entries, job: JobRecord | None) -> Iterator[str]:
    with task_counts() as counts:
        counts.add_lines(manifest())
        counts.add_rows(report.rows_with_entries())
        missing, unknown, repeated = counts.missing(), counts.unknown(), counts.repeated()
    if _lists_failures_only(job) and job and job.succeeded == missing.number:
        missing = missing._replace(number=0)  # the tasks that succeeded
    for difference, problem, entries in (
        (missing, "lines of the manifest without a row", manifest),
        (unknown, "rows of tasks that are not in the manifest", lambda: _entries(report)),
        (repeated, "rows of tasks that have their row already", lambda: _entries(report)),
    ):
        if difference.number:
            names = difference.names(entries())
            yield f"{report.location}: {problem}: {difference.number:,}, for example {names}"


def _entries(report: Report) -> Iterator[ManifestEntry]:
    return (entry for _, entry in report.rows_with_entries())
