"""Completion reports as a notebook shows them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from s3batch_handler.core._html import html_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.documents._report import Report
    from s3batch_handler.documents._report_rows import TaskStatus
    from s3batch_handler.documents._report_summary import ReportSummary


def report_html(report: Report, statuses: Iterable[TaskStatus]) -> str:
    """Return a table with the facts of a report.

    Args:
        report: The report, of which no row is read.
        statuses: The status of the rows of each of its files.
    """
    files = (f"{count:,} {status.value}" for status, count in Counter(statuses).items())
    facts = [
        ("Job", report.job_id),
        ("Created", report.created.isoformat(" ", "seconds")),
        ("Location", report.location),
        ("Files", ", ".join(files) or "none"),
        ("Rows", "not counted: summary() counts them"),
    ]
    return html_table("Completion report", facts)


def summary_html(summary: ReportSummary) -> str:
    """Return a table with the counts of a report, and its most frequent failures."""
    failures = (
        (f"{group.count:,} failed", f"{group.error_code}: {group.message}")
        for group in summary.failures
    )
    facts = [
        ("Total", f"{summary.total:,}"),
        ("Succeeded", f"{summary.succeeded:,}"),
        ("Failed", f"{summary.failed:,}"),
        *failures,
    ]
    return html_table("Summary of a completion report", facts)
