"""The jobs of an engine, in SQLite: what was asked for, how each of them is, its tags."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.engine.database import open_database, told
from s3batch_handler.errors import JobNotFound
from s3batch_handler.job import Job, JobSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from s3batch_handler.status import JobStatus


class StoredJob(NamedTuple):
    """A job with what only its engine knows.

    Attributes:
        spec: What was asked for.
        job: How it is.
        manifest: What is known of its manifest since that was prepared; ``None`` before.
    """

    spec: JobSpec
    job: Job
    manifest: dict[str, Any] | None


class JobStore:
    """All jobs, the oldest first. Every change is there at once, whatever happens next.

    For any number of threads.

    Attributes:
        lock: To look and then to change, with no other thread between.

    Args:
        path: A file, made when it is not there; ``None``: in memory.

    Raises:
        StateError: The file cannot be used, now or later on.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._name = "the store of jobs" if path is None else str(path)
        self.lock = threading.RLock()
        self._db = open_database(path or ":memory:", name=self._name, schema=_SCHEMA, version=1)

    # ------------------------------------------------------------ jobs

    def add(self, spec: JobSpec, job: Job) -> None:
        """Take a new job, with the tags that it was asked for with."""
        self._execute(
            "INSERT INTO jobs (job_id, token, status, priority, spec, job, tags) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            job.job_id,
            spec.client_request_token,
            job.status,
            job.priority,
            spec.model_dump_json(exclude_none=True),
            _text(job),
            json.dumps(dict(spec.tags)),
        )

    def get(self, job_id: str) -> StoredJob:
        """Give a job.

        Raises:
            JobNotFound: There is none of this id.
        """
        found = self._one("SELECT spec, job, manifest FROM jobs WHERE job_id = ?", job_id)
        if found is None:
            raise JobNotFound(job_id=job_id)
        return _stored(*found)

    def asked_for(self, token: str) -> StoredJob | None:
        """Give the job that was asked for with a request token."""
        found = self._one("SELECT spec, job, manifest FROM jobs WHERE token = ?", token)
        return None if found is None else _stored(*found)

    def save(self, job: Job) -> None:
        """Keep how a job is now."""
        ended = job.termination_date
        self._execute(
            "UPDATE jobs SET status = ?, priority = ?, ended = ?, job = ? WHERE job_id = ?",
            job.status,
            job.priority,
            None if ended is None else ended.timestamp(),
            _text(job),
            job.job_id,
        )

    def save_manifest(self, job_id: str, manifest: Mapping[str, Any]) -> None:
        """Keep what is known of a manifest that has been prepared."""
        self._execute("UPDATE jobs SET manifest = ? WHERE job_id = ?", json.dumps(manifest), job_id)

    def page(
        self, statuses: Collection[JobStatus], *, after: str | None, size: int
    ) -> tuple[list[Job], bool]:
        """Give jobs of these statuses, the newest first.

        Args:
            statuses: Which.
            after: The id of the last job of the page before.
            size: How many at most.

        Returns:
            The jobs, and whether there are more.

        Raises:
            JobNotFound: There is no job ``after``.
        """
        before = 1 << 62
        if after is not None:
            found = self._one("SELECT number FROM jobs WHERE job_id = ?", after)
            if found is None:
                raise JobNotFound(job_id=after)
            (before,) = found
        rows = self._all(
            "SELECT job FROM jobs WHERE number < ? "
            "AND status IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?",
            before,
            json.dumps([*statuses]),
            size + 1,
        )
        return [_job(text) for (text,) in rows[:size]], len(rows) > size

    def of_status(self, *statuses: JobStatus) -> list[Job]:
        """Give jobs of these statuses: those of the highest priority first, of these the oldest."""
        rows = self._all(
            "SELECT job FROM jobs WHERE status IN (SELECT value FROM json_each(?)) "
            "ORDER BY priority DESC, number",
            json.dumps(statuses),
        )
        return [_job(text) for (text,) in rows]

    def forget(self, *, ended_before: datetime) -> None:
        """Forget jobs that have been over for so long."""
        self._execute("DELETE FROM jobs WHERE ended < ?", ended_before.timestamp())

    # ------------------------------------------------------------ tags

    def tags(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        found = self._one("SELECT tags FROM jobs WHERE job_id = ?", job_id)
        if found is None:
            raise JobNotFound(job_id=job_id)
        tags: dict[str, str] = json.loads(found[0])
        return tags

    def save_tags(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        self._execute("UPDATE jobs SET tags = ? WHERE job_id = ?", json.dumps(dict(tags)), job_id)

    def close(self) -> None:
        """Let go of the file, once nobody is at it."""
        with self.lock:  # closed under a running query, SQLite would crash
            self._db.close()

    # ------------------------------------------------------------ SQLite

    def _execute(self, query: str, *values: object) -> None:
        with self.lock, told(self._name):
            self._db.execute(query, values)

    def _all(self, query: str, *values: object) -> list[Any]:
        with self.lock, told(self._name):
            return self._db.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> Any:
        return next(iter(self._all(query, *values)), None)


def _stored(spec: str, job: str, manifest: str | None) -> StoredJob:
    return StoredJob(
        JobSpec.model_validate_json(spec),
        _job(job),
        None if manifest is None else json.loads(manifest),
    )


def _text(job: Job) -> str:
    return json.dumps(job.to_description(), default=datetime.isoformat)


def _job(text: str) -> Job:
    return Job.from_description(json.loads(text))


_SCHEMA: Final = """
    BEGIN;
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT UNIQUE, token TEXT UNIQUE, status TEXT, priority INTEGER,
        ended REAL,
        spec TEXT, job TEXT, tags TEXT, manifest TEXT
    );
    CREATE INDEX by_end ON jobs (ended);
    CREATE INDEX by_status ON jobs (status);
    PRAGMA user_version = 1;
    COMMIT;
"""
