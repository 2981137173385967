"""Check that a report is complete: its MD5s, the counts of its job, and each line of a manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._rows import ReportScope, TaskStatus
from s3batch_handler.documents.reports._task_counts import are_same_tasks, task_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._report import Report

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
    problems: list[str] = []
    for check in report_checks(report, manifest=manifest, job=job):
        found = check.problems()
        problems += found
        if found and check.must_pass:
            break
    return problems


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """A check of a report.

    Attributes:
        what: What is checked.
        find: Yields the problems.
        must_pass: Whether the next checks are useless if this one finds a problem.
    """

    what: str
    find: Callable[[], Iterator[str]]
    must_pass: bool = False

    def problems(self) -> list[str]:
        """Run the check, and return a sentence for each problem.

        Raises:
            ManifestError: The manifest cannot be read.
        """
        try:
            return [*self.find()]
        except ReportError as error:
            return [str(error)]


def report_checks(
    report: Report, *, manifest: Entries | None = None, job: JobRecord | None = None
) -> list[ReportCheck]:
    """Return the checks of a report, with the arguments of :func:`verify_report`."""
    checks = [ReportCheck("MD5s of all files", partial(_check_files, report), must_pass=True)]
    counts = _expected_counts(job)
    if job is not None and counts:
        text = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        what = f"Counts of the job: {text}"
        checks.append(ReportCheck(what, partial(_compare_counts, report, counts, job)))
    if manifest is not None:
        find = partial(_compare_lines, report, manifest, job)
        checks.append(ReportCheck("One row for each line of the manifest", find))
    elif not counts:  # two rows may be two lines of a manifest, which the counts of a job show
        checks.append(ReportCheck("No task has two rows", partial(_find_repeated, report)))
    return checks


def _check_files(report: Report) -> Iterator[str]:
    report.verify()
    yield from ()


def _expected_counts(job: JobRecord | None) -> dict[TaskStatus, int]:
    """Return the numbers of rows that a report needs, as far as they are known."""
    if job is None:
        return {}
    counts = {TaskStatus.SUCCEEDED: job.succeeded, TaskStatus.FAILED: job.failed}
    if _lists_failures_only(job):
        del counts[TaskStatus.SUCCEEDED]
    return {status: count for status, count in counts.items() if count is not None}


def _compare_counts(
    report: Report, expected: Mapping[TaskStatus, int], job: JobRecord
) -> Iterator[str]:
    found = Counter(row.status for row in report)
    for status, count in expected.items():
        if found[status] != count:
            yield (
                f"{report.location}: {found[status]:,} rows of tasks that {status}, but in job "
                f"{job.job_id} {count:,} tasks {status}"
            )


def _find_repeated(report: Report) -> Iterator[str]:
    with task_counts() as counts:
        counts.add_rows(report.entries())
        repeated = counts.repeated_rows()
    if repeated.number:
        names = repeated.names(report.entries())
        yield (
            f"{report.location}: duplicate rows: {repeated.number:,}, "
            f"for example {names}. Pass the manifest if it lists objects twice"
        )


def _lists_failures_only(job: JobRecord | None) -> bool:
    return job is not None and job.report_scope is ReportScope.FAILED_TASKS_ONLY


def _not_listed(report: Report, job: JobRecord) -> int:
    """Return the number of tasks that succeeded and are not listed, because of the scope."""
    if not _lists_failures_only(job) or job.succeeded is None:
        return 0
    return job.succeeded - report.summary().succeeded


def _compare_lines(report: Report, manifest: Entries, job: JobRecord | None) -> Iterator[str]:
    not_listed = 0 if job is None else _not_listed(report, job)
    for problem in line_problems(report.entries, manifest, not_listed=not_listed):
        yield f"{report.location}: {problem}"


def line_problems(rows: Entries, manifest: Entries, *, not_listed: int = 0) -> Iterator[str]:
    """Yield what differs between the rows of reports and the lines of a manifest.

    ``not_listed`` tasks have succeeded, and are not listed because of the scope of their report.
    """
    if are_same_tasks(manifest(), rows()):
        return
    with task_counts() as counts:
        counts.add_lines(manifest())
        counts.add_rows(rows())
        missing, unknown, repeated = counts.missing(), counts.unknown(), counts.repeated()
    if missing.number and missing.number == not_listed:
        missing = missing._replace(number=0)
    for difference, problem, entries in (
        (missing, "lines of the manifest without a row", manifest),
        (unknown, "rows of tasks that are not in the manifest", rows),
        (repeated, "duplicate rows", rows),
    ):
        if difference.number:
            names = difference.names(entries())
            yield f"{problem}: {difference.number:,}, for example {names}"
