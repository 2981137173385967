"""The list of the jobs of all accounts and Regions, for the page of a server."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3batch_handler.core._errors import JobError, JobNotFound, StateDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine._job_reader import JobReader
    from s3batch_handler.local_aws._engines import Engines
    from s3batch_handler.page._document import ListDocument, ListedJob
    from s3batch_handler.page._source import JobQuery


class JobList:
    """Lists and searches jobs. It reads a description again only if the job has changed."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, ListedJob]] = {}  # by job ID, with its version

    def page(self, query: JobQuery) -> ListDocument:
        """Return the jobs that match a query, the newest first.

        Raises:
            JobError: The cursor of the query is not valid.
        """
        found = [job for job in self._jobs() if query.finds(job)]
        by_status = Counter(job["status"] for job in found)
        matching = [job for job in found if not query.statuses or job["status"] in query.statuses]
        matching.sort(key=_place, reverse=True)
        after = None if query.after is None else _from_cursor(query.after)
        following = [job for job in matching if after is None or _place(job) < after]
        shown = following[: query.limit]
        return {
            "version": 1,
            "time": datetime.now(UTC).isoformat(),
            "jobs": shown,
            "matching": len(matching),
            "by_status": dict(by_status),
            "next": _cursor(shown[-1]) if len(following) > len(shown) else None,
        }

    def _jobs(self) -> list[ListedJob]:
        with self._lock:  # one thread reads the changed jobs for all threads
            self._known = dict(self._current())
            return [job for _, job in self._known.values()]

    def _current(self) -> Iterator[tuple[str, tuple[str, ListedJob]]]:
        for (account_id, region), engine in self._engines.all().items():
            for job_id, version in engine.reader.versions():
                known = self._known.get(job_id)
                if known is None or known[0] != version:
                    job = _read(engine.reader, job_id, account_id, region)
                    if job is None:
                        continue
                    known = version, job
                yield job_id, known


def _read(jobs: JobReader, job_id: str, account_id: str, region: str) -> ListedJob | None:
    """Read a job; ``None`` if it is damaged or was deleted."""
    try:
        job = jobs.job(job_id)
    except (JobNotFound, StateDamaged):
        return None
    invoke = job.operation.lambda_invoke if job.operation else None
    ended = job.termination_date
    return {
        "id": job.job_id,
        "origin": "serve",
        "status": job.status,
        "description": job.description,
        "operation": job.operation_name,
        "function": invoke.function_arn if invoke else None,
        "priority": job.priority,
        "account_id": account_id,
        "region": region,
        "created": job.creation_time.isoformat(),
        "ended": None if ended is None else ended.isoformat(),
        "total": job.progress.total,
        "succeeded": job.progress.succeeded,
        "failed": job.progress.failed,
    }


def _place(job: ListedJob) -> tuple[str, str]:
    """Return the sort key of a job."""
    return job["created"] or "", job["id"]


def _cursor(job: ListedJob) -> str:
    return "~".join(_place(job))


def _from_cursor(text: str) -> tuple[str, str]:
    """Return the sort key in a cursor; its job may have been deleted since then."""
    created, separator, job_id = text.partition("~")
    if not separator:
        raise JobError("The list has changed: reload the page", code="InvalidRequestException")
    return created, job_id
