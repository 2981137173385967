"""The summary of a job, as text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.report._row_output import FIELDS
from s3batch_handler.cli.terminal._console import command_lines, print_rich, safe_text, shows_tables
from s3batch_handler.cli.terminal._failure_tables import (
    failure_lines,
    first_failure_lines,
    plain_failure_lines,
)
from s3batch_handler.cli.terminal._job_style import FAILED, SUCCEEDED, WARNING, status_style
from s3batch_handler.cli.terminal._output import counted, print_json, print_lines
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import is_s3_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from s3batch_handler.cli.run._selection import Selection
    from s3batch_handler.engine.run._ledger import JobResult


def print_summary(
    job: JobResult,
    *,
    log: str | None,
    selection: Selection | None = None,
    not_saved: Mapping[str, int] | None = None,
    function: Sequence[str] = (),
    connection: Sequence[str] = (),
    as_json: bool,
) -> None:
    """Print the summary of a job.

    Args:
        job: The job.
        log: Where the function's own output is.
        selection: Which objects the job has, if these are not all.
        not_saved: The number of objects, by bucket, that are neither in a folder nor in S3 now.
        function: HANDLER and the arguments, which a report in S3 does not have.
        connection: The options with which other commands reach the S3 of the report.
        as_json: Print JSON.
    """
    if as_json:
        print_json(summary_json(job, log=log, selection=selection, not_saved=not_saved))
    else:
        overview = [*_overview(job, selection)]
        if shows_tables():
            lines = (safe_text(name).append_text(safe_text(*value)) for name, *value in overview)
            print_rich(*lines, soft_wrap=True)
        else:  # without Rich, a slow import
            print_lines(escape_unprintable(name + value) for name, value, _ in overview)
        print_lines(_failures(job, function, connection))


def summary_json(
    job: JobResult,
    *,
    log: str | None,
    selection: Selection | None = None,
    not_saved: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the summary of a job as JSON values: see :func:`print_summary`."""
    return {
        "job_id": job.job_id,
        "status": job.status.value,
        "reason": job.reason,
        "total": job.progress.total,
        "succeeded": job.progress.succeeded,
        "failed": job.progress.failed,
        "elapsed_seconds": round(job.elapsed, 3),
        "report": job.report,
        "log": log,
        "failures": [group.to_json() for group in job.failures],
        "first_failures": [
            {name: getattr(row, name) for name in FIELDS} for row in job.first_failures
        ],
        "selection": selection and selection.to_json(),
        "not_saved": dict(not_saved or {}),
    }


# ---------------------------------------------------------------- text


def _overview(job: JobResult, selection: Selection | None) -> Iterator[tuple[str, str, str]]:
    """Yield the lines of the summary: name, value, and style of the value."""
    progress = job.progress
    rate = round(progress.done / max(job.elapsed, 1e-9))
    not_run = (progress.total or progress.done) - progress.done
    status = job.status.value + (f": {job.reason}" if job.reason else "")
    rows = (
        ("Job", job.job_id, ""),
        ("Status", status, status_style(job.status, failed=progress.failed)),
        ("Objects", str(selection or ""), ""),
        ("Succeeded", f"{progress.succeeded:,}", SUCCEEDED if progress.succeeded else ""),
        ("Failed", f"{progress.failed:,}", FAILED if progress.failed else ""),
        ("Not run", f"{not_run:,}" if not_run > 0 else "", WARNING),  # < 0 if the manifest grew
        ("Time", f"{job.elapsed:.1f} s, {counted(rate, 'task')}/s", ""),
        ("Report", job.report or "none", ""),
    )
    for name, value, style in rows:
        if value:
            yield f"{name:<10} ", value, style


def _failures(job: JobResult, function: Sequence[str], connection: Sequence[str]) -> Iterator[str]:
    failed = job.progress.failed
    if not failed:
        return
    yield "\nWhat failed, and why:"
    lines_of = failure_lines if shows_tables() else plain_failure_lines
    yield from lines_of(job.failures, failed)
    if job.first_failures:  # an old journal has none
        yield ""
        yield from first_failure_lines(job.first_failures, failed)
    if job.report is not None:
        yield "\nNext:"
        folder = job.report.removesuffix("/manifest.json")
        if not is_s3_url(folder):
            function, connection = (), ()
        for words in (("report", "failed", folder), ("run", *function, "--failed-from", folder)):
            yield from command_lines(["s3batch", *words, *connection], indent="  ")
