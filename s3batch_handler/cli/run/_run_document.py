"""The document of the page of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._redaction import redact
from s3batch_handler.jobs._status import JobStatus, Progress
from s3batch_handler.page._configuration import configuration
from s3batch_handler.page._job_facts import job_facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.documents.reports._run_record import StatusChange, TaskFacts
    from s3batch_handler.engine.invoke._invoker import RunningCall
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.engine.run._run_observer import RunObserver
    from s3batch_handler.page._document import (
        Command,
        Counts,
        FailedTasks,
        Failures,
        JobDocument,
        Log,
        Rate,
        Workers,
    )


def run_document(
    description: Mapping[str, Any],
    *,
    tags: Mapping[str, str],
    history: list[StatusChange],
    total: int | None,
    observer: RunObserver,
    result: JobResult | None,
    log: Log | None,
    failed_tasks: FailedTasks | None,
    commands: Sequence[Command],
) -> JobDocument:
    """Return the document of a run.

    Args:
        description: The members of ``job.json`` that are known.
        tags: The tags of the job.
        history: Its statuses.
        total: The number of its tasks.
        observer: Its progress and statistics.
        result: Its result, when it has ended or paused.
        log: The end of the function's log.
        failed_tasks: The first failed tasks, when it has ended or paused.
        commands: The commands for the next steps.
    """
    facts = job_facts(
        description,
        job_id=description["JobId"],
        origin="run",
        tags=tags,
        report=result.report if result else None,
    )
    facts["function"] = facts["function"] or description["Local"].get("Handler")
    statistics, running = observer.statistics, [] if result else observer.running()
    progress = observer.progress
    failures = result.failures if result else progress.failures if progress else ()
    return {
        "version": 1,
        "time": datetime.now(UTC).isoformat(),
        "job": facts,
        "counts": _counts(total, observer, result, running),
        "history": history,
        "rate": _rate(observer, has_ended=result is not None),
        "rate_history": statistics.rate_history,
        "durations": statistics.durations,
        "threshold": None,
        "failures": [*map(_failures, failures)],
        "failed_tasks": failed_tasks,
        "latest": statistics.latest,
        "slowest": statistics.slowest,
        "workers": None if result else _workers(running),
        "log": log,
        "configuration": configuration(description),
        "commands": [*commands],
        "live": None,
    }


def _counts(
    total: int | None,
    observer: RunObserver,
    result: JobResult | None,
    running: Sequence[RunningCall],
) -> Counts:
    counts = result.progress if result else observer.progress or Progress(total, 0, 0)
    has_paused = result is None or result.status is JobStatus.PAUSED
    waiting = observer.progress.waiting if has_paused and observer.progress else 0
    busy = sum(call.entry is not None for call in running)
    left = None if total is None else max(0, total - counts.done - waiting)
    busy = busy if left is None else min(busy, left)
    return {
        "total": total,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "waiting": waiting,
        "running": busy,
        "pending": None if left is None else left - busy,
    }


def _rate(observer: RunObserver, *, has_ended: bool) -> Rate | None:
    if observer.progress is None:
        return None
    statistics = observer.statistics
    return {
        "now": None if has_ended else statistics.rate_now,
        "average": statistics.rate_average,
        "left": None if has_ended else statistics.time_left,
        "active_seconds": statistics.active_seconds,
    }


def _workers(running: Sequence[RunningCall]) -> Workers | None:
    if not running:
        return None
    return {
        "count": len(running),
        "shown": [
            {
                "name": call.worker,
                "bucket": call.entry and call.entry.object.bucket,
                "key": call.entry and call.entry.object.key,
                "seconds": round(call.seconds, 3),
            }
            for call in running[:_MAX_WORKERS]
        ],
    }


_MAX_WORKERS: Final = 100


# ---------------------------------------------------------------- failures


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


def task_facts(row: ReportRow) -> TaskFacts:
    """Return a failed task."""
    return {
        "bucket": row.bucket,
        "key": row.key,
        "version_id": row.version_id,
        "status": "failed",
        "code": row.error_code,
        "http_status": row.http_status,
        "message": redact(row.message),
        "seconds": None,
    }
