"""The summary of a job, as text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.cli._output import counted, print_data, print_json
from s3batch_handler.core._sanitize import escape_unprintable, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.run._selection import Selection
    from s3batch_handler.engine.run._ledger import JobResult


def print_summary(
    job: JobResult,
    *,
    log: str | None,
    selection: Selection | None = None,
    not_saved: Mapping[str, int] | None = None,
    as_json: bool,
) -> None:
    """Print the summary of a job.

    Args:
        job: The job.
        log: Where the function's own output is.
        selection: Which objects the job has, if these are not all.
        not_saved: The number of objects, by bucket, that are neither in a folder nor in S3 now.
        as_json: Print JSON.
    """
    if as_json:
        print_json(summary_json(job, log=log, selection=selection, not_saved=not_saved))
    else:
        print_data("\n".join([*_overview(job, selection), *_failures(job)]))


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
        "selection": selection and selection.to_json(),
        "not_saved": dict(not_saved or {}),
    }


def _overview(job: JobResult, selection: Selection | None) -> Iterator[str]:
    progress = job.progress
    rate = round(progress.done / max(job.elapsed, 1e-9))
    not_run = (progress.total or progress.done) - progress.done
    rows = {
        "Job": job.job_id,
        "Status": job.status.value + (f": {job.reason}" if job.reason else ""),
        "Objects": str(selection or ""),
        "Succeeded": f"{progress.succeeded:,}",
        "Failed": f"{progress.failed:,}",
        "Not run": f"{not_run:,}" if not_run > 0 else "",  # negative if the manifest grew
        "Time": f"{job.elapsed:.1f} s, {counted(rate, 'task')}/s",
        "Report": job.report or "none",
    }
    for name, value in rows.items():
        if value:
            yield f"{name:<10} {escape_unprintable(value)}"


def _failures(job: JobResult) -> Iterator[str]:
    if not job.failures:
        return
    yield "\nWhat failed, and why:"
    for group in job.failures:
        text = escape_unprintable(one_line(group.message))
        short = text if len(text) <= 100 else text[:99] + "…"
        yield f"{group.count:>9,}  {escape_unprintable(group.error_code)}: {short}"
    others = job.progress.failed - sum(group.count for group in job.failures)
    if others:
        yield f"{others:>9,}  for other reasons"
