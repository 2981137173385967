"""The reports of a job and of its redrives, in the order in which the jobs ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._rows import ReportScope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._report import Report


@dataclass(frozen=True, slots=True)
class Source:
    """A report to be merged, and what is known about its job."""

    report: Report
    record: JobRecord | None

    @property
    def job_id(self) -> str:
        return self.report.job_id

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Return the ID of the job, or those of all jobs whose reports were merged into this."""
        return (self.record and self.record.merged_jobs) or (self.job_id,)

    @property
    def redrive_of(self) -> str | None:
        return None if self.record is None else self.record.redrive_of

    @property
    def lists_failures_only(self) -> bool:
        return self.record is not None and self.record.report_scope is ReportScope.FAILED_TASKS_ONLY

    def not_listed(self, listed: int) -> int | None:
        """Return how many tasks succeeded in the job and are not among the rows that it lists.

        A merged report lists the successes of redrives, also if it lists failed tasks only.
        """
        succeeded = None if self.record is None else self.record.succeeded
        return None if succeeded is None else max(0, succeeded - listed)


def in_order(sources: Iterable[Source]) -> list[Source]:
    """Sort reports by their time, but each redrive after the job that it redrives.

    Clocks of machines differ, so times alone are not reliable.

    Raises:
        ReportError: There is no report, or there are two reports of one job.
    """
    left = sorted(sources, key=lambda source: source.report.created)
    if not left:
        raise ReportError("there is no report to merge")
    _check_jobs(left)
    ordered: list[Source] = []
    while left:
        waiting = {job_id for source in left for job_id in source.job_ids if job_id}
        ready = [source for source in left if source.redrive_of not in waiting]
        following = (ready or left)[0]
        left.remove(following)
        ordered.append(following)
    return ordered


def _check_jobs(sources: Iterable[Source]) -> None:
    locations: dict[str, str] = {}
    for source in sources:
        for job_id in source.job_ids:
            location = source.report.location
            if job_id and job_id in locations:
                raise ReportError(
                    f"{location}: a second report of job {job_id}, beside {locations[job_id]}. "
                    "Pass the report of each job once"
                )
            locations[job_id] = location
