"""The jobs of an engine, in SQLite: what was asked for, how each of them is, its tags."""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.core._errors import JobNotFound, StateDamaged
from s3batch_handler.engine.state._sqlite import (
    checksum,
    damaged,
    open_database,
    translate_sqlite_errors,
)
from s3batch_handler.jobs._job import Job, JobSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from s3batch_handler.jobs._status import JobStatus


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

    A damaged job is set aside: it is in no listing, and requests for it raise
    :class:`StateDamaged`. All other jobs continue.

    Raises:
        StateError: The file cannot be used, now or later on.
        StateDamaged: It is not a store of jobs, or is damaged.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._name = "the store of jobs" if path is None else str(path)
        self.lock = threading.RLock()
        self._db = open_database(path, name=self._name, schema=_SCHEMA, version=_VERSION)
        try:
            self._check()
        except BaseException:
            self.close()
            raise

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
            _sealed(job.job_id, spec.model_dump_json(exclude_none=True)),
            _sealed(job.job_id, _text(job)),
            _sealed(job.job_id, json.dumps(dict(spec.tags))),
        )

    def get(self, job_id: str) -> StoredJob:
        """Give a job.

        Raises:
            JobNotFound: There is none of this id.
            StateDamaged: The job is damaged.
        """
        found = self._one("SELECT spec, job, manifest FROM jobs WHERE job_id = ?", job_id)
        if found is None:
            raise JobNotFound(job_id=job_id)
        return self._stored(job_id, *found)

    def job(self, job_id: str) -> Job:
        """Return the description of a job; raise the same errors as :meth:`get`."""
        found = self._one("SELECT job FROM jobs WHERE job_id = ?", job_id)
        if found is None:
            raise JobNotFound(job_id=job_id)
        return self._job(job_id, *found)

    def asked_for(self, token: str) -> StoredJob | None:
        """Give the job that was asked for with a request token."""
        found = self._one("SELECT job_id, spec, job, manifest FROM jobs WHERE token = ?", token)
        return None if found is None else self._stored(*found)

    def save(self, job: Job) -> None:
        """Keep how a job is now."""
        ended = job.termination_date
        self._execute(
            "UPDATE jobs SET status = ?, priority = ?, ended = ?, job = ? WHERE job_id = ?",
            job.status,
            job.priority,
            None if ended is None else ended.timestamp(),
            _sealed(job.job_id, _text(job)),
            job.job_id,
        )

    def save_manifest(self, job_id: str, manifest: Mapping[str, Any]) -> None:
        """Keep what is known of a manifest that has been prepared."""
        text = _sealed(job_id, json.dumps(manifest))
        self._execute("UPDATE jobs SET manifest = ? WHERE job_id = ?", text, job_id)

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
            "SELECT number, job_id, job FROM jobs WHERE number < ? "
            "AND status IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?",
            before,
            json.dumps([*statuses]),
            size + 1,
        )
        return self._whole(rows[:size]), len(rows) > size

    def of_status(self, *statuses: JobStatus) -> list[Job]:
        """Give jobs of these statuses: those of the highest priority first, of these the oldest."""
        rows = self._all(
            "SELECT number, job_id, job FROM jobs "
            "WHERE status IN (SELECT value FROM json_each(?)) "
            "ORDER BY priority DESC, number",
            json.dumps(statuses),
        )
        return self._whole(rows)

    def ids(self) -> set[str]:
        """Return the IDs of all jobs, including those that were set aside."""
        return {job_id for (job_id,) in self._all("SELECT job_id FROM jobs")}

    def all(self) -> list[Job]:
        """Return all jobs, and correct the status column if it differs from a job's status."""
        rows = self._all("SELECT number, job_id, job, status FROM jobs")
        jobs = self._whole([row[:3] for row in rows])
        statuses = {job_id: status for _, job_id, _, status in rows}
        for job in jobs:
            if statuses[job.job_id] != job.status:
                self.save(job)
        return jobs

    def forget(self, *, ended_before: datetime) -> None:
        """Forget jobs that have been over for so long."""
        self._execute("DELETE FROM jobs WHERE ended < ?", ended_before.timestamp())

    # ------------------------------------------------------------ tags

    def tags(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        found = self._one("SELECT tags FROM jobs WHERE job_id = ?", job_id)
        if found is None:
            raise JobNotFound(job_id=job_id)
        tags: dict[str, str] = json.loads(self._unsealed(job_id, *found))
        return tags

    def save_tags(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        text = _sealed(job_id, json.dumps(dict(tags)))
        self._execute("UPDATE jobs SET tags = ? WHERE job_id = ?", text, job_id)

    def close(self) -> None:
        """Let go of the file, once nobody is at it."""
        with self.lock:  # closed under a running query, SQLite would crash
            self._db.close()

    # ------------------------------------------------------------ SQLite

    def _execute(self, query: str, *values: object) -> None:
        with self.lock, translate_sqlite_errors(self._name):
            self._db.execute(query, values)

    def _all(self, query: str, *values: object) -> list[Any]:
        with self.lock, translate_sqlite_errors(self._name):
            return self._db.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> Any:
        return next(iter(self._all(query, *values)), None)

    # ------------------------------------------------------------ damage

    def _check(self) -> None:
        ((problem,),) = self._all("PRAGMA integrity_check(1)")
        if problem != "ok":
            raise damaged(self._name, problem)

    def _stored(self, job_id: str, spec: object, job: object, manifest: object) -> StoredJob:
        return StoredJob(
            JobSpec.model_validate_json(self._unsealed(job_id, spec)),
            self._job(job_id, job),
            None if manifest is None else json.loads(self._unsealed(job_id, manifest)),
        )

    def _job(self, job_id: str, text: object) -> Job:
        return Job.from_description(json.loads(self._unsealed(job_id, text)))

    def _unsealed(self, job_id: str, text: object) -> str:
        found, _, content = str(text).partition(" ")
        if found != str(checksum(job_id, content)):
            error = damaged(self._name, f"the checksum of job {job_id} does not match")
            error.job_id = job_id
            raise error
        return content

    def _whole(self, rows: Iterable[tuple[int, Any, object]]) -> list[Job]:
        """Return the jobs that are not damaged, and set the others aside."""
        jobs = []
        for number, job_id, text in rows:
            try:
                jobs.append(self._job(job_id, text))
            except StateDamaged as error:
                _LOG.error("%s", error)
                self._execute("UPDATE jobs SET status = NULL WHERE number = ?", number)
        return jobs


def _sealed(job_id: str, text: str) -> str:
    """Return a text of a job with a checksum in front of it."""
    return f"{checksum(job_id, text)} {text}"


def _text(job: Job) -> str:
    return json.dumps(job.to_description(), default=datetime.isoformat)


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_VERSION: Final = 2

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
    PRAGMA user_version = 2;
    COMMIT;
"""
