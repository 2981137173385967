"""The commands for the next steps after a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._report_files import INDEX
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.cli.run._saved_run import SavedRun
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.page._document import Command


def next_commands(job: JobResult, options: RunOptions, saved: SavedRun | None) -> list[Command]:
    """Return the commands for a job that has ended or paused, with their purposes."""
    if saved is not None and job.status is JobStatus.PAUSED:
        return [{"title": "Resume the job", "command": saved.resume_command}]
    return [
        {"title": title, "command": shell_command(words)} for title, words in _words(job, options)
    ]


def _words(job: JobResult, options: RunOptions) -> Iterator[tuple[str, list[str]]]:
    if job.report is None:
        return
    folder = job.report.removesuffix(f"/{INDEX}")
    is_remote = is_s3_url(folder)
    function = options.function_words() if is_remote else []
    connection = options.connection_words() if is_remote else []
    if job.progress.failed:
        yield "List the failed tasks", ["s3batch", "report", "failed", folder, *connection]
        again = ["s3batch", "run", *function, "--failed-from", folder, *connection]
        yield "Run the failed tasks again", again
    yield (
        "Save this page",
        ["s3batch", "report", "html", folder, "--to", f"job-{job.job_id}.html", *connection],
    )
