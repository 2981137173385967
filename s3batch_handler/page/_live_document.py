"""The document of a job on this machine, while it runs and afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from s3batch_handler.page._configuration import configuration
from s3batch_handler.page._job_facts import job_facts, known_history
from s3batch_handler.page._task_facts import failures_of, redacted_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from s3batch_handler.documents.reports._run_record import StatusChange, Threshold
    from s3batch_handler.engine.invoke._invoker import RunningCall
    from s3batch_handler.engine.run._run_observer import RunObserver
    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.engine.run._run_statistics import RunSnapshot
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._status import Progress
    from s3batch_handler.page._document import (
        Command,
        Counts,
        JobDocument,
        Log,
        Origin,
        Rate,
        Workers,
    )

MAX_WORKERS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveJob:
    """A job on this machine, and what is known about it.

    Attributes:
        job: Its description.
        origin: Where it runs.
        tags: Its tags.
        history: Its statuses with their times; empty for those that its description contains.
        run: Its run, or its latest one; ``None`` if it has not run.
        report: The location of its report, once it is written.
        threshold: How many of its tasks may fail.
        log: The end of the log of its function.
    """

    job: Job
    origin: Origin
    tags: Mapping[str, str] = field(default_factory=dict)
    history: list[StatusChange] = field(default_factory=list)
    run: RunObserver | None = None
    report: str | None = None
    threshold: Threshold | None = None
    log: Log | None = None


def live_document(
    live: LiveJob, *, time: datetime, commands: Sequence[Command] = ()
) -> JobDocument:
    """Return the document of a job at a time, with commands for the next steps."""
    job, run = live.job, live.run
    description = job.to_description()
    statistics = run.statistics if run else None
    progress, failures = run.counts if run else (None, ())
    if job.status.is_final:
        progress = None  # it may be older than the job
    calls = run.running() if run and not job.status.is_final else []
    is_running = progress is not None and run is not None and run.invoker is not None
    return {
        "version": 1,
        "time": time.isoformat(),
        "job": job_facts(
            description,
            job_id=job.job_id,
            origin=live.origin,
            tags=live.tags,
            report=live.report,
        ),
        "counts": _counts(job, progress, running=sum(call.entry is not None for call in calls)),
        "history": live.history or known_history(description),
        "rate": _rate(job, progress, statistics, is_running=is_running),
        "rate_history": statistics.rate_history if statistics else None,
        "durations": statistics.durations if statistics else None,
        "threshold": _threshold(live.threshold, progress),
        "failures": [*map(failures_of, failures)],
        "failed_tasks": None,
        "latest": [*map(redacted_task, statistics.latest)] if statistics else [],
        "slowest": [*map(redacted_task, statistics.slowest)] if statistics else [],
        "workers": _workers(calls) if calls else None,
        "log": live.log,
        "configuration": configuration(
            description,
            report_facts=[("Location", live.report)] if live.report and job.progress.done else (),
        ),
        "commands": [*commands],
        "live": None,
    }


def _counts(job: Job, progress: RunProgress | None, *, running: int) -> Counts:
    total = job.progress.total
    counts: Progress = job.progress if progress is None else progress
    waiting = 0 if progress is None else progress.waiting
    if total is None:
        pending = None
    else:
        # The counts and the workers are read one after the other.
        running = min(running, max(0, total - counts.done))
        pending = max(0, total - counts.done - waiting - running)
        waiting = total - counts.done - running - pending
    has_ended = job.status.is_final
    return {
        "total": total,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "waiting": None if has_ended else waiting,
        "running": None if has_ended else running,
        "pending": pending,
    }


def _rate(
    job: Job, progress: RunProgress | None, statistics: RunSnapshot | None, *, is_running: bool
) -> Rate | None:
    """Return the rates; after the run, only the average."""
    seconds = statistics.active_seconds if statistics else job.progress.active_seconds
    if not seconds:
        return None
    # The statistics may be older than the counts.
    done, elapsed = (progress.done, progress.elapsed) if progress else (job.progress.done, seconds)
    return {
        "now": statistics.rate_now if statistics and is_running else None,
        "average": done / (elapsed or seconds),
        "left": statistics.time_left if statistics and is_running else None,
        "active_seconds": float(seconds),
    }


def _threshold(threshold: Threshold | None, progress: RunProgress | None) -> Threshold | None:
    if threshold is None or progress is None:
        return threshold
    return {**threshold, "tolerated": progress.tolerated}


def _workers(calls: list[RunningCall]) -> Workers:
    return {
        "count": len(calls),
        "shown": [
            {
                "name": call.worker,
                "bucket": call.entry.object.bucket if call.entry else None,
                "key": call.entry.object.key if call.entry else None,
                "seconds": round(call.seconds, 3),
            }
            for call in calls[:MAX_WORKERS]
        ],
    }
