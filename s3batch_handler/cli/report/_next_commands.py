"""The commands for next steps with a report, as its page shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from s3batch_handler.cli.report._rerun import rerun_words
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.core._redaction import redact
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._rows import ReportScope
from s3batch_handler.jobs._locations import s3_url
from s3batch_handler.page._job_facts import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.page._document import Command, Counts


def next_commands(
    found: FoundReport, record: JobRecord | None, counts: Counts
) -> Iterator[Command]:
    """Yield the commands that make sense for a report with these counts."""
    report, location = ["s3batch", "report"], found.arguments
    if counts["failed"]:
        yield _command("List the failed tasks", [*report, "failed", *location])
        if words := rerun_words(found):
            yield _command("Run the failed tasks again", words)
        words = [*report, "redrive", *location, "--to", "failed.csv"]
        yield _command("Write a manifest of the failed tasks", words)
    if counts["pending"] and record and (manifest := _manifest(record)):
        words = ["s3batch", "manifest", "join", manifest, *location, "--missing"]
        yield _command(
            "Write a manifest of the tasks that were not run", [*words, "--to", "not-run.csv"]
        )
    yield _command("Check that the report is complete", [*report, "verify", *location])


def _command(title: str, words: list[str]) -> Command:
    # The options may have an address with a password, and the page is sent to others.
    return {"title": title, "command": shell_command(map(redact, words))}


def _manifest(record: JobRecord) -> str | None:
    """Return the manifest of a job if its lines without a row are the tasks that were not run."""
    if record.report_scope is ReportScope.FAILED_TASKS_ONLY or "Selection" in record.local:
        return None
    local = text_of(record.local, "Manifest", "Location")
    if local is not None:
        return local if is_s3_url(local) or Path(local).is_file() else None
    location = s3_url(text_of(record.description, "Manifest", "Location", "ObjectArn") or "")
    return location if is_s3_url(location) else None
