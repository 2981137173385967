"""The document of a saved page, from a completion report and what is known about its job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from s3batch_handler.documents.reports._rows import ReportScope
from s3batch_handler.page._configuration import configuration
from s3batch_handler.page._embedded_rows import SAVED_ROWS, embedded_tasks
from s3batch_handler.page._job_facts import MAX_NUMBER, job_facts, known_history, member
from s3batch_handler.page._task_facts import failures_of, redacted_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.documents.reports._run_record import RunRecord
    from s3batch_handler.documents.reports._summary import ReportSummary
    from s3batch_handler.page._document import (
        Counts,
        JobDocument,
        Origin,
        Rate,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedJob:
    """A job that has ended, and what is known about it.

    Attributes:
        report: Its completion report.
        origin: Where it ran; ``None`` if that is not known.
        record: DescribeJob or ``job.json``; ``None`` if there is neither.
        tags: Its tags.
        run: How it ran, if it ran on this machine.
    """

    report: Report
    origin: Origin | None
    record: JobRecord | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run: RunRecord | None = None


def report_document(
    job: ReportedJob,
    summary: ReportSummary,
    *,
    rows: int = SAVED_ROWS,
) -> JobDocument:
    """Return the document of the page of a job that has ended, without commands.

    Args:
        job: The job.
        summary: The summary of its report.
        rows: The maximum number of failed tasks in the document.

    Raises:
        ReportError: A results file is missing or damaged.
    """
    run = job.run
    description = job.record.description if job.record else _description_of_run(run)
    counts = _counts(summary, job.record)
    return {
        "version": 1,
        "time": datetime.now(UTC).isoformat(),
        "job": job_facts(
            description,
            job_id=job.report.job_id or (job.record.job_id if job.record else ""),
            origin=job.origin,
            tags=job.tags,
            report=job.report.location,
        ),
        "counts": counts,
        "history": run["history"] if run else known_history(description),
        "rate": _rate(job, counts),
        "rate_history": run["rate_history"] if run else None,
        "durations": run["durations"] if run else None,
        "threshold": run["threshold"] if run else None,
        "failures": [*map(failures_of, summary.failures)],
        "failed_tasks": embedded_tasks(
            job.report.failed(), summary.failures, failed=summary.failed, limit=rows
        ),
        "latest": [],
        "slowest": [redacted_task(task) for task in run["slowest"]] if run else [],
        "workers": None,
        "log": None,
        "configuration": configuration(
            description,
            run,
            report_facts=[
                ("Location", job.report.location),
                ("Created", job.report.created.isoformat(" ", "seconds")),
            ],
        ),
        "commands": [],
        "live": None,
    }


def _description_of_run(run: RunRecord | None) -> Mapping[str, str]:
    """Return what DescribeJob would return for a job of which only ``run.json`` is known."""
    if run is None or not run["history"]:
        return {}
    first, latest = run["history"][0], run["history"][-1]
    return {
        "Status": latest["status"],
        "CreationTime": first["time"],
        "TerminationDate": latest["time"],
    }


def _counts(summary: ReportSummary, record: JobRecord | None) -> Counts:
    """Return the counts of the rows; those of the job if its report does not list all tasks."""
    succeeded, failed = summary.succeeded, summary.failed
    if record is None:
        # A report without a success may be one that lists failed tasks only.
        lists_all = succeeded > 0 or not failed
        return _counts_at_end(succeeded, failed, summary.total if lists_all else None)
    if record.report_scope is ReportScope.FAILED_TASKS_ONLY:
        succeeded = max(succeeded, record.succeeded or 0)
    done = succeeded + failed
    if record.total is None:
        return _counts_at_end(succeeded, failed, done)
    not_run = max(0, record.total - done)
    return _counts_at_end(succeeded, failed, done + not_run, not_run)


def _counts_at_end(
    succeeded: int, failed: int, total: int | None, not_run: int | None = None
) -> Counts:
    return {
        "total": total,
        "succeeded": succeeded,
        "failed": failed,
        "waiting": None,  # at the end, no task waits or runs
        "running": None,
        "pending": not_run,
    }


def _rate(job: ReportedJob, counts: Counts) -> Rate | None:
    description = job.record.description if job.record else {}
    timers = ("ProgressSummary", "Timers", "ElapsedTimeInActiveSeconds")
    seconds = job.run["active_seconds"] if job.run else member(description, *timers)
    if not isinstance(seconds, (int, float)) or not 0 < seconds < MAX_NUMBER:
        return None
    average = (counts["succeeded"] + counts["failed"]) / seconds
    if not average < inf:  # a job that ran no time at all
        return None
    return {"now": None, "average": average, "left": None, "active_seconds": seconds}
