"""The document of a job of an engine, while it runs and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.core._redaction import redact
from s3batch_handler.page._configuration import configuration
from s3batch_handler.page._job_facts import job_facts, known_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._status import Progress
    from s3batch_handler.page._document import (
        Command,
        Counts,
        Failures,
        JobDocument,
        ListedJob,
        Origin,
        Rate,
    )


def live_document(
    job: Job,
    *,
    origin: Origin,
    tags: Mapping[str, str],
    time: datetime,
    progress: RunProgress | None = None,
    report: str | None = None,
    commands: Iterable[Command] = (),
) -> JobDocument:
    """Return the document of a job.

    Args:
        job: Its description.
        origin: Where it runs.
        tags: Its tags.
        time: The time of the document.
        progress: Its progress, while it runs.
        report: The location of its report, when it is written.
        commands: The commands for the next steps.
    """
    description = job.to_description()
    facts = job_facts(description, job_id=job.job_id, origin=origin, tags=tags, report=report)
    return {
        "version": 1,
        "time": time.isoformat(),
        "job": facts,
        "counts": _counts(job, progress),
        "history": known_history(description),
        "rate": _rate(job.progress),
        "rate_history": None,
        "durations": None,
        "threshold": None,
        "failures": [*map(_failures, () if progress is None else progress.failures)],
        "failed_tasks": None,
        "latest": [],
        "slowest": [],
        "workers": None,
        "log": None,
        "configuration": configuration(description),
        "commands": [*commands],
        "live": None,
    }


def listed_job(job: Job, *, origin: Origin, account_id: str, region: str) -> ListedJob:
    """Return a job as in the list of jobs."""
    invoke = job.operation.lambda_invoke if job.operation else None
    return {
        "id": job.job_id,
        "origin": origin,
        "status": job.status,
        "description": job.description,
        "operation": job.operation_name,
        "function": invoke.function_arn if invoke else None,
        "priority": job.priority,
        "account_id": account_id,
        "region": region,
        "created": job.creation_time.isoformat(),
        "ended": job.termination_date.isoformat() if job.termination_date else None,
        "total": job.progress.total,
        "succeeded": job.progress.succeeded,
        "failed": job.progress.failed,
    }


def _counts(job: Job, progress: RunProgress | None) -> Counts:
    counts: Progress = job.progress if progress is None else progress
    total = job.progress.total
    waiting = 0 if progress is None else progress.waiting
    running = 0
    pending = None if total is None else max(0, total - counts.done - waiting - running)
    return {
        "total": total,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "waiting": waiting,
        "running": running,
        "pending": pending,
    }


def _rate(counts: Progress) -> Rate | None:
    seconds = counts.active_seconds
    if seconds is None:
        return None
    average = counts.done / seconds if seconds else None
    return {"now": None, "average": average, "left": None, "active_seconds": float(seconds)}


def _failures(group: FailureGroup) -> Failures:
    return {
        "code": group.error_code,
        "message": redact(group.message),
        "count": group.count,
        "examples": [
            {
                "bucket": row.bucket,
                "key": row.key,
                "version_id": row.version_id,
                "message": redact(row.message),
            }
            for row in group.examples
        ],
    }
