"""Merge the reports of a job and of its redrives: the latest row of every task.

The rows are kept in a temporary database, so that memory does not grow with the reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._check import line_problems
from s3batch_handler.documents.reports._job_record import JobRecord, read_job_record
from s3batch_handler.documents.reports._merge_order import (
    Source,
    first_reports,
    in_order,
    reports_without_redrives,
)
from s3batch_handler.documents.reports._merge_table import MergeTable, merge_table
from s3batch_handler.documents.reports._new_folder import new_report_folder
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._report_files import (
    JOB_RECORD,
    REPORT_FORMAT,
    redrive_tags,
    write_job_record,
)
from s3batch_handler.documents.reports._rows import ReportScope, TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._check import Entries
    from s3batch_handler.documents.reports._report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedReport:
    """The result of a merge.

    Attributes:
        report: The merged report.
        succeeded: The number of tasks that have succeeded in one of the jobs.
        failed: The number of tasks that have failed in each job that ran them.
        jobs: The IDs of the jobs, in the order of their reports.
        warnings: What is not certain about the result, a sentence each.
    """

    report: Report
    succeeded: int
    failed: int
    jobs: tuple[str, ...]
    warnings: tuple[str, ...]


def merge_reports(
    reports: Iterable[Report],
    target: str | Path,
    *,
    jobs: Mapping[str, JobRecord] | None = None,
    manifest: Entries | None = None,
    s3: S3Client | None = None,
) -> MergedReport:
    """Merge the reports of a job and of its redrives into one report.

    The first report has the tasks of the job, or the reports of its parts have them
    (``s3batch run --part``): then all parts have to be there. Each later report may only have tasks
    that failed in all reports before. Reports are sorted by their time, and redrives follow the job
    they redrive.

    Args:
        reports: The reports, in any order.
        target: A folder or an ``s3://`` URL. The merged report is ``job-<id>`` in it, with the ID
            of the first job, or ``job-merged`` if that is not known. It is written completely or
            not at all.
        jobs: What DescribeJob says about jobs, by their IDs. Other jobs are read from the
            ``job.json`` beside their reports, if there is one.
        manifest: The entries of a manifest whose parts jobs have run. All reports that are not of
            redrives then have its tasks together, and each line must have one row.
        s3: ``boto3.client("s3")``, for an S3 URL.

    Raises:
        ReportError: The reports are not of one job and its redrives, or it is not known which tasks
            a redrive ran; or there is a report in ``target``.
        ManifestError: The manifest cannot be read.
    """
    sources = in_order([Source(report, _record(report, jobs or {})) for report in reports])
    firsts = first_reports(sources) if manifest is None else reports_without_redrives(sources)
    redrives = [source for source in sources if source not in firsts]
    job_id = firsts[0].job_id or NO_JOB_ID
    with (
        merge_table() as table,
        new_report_folder(target, job_id, s3=s3) as folder,
    ):
        warnings: list[str] = []
        hidden = 0
        for first in firsts:
            before = table.count(TaskStatus.SUCCEEDED)
            warnings += _add_first(table, first)
            hidden += first.not_listed(table.count(TaskStatus.SUCCEEDED) - before) or 0
        if manifest is not None:
            _check_lines(firsts, manifest, hidden)
        for number, source in enumerate(redrives, 1):
            warnings += _add_redrive(table, source, number)
        record = _merged_record(table, firsts, redrives, hidden)
        write_job_record(folder, f"job-{job_id}/{JOB_RECORD}", record)
        location = ReportWriter(folder, job_id=job_id).write(table.rows)
        counts = record["ProgressSummary"]
    return MergedReport(
        report=read_report(location, s3=s3),
        succeeded=counts["NumberOfTasksSucceeded"],
        failed=counts["NumberOfTasksFailed"],
        jobs=tuple(_job_ids([*firsts, *redrives])),
        warnings=tuple(warnings),
    )


NO_JOB_ID: Final = "merged"
"""The ID of the merged report if that of its first job is not known."""


def _job_ids(sources: Iterable[Source]) -> list[str]:
    return [job_id for source in sources for job_id in source.job_ids if job_id]


def _record(report: Report, jobs: Mapping[str, JobRecord]) -> JobRecord | None:
    return jobs.get(report.job_id) or read_job_record(report)


def _add_first(table: MergeTable, source: Source) -> Iterator[str]:
    """Add a report that has all tasks of the job, or of a part; yield warnings."""
    before = table.count(TaskStatus.SUCCEEDED), table.count(TaskStatus.FAILED)
    table.add_first(source.report)
    record = source.record
    succeeded = table.count(TaskStatus.SUCCEEDED) - before[0]
    failed = table.count(TaskStatus.FAILED) - before[1]
    if record is None or (succeeded, failed) != (record.succeeded, record.failed):
        if not source.lists_failures_only:
            yield from _count_warnings(source, succeeded, failed)
        table.check_listed_once(source.report)
    if source.lists_failures_only:
        yield (
            f"{source.report.location} lists failed tasks only, so the merged report does not have "
            "the tasks that succeeded in this job"
        )


def _check_lines(firsts: Sequence[Source], manifest: Entries, hidden: int) -> None:
    """Check that the reports of all parts have one row for each line of the manifest.

    Raises:
        ReportError: A line has no row or two, or there is a row of another task.
    """

    def rows() -> Iterable[ManifestEntry]:
        return chain.from_iterable(source.report.entries() for source in firsts)

    for problem in line_problems(rows, manifest, not_listed=hidden):
        raise ReportError(f"the reports do not belong to the manifest: {problem}")


def _add_redrive(table: MergeTable, source: Source, number: int) -> Iterator[str]:
    """Add the report of a redrive; yield warnings."""
    counts = table.add_redrive(source.report, number)
    succeeded, failed = counts[TaskStatus.SUCCEEDED], counts[TaskStatus.FAILED]
    unanswered = table.unanswered(number)
    hidden = source.not_listed(succeeded)
    if source.lists_failures_only and hidden is not None:
        if hidden == unanswered:
            table.succeed_rest(number, f"succeeded in job {source.job_id}")
        elif hidden:
            raise ReportError(
                f"{source.report.location}: it lists failed tasks only, so it does not say which "
                f"{hidden:,} of {unanswered:,} failed tasks have succeeded in job {source.job_id}. "
                "Use AllTasks as report scope of redrives"
            )
    elif hidden is not None:
        yield from _count_warnings(source, succeeded, failed)
    elif not succeeded and unanswered:
        yield (
            f"{source.report.location} has no task that succeeded. If it lists failed tasks only, "
            f"some of {unanswered:,} tasks that are failed in the merged report have succeeded"
        )


def _count_warnings(source: Source, succeeded: int, failed: int) -> Iterator[str]:
    """Yield a warning if a report does not have the counts of its job."""
    record = source.record
    if record is None or None in (record.succeeded, record.failed):
        return
    if (succeeded, failed) != (record.succeeded, record.failed):
        yield (
            f"{source.report.location} has {succeeded:,} tasks that succeeded and {failed:,} that "
            f"failed, but job {source.job_id} has {record.succeeded:,} and {record.failed:,}"
        )


def _merged_record(
    table: MergeTable, firsts: Sequence[Source], redrives: Sequence[Source], hidden: int
) -> dict[str, Any]:
    """Return ``job.json`` of the merged report: that of the first job, with the latest counts.

    ``hidden`` tasks succeeded in the first jobs, but their reports do not list them.
    """
    first, sources = firsts[0], [*firsts, *redrives]
    totals = [source.record.total if source.record else None for source in firsts]
    known = {} if first.record is None else first.record.description
    rows = succeeded, failed = table.count(TaskStatus.SUCCEEDED), table.count(TaskStatus.FAILED)
    scope = ReportScope.ALL_TASKS
    if first.lists_failures_only:
        scope = ReportScope.FAILED_TASKS_ONLY
        succeeded += hidden
    return {
        **known,
        "JobId": first.job_id or NO_JOB_ID,
        "Status": known.get("Status", "Complete"),
        "ProgressSummary": {
            "TotalNumberOfTasks": sum(rows) if None in totals else sum(filter(None, totals)),
            "NumberOfTasksSucceeded": succeeded,
            "NumberOfTasksFailed": failed,
        },
        "Report": {"Enabled": True, "Format": REPORT_FORMAT, "ReportScope": scope},
        "TerminationDate": sources[-1].report.created,
        "Tags": known.get("Tags") or redrive_tags(first.redrive_of),
        "Local": {
            **{name: value for name, value in known.get("Local", {}).items() if name != "Part"},
            "MergedJobs": _job_ids(sources),
            "MergedReports": [
                {
                    "JobId": source.job_id,
                    "Location": source.report.location,
                    "ReportCreationDate": source.report.created,
                }
                for source in sources
            ],
        },
    }
