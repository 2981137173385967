"""The end of a job that a command has waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli._notify import EndedJob, notify
from s3batch_handler.cli.job._display import exit_code_of_job, print_job
from s3batch_handler.jobs._locations import report_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3batch_handler.jobs._job import Job


def show_end(
    job: Job,
    *,
    as_json: bool,
    options: Sequence[str],
    command: str | None,
    more: Mapping[str, str] | None = None,
) -> int:
    """Print a job that has ended, run the command of ``--notify``, and return the exit code.

    ``more`` has members that are added to the JSON.
    """
    try:
        print_job(job, as_json=as_json, options=options, more=more)
    finally:
        if command is not None:
            notify(command, _ended(job))
    return exit_code_of_job(job)


def _ended(job: Job) -> EndedJob:
    reasons = [failure.failure_reason or failure.failure_code for failure in job.failure_reasons]
    return EndedJob(
        job_id=job.job_id,
        status=job.status,
        progress=job.progress,
        report=report_url(job),
        reason="; ".join(filter(None, reasons)) or job.status_update_reason,
        summary=job.to_description(),
    )
