"""The summary of a completion report: how many tasks failed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s3batch_handler.documents.reports._failure_groups import FailureCounts, failure_reason
from s3batch_handler.documents.reports._rows import TaskStatus, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._results_file import ResultsFile
    from s3batch_handler.documents.reports._rows import ReportRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSummary:
    """How many tasks of a job succeeded and failed, and why they failed.

    Attributes:
        failures: The most frequent failures, the most frequent first, at most 100.
        first_failures: The first rows of tasks that failed, at most ten.
    """

    succeeded: int
    failed: int
    failures: tuple[FailureGroup, ...]
    first_failures: tuple[ReportRow, ...]

    @property
    def total(self) -> int:
        """Return the number of rows."""
        return self.succeeded + self.failed

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        from s3batch_handler.core._html import html_table  # only there

        failures = (
            (f"{group.count:,} failed", f"{group.error_code}: {group.message}")
            for group in self.failures[:10]
        )
        facts = [
            ("Total", f"{self.total:,}"),
            ("Succeeded", f"{self.succeeded:,}"),
            ("Failed", f"{self.failed:,}"),
            *failures,
        ]
        return html_table("Summary of a completion report", facts)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as the commands print it with ``--json``."""
        return {
            "total": self.total,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "failures": [group.to_json() for group in self.failures],
        }


def summarize_rows(files: Iterable[ResultsFile]) -> ReportSummary:
    """Read the rows of results files one by one, and count them."""
    succeeded = failed = 0
    failures = FailureCounts()
    for file in files:
        for row in file.read(read_rows):
            if row.status is TaskStatus.SUCCEEDED:
                succeeded += 1
            else:
                failed += 1
                failures.add(row, failure_reason(row.message))
    return ReportSummary(
        succeeded=succeeded,
        failed=failed,
        failures=failures.most_frequent(),
        first_failures=failures.first,
    )
