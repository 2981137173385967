"""The reports of a job and of its redrives, in the order in which the jobs ran."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.manifests._part import Part
from s3batch_handler.documents.reports._rows import ReportScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from s3batch_handler.documents.reports._job_record import JobRecord, PartOfManifest
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
    def part(self) -> PartOfManifest | None:
        return None if self.record is None else self.record.part

    @property
    def lists_failures_only(self) -> bool:
        return self.record is not None and self.record.report_scope is ReportScope.FAILED_TASKS_ONLY

    def not_listed(self, listed: int) -> int | None:
        """Return how many tasks succeeded in the job and are not among the rows that it lists.

        A merged report lists the successes of redrives, also if it lists failed tasks only.
        """
        succeeded = None if self.record is None else self.record.succeeded
        return None if succeeded is None else max(0, succeeded - listed)


def first_reports(sources: Sequence[Source]) -> list[Source]:
    """Return the reports that have the tasks of the job: the first one, or those of all parts.

    Raises:
        ReportError: The parts are not those of one manifest, or one is missing.
    """
    parts = sorted(
        (source for source in sources if source.part is not None),
        key=lambda source: cast("PartOfManifest", source.part).part,
    )
    if not parts:
        return list(sources[:1])
    first = cast("PartOfManifest", parts[0].part)
    for source in parts:
        part = cast("PartOfManifest", source.part)
        if (part.part.of, part.lines, part.etag) != (first.part.of, first.lines, first.etag):
            raise ReportError(
                f"{source.report.location} is part {part.part} of another manifest than "
                f"{parts[0].report.location}, or the manifest was divided differently"
            )
    for one, other in pairwise(parts):
        if one.part == other.part:
            raise ReportError(
                f"{other.report.location}: a second report of part "
                f"{cast('PartOfManifest', other.part).part}, beside {one.report.location}. "
                "Pass one of them"
            )
    there = {cast("PartOfManifest", source.part).part for source in parts}
    all_parts = (Part(number, first.part.of) for number in range(first.part.of))
    missing = [str(part) for part in all_parts if part not in there and part.lines(first.lines)]
    if missing:
        more = f" and {len(missing) - 3:,} others" if len(missing) > 3 else ""
        raise ReportError(
            f"there is no report of part {', '.join(missing[:3])}{more}: pass the reports of all "
            "parts"
        )
    return parts


def reports_without_redrives(sources: Sequence[Source]) -> list[Source]:
    """Return the reports of jobs that ran no failed tasks of another of these jobs."""
    jobs = {job_id for source in sources for job_id in source.job_ids}
    return [source for source in sources if source.redrive_of not in jobs]


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
