"""``s3batch report summary``: how many tasks failed, why, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._options import json_option
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.report._location import location_argument, location_options
from s3batch_handler.cli.report._redrive_manifest import record_of
from s3batch_handler.cli.report._rerun import rerun_words
from s3batch_handler.cli.terminal._console import command_lines, print_rich, safe_text
from s3batch_handler.cli.terminal._failure_tables import failure_lines, first_failure_lines
from s3batch_handler.cli.terminal._job_style import (
    FAILED,
    SUCCEEDED,
    exact_time,
    percentage,
    relative_time,
)
from s3batch_handler.cli.terminal._output import print_json, print_lines
from s3batch_handler.documents.reports._rows import ReportScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.text import Text

    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._summary import ReportSummary


@click.command(cls=Command)
@location_argument
@json_option
@location_options
def summary(
    *, find: Callable[[str | None], FoundReport], location: str | None, as_json: bool
) -> None:
    """Show how many tasks succeeded and failed, and why they failed.

    Failures whose messages differ only in names and numbers are counted together, with … for what
    differs.

    Examples:
        s3batch report summary
        s3batch report summary s3://my-jobs/reports/job-…
    """
    found = find(location)
    counts = found.report.summary()
    if as_json:
        print_json({**_identity(found), **counts.to_json()})
        return
    print_rich(*_overview(found, counts))
    if counts.failed:
        print_lines(_failures(found, counts))


def _failures(found: FoundReport, counts: ReportSummary) -> Iterator[str]:
    yield ""
    yield from failure_lines(counts.failures, counts.failed)
    yield ""
    yield from first_failure_lines(counts.first_failures, counts.failed)
    yield ""
    yield from _next_commands(found)


def _identity(found: FoundReport) -> dict[str, str | None]:
    report = found.report
    return {
        "job_id": report.job_id or None,
        "created": report.created.isoformat(),
        "report": report.location,
    }


def _overview(found: FoundReport, counts: ReportSummary) -> Iterator[Text]:
    report, record = found.report, record_of(found, with_tags=True)
    yield _line("Job", report.job_id or "unknown")
    if record is not None:
        yield from _history(record)
    yield _line("Report", report.location)
    yield _line("Created", f"{exact_time(report.created)} ({relative_time(report.created)})")
    total, succeeded = counts.total, counts.succeeded
    if record is not None and record.report_scope is ReportScope.FAILED_TASKS_ONLY:
        yield _line("Scope", "FailedTasksOnly: the report has no rows of tasks that succeeded")
        total, succeeded = record.total or total, record.succeeded or succeeded
    yield _line("Tasks", f"{total:,}")
    for name, count, style in (
        ("Succeeded", succeeded, SUCCEEDED),
        ("Failed", counts.failed, FAILED),
    ):
        text = f"{count:,} ({percentage(count, total)})"
        yield _line(name, text, style if count else "")


def _history(record: JobRecord) -> Iterator[Text]:
    facts = {
        "Status": record.status,
        "Redrive of": record.redrive_of,
        "Merged": ", ".join(record.merged_jobs),
    }
    for name, value in facts.items():
        if value:
            yield _line(name, value)


def _line(name: str, value: str, style: str = "") -> Text:
    return safe_text(f"{name:<11} ").append_text(safe_text(value, style))


def _next_commands(found: FoundReport) -> Iterator[str]:
    yield "Next:"
    report = ["s3batch", "report"]
    list_failed = [*report, "failed", *found.arguments]
    write_manifest = [*report, "redrive", *found.arguments, "--to", "failed.csv"]
    for words in (list_failed, rerun_words(found) or write_manifest):
        yield from command_lines(words, indent="  ")
