"""The failed tasks of a report as entries of a new manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.documents.reports._task_counts import task_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._check import Entries
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.documents.reports._rows import ReportRow


@dataclass(slots=True)
class FailedEntries:
    """The entries of the tasks of a report that failed, with keys as they are spelled there.

    Attributes:
        report: A report that lists each task once: see :func:`check_listed_once`.
        is_selected: Selects rows of failed tasks.
        without_version: The number of entries that were left out because their version ID is empty
            in a manifest with version IDs: S3 fails such a task each time.
    """

    report: Report
    is_selected: Callable[[ReportRow], bool] = field(default=lambda _: True)
    without_version: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[ManifestEntry]:
        """Yield the entries.

        Raises:
            ReportError: There are none, or the report cannot be read.
        """
        failed = count = 0
        self.without_version = 0
        for row, entry in self.report.rows_with_entries(TaskStatus.FAILED):
            failed += 1
            if not self.is_selected(row):
                continue
            if entry.version_id == "":
                self.without_version += 1
            else:
                count += 1
                yield entry
        if not count:
            raise ReportError(f"{self.report.location}: {self._why_none(failed)}")

    def _why_none(self, failed: int) -> str:
        if not failed:
            return "no task failed, so there is no task to run again"
        if not self.without_version:
            return f"no failed task is selected (the report has {failed:,}): select other tasks"
        return (
            "no failed task has a version ID, although the manifest has a column for it, so all "
            "would fail again: correct the manifest, and create a new job"
        )


def check_listed_once(
    report: Report, *, job: JobRecord | None = None, manifest: Entries | None = None
) -> None:
    """Check that a report lists each task once, and tasks of its manifest only.

    An object that is on two lines of the manifest has two tasks. Whether it is, the manifest shows,
    or the counts of the job. Without both, an object may be in the report only once.

    Raises:
        ReportError: The report lists a task twice, or is a report of another manifest.
    """
    if manifest is None and job is not None and _has_the_counts_of(report, job):
        return
    with task_counts() as counts:
        if manifest is not None:
            counts.add_lines(manifest())
        counts.add_rows(report.entries())
        unknown = counts.unknown()
        repeated = counts.repeated_rows() if manifest is None else counts.repeated()
    if manifest is not None and unknown.number:
        raise ReportError(
            f"{report.location}: a report of another manifest: it has {unknown.number:,} rows of "
            f"tasks that are not in the manifest, for example {unknown.names(report.entries())}"
        )
    if repeated.number:
        hint = (
            ""
            if manifest
            else (". If the object is on several lines of the manifest, pass the manifest")
        )
        raise ReportError(
            f"{report.location}: its parts overlap, duplicate rows: {repeated.number:,}, "
            f"for example {repeated.names(report.entries())}{hint}"
        )


def _has_the_counts_of(report: Report, job: JobRecord) -> bool:
    """Return whether a report has as many rows of each status as its job has tasks."""
    summary = report.summary()
    listed_all = summary.succeeded == job.succeeded
    return summary.failed == job.failed and (listed_all or not summary.succeeded)
