"""The jobs of an engine: every change of a job is checked and saved in SQLite."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.core._errors import JobNotFound, StateDamaged
from s3batch_handler.engine.state._job_failures import job_failure
from s3batch_handler.engine.state._job_records import members_of, read_job, sealed, unsealed
from s3batch_handler.engine.state._lifecycle import (
    check_transition,
    shortest_path,
    status_on_request,
)
from s3batch_handler.engine.state._sqlite import (
    damaged,
    open_database,
    translate_sqlite_errors,
)
from s3batch_handler.engine.state._state_folder import REPORTS
from s3batch_handler.engine.state._status_changes import change, continued, latest_time
from s3batch_handler.engine.state._status_history import (
    HISTORY_TABLE,
    saved_history,
    sealed_history,
)
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from s3batch_handler.documents.reports._run_record import StatusChange
    from s3batch_handler.jobs._job import Job, JobFailure

    _Statement = tuple[Any, ...]
    """A statement of SQL and its values."""


class StoredJob(NamedTuple):
    """A job with data that only its engine uses.

    Attributes:
        spec: The request for the job.
        job: Its description.
        manifest: Facts about its prepared manifest; ``None`` before it is prepared.
    """

    spec: JobSpec
    job: Job
    manifest: dict[str, Any] | None


class JobStore:
    """All jobs of an engine, and the folder of each job that is not over.

    Every change is on disk when a method returns. Methods may be called from any thread.

    A damaged job is not listed, and requests for it raise
    :class:`StateDamaged`. All other jobs continue.

    Args:
        folder: Contains the folders of jobs.
        path: The database, created if it does not exist; ``None``: in memory.
        clock: Returns the time, with its time zone.

    Attributes:
        clock: See above.
        lock: Held while a job is read and then changed.
        reports: The folder of the copies of reports; ``None`` for a database in memory.

    Raises:
        StateError: The database cannot be used, now or later.
        StateDamaged: It is damaged, or missing although there are folders of jobs.
    """

    def __init__(
        self, folder: Path, path: Path | None = None, *, clock: Callable[[], datetime]
    ) -> None:
        if path is not None and not path.exists():
            for left in folder.glob(f"job-{_JOB_ID}"):
                raise damaged(str(path), f"it is missing, but {left.name} exists")
        self._folder = folder
        self.reports = None if path is None else folder / REPORTS
        self.clock = clock
        self._name = "the store of jobs" if path is None else str(path)
        self.lock = threading.RLock()
        self._db = open_database(path, name=self._name, schema=_SCHEMA, version=_VERSION)
        try:
            self._check()
            self._execute(HISTORY_TABLE)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database when no thread uses it."""
        with self.lock:  # closed under a running query, SQLite would crash
            self._db.close()

    # ------------------------------------------------------------ read

    def get(self, job_id: str) -> StoredJob:
        """Return a job with its request and its manifest.

        Raises:
            JobNotFound: There is no job with this ID.
            StateDamaged: The job is damaged.
        """
        return self._stored(
            job_id, *self._row("SELECT spec, job, manifest FROM jobs WHERE job_id = ?", job_id)
        )

    def job(self, job_id: str) -> Job:
        """Return the description of a job; raise the same errors as :meth:`get`."""
        return self._job(job_id, *self._row("SELECT spec, job FROM jobs WHERE job_id = ?", job_id))

    def has(self, job_id: str) -> bool:
        """Return whether there is a job with this ID."""
        return bool(self._all("SELECT 1 FROM jobs WHERE job_id = ?", job_id))

    def status_of(self, job_id: str) -> JobStatus:
        """Return the status of a job; raise the same errors as :meth:`get`."""
        return self.job(job_id).status

    def tags(self, job_id: str) -> dict[str, str]:
        """Return the tags of a job; raise the same errors as :meth:`get`."""
        row = self._row("SELECT tags FROM jobs WHERE job_id = ?", job_id)
        tags: dict[str, str] = json.loads(self._unsealed(job_id, *row))
        return tags

    def history(self, job_id: str) -> list[StatusChange]:
        """Return the statuses that a job has had; raise the same errors as :meth:`get`."""
        with self.lock:
            job = self.job(job_id)
            rows = self._all("SELECT statuses FROM history WHERE job_id = ?", job_id)
        return saved_history(job, rows[0][0] if rows else None, name=self._name)

    def with_token(self, token: str) -> StoredJob | None:
        """Return the job that was requested with a ClientRequestToken."""
        rows = self._all("SELECT job_id, spec, job, manifest FROM jobs WHERE token = ?", token)
        return self._stored(*rows[0]) if rows else None

    def with_status(self, *statuses: JobStatus) -> list[Job]:
        """Return the jobs with a status, by descending priority, then by age."""
        rows = self._all(
            "SELECT number, job_id, spec, job FROM jobs "
            "WHERE status IN (SELECT value FROM json_each(?)) "
            "ORDER BY priority DESC, number",
            json.dumps(statuses),
        )
        return self._undamaged(rows)

    def page(
        self, statuses: Collection[JobStatus], *, after: str | None, size: int
    ) -> tuple[list[Job], bool]:
        """Return up to ``size`` jobs, the newest first, and whether there are more.

        Args:
            statuses: The statuses of the jobs.
            after: The ID of the last job of the page before.
            size: The maximum number of jobs.

        Raises:
            JobNotFound: The job ``after`` does not exist.
        """
        before = 1 << 62
        if after is not None:
            (before,) = self._row("SELECT number FROM jobs WHERE job_id = ?", after)
        rows = self._all(
            "SELECT number, job_id, spec, job FROM jobs WHERE number < ? "
            "AND status IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?",
            before,
            json.dumps([*statuses]),
            size + 1,
        )
        return self._undamaged(rows[:size]), len(rows) > size

    def versions(self) -> list[tuple[str, str]]:
        """Return the ID of each job, the newest first, and a text that changes with the job."""
        return self._all(
            "SELECT job_id, status || substr(job, 1, instr(job, ' ')) FROM jobs "
            "WHERE status IS NOT NULL ORDER BY number DESC"
        )

    def folder_of(self, job_id: str) -> Path:
        """Return the folder of a job. It is removed at the end of the job."""
        return self._folder / f"job-{job_id}"

    # ------------------------------------------------------------ change

    def add(self, spec: JobSpec, job: Job) -> None:
        """Add a new job with the tags of its request."""
        query = (
            "INSERT INTO jobs (job_id, token, status, priority, spec, job, tags) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        statement: _Statement = (
            query,
            job.job_id,
            spec.client_request_token,
            job.status,
            job.priority,
            sealed(job.job_id, spec.model_dump_json(exclude_none=True)),
            sealed(job.job_id, members_of(job)),
            sealed(job.job_id, json.dumps(dict(spec.tags))),
        )
        self._execute_all(statement, _save_history(job, [change(job.status, job.creation_time)]))

    def save(self, job: Job, history: Sequence[StatusChange] = ()) -> None:
        """Save the description of a job, together with the statuses that it has had."""
        ended = job.termination_date
        update: _Statement = (
            "UPDATE jobs SET status = ?, priority = ?, ended = ?, job = ? WHERE job_id = ?",
            job.status,
            job.priority,
            None if ended is None else ended.timestamp(),
            sealed(job.job_id, members_of(job)),
            job.job_id,
        )
        if history:
            self._execute_all(update, _save_history(job, history))
        else:
            self._execute(*update)

    def save_manifest(self, job_id: str, manifest: Mapping[str, Any]) -> None:
        """Save the facts about a manifest that was prepared."""
        text = sealed(job_id, json.dumps(manifest))
        self._execute("UPDATE jobs SET manifest = ? WHERE job_id = ?", text, job_id)

    def save_tags(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        text = sealed(job_id, json.dumps(dict(tags)))
        self._execute("UPDATE jobs SET tags = ? WHERE job_id = ?", text, job_id)

    def change(self, job_id: str, **changes: Any) -> Job:
        """Change fields of a job other than its status."""
        with self.lock:
            job = self.job(job_id).model_copy(update=changes)
            self.save(job)
            return job

    def move(
        self, job_id: str, *statuses: JobStatus, time: datetime | None = None, **changes: Any
    ) -> Job:
        """Move a job from status to status, and change other fields.

        ``time`` is when the statuses begin, by default now. Times never go back.

        Raises:
            InvalidTransition: A step is not in the table of transitions.
        """
        with self.lock:
            job = self.job(job_id)
            history = self.history(job_id)
            for status in statuses:
                check_transition(job_id, job.status, status)
                now = self.clock() if time is None else max(time, latest_time(history))
                if status is JobStatus.SUSPENDED:
                    changes["suspended_date"] = now
                elif status.is_final:
                    changes["termination_date"] = now
                job = job.model_copy(update={"status": status, **changes})
                history = continued(history, change(status, now))
                self.save(job, history)
            return job

    def request(self, job_id: str, status: JobStatus, reason: str | None) -> Job:
        """Confirm or cancel a job: see :func:`~.lifecycle.status_on_request`."""
        with self.lock:
            job = self.job(job_id)
            status = status_on_request(job_id, job.status, status)
            if status is JobStatus.CANCELLED:
                return self.end(job_id, status, status_update_reason=reason)
            if status is job.status:  # a repeated request keeps the reason unless it has a new one
                return self.change(job_id, status_update_reason=reason or job.status_update_reason)
            return self.move(job_id, status, status_update_reason=reason)

    def end(
        self, job_id: str, status: JobStatus, *, time: datetime | None = None, **changes: Any
    ) -> Job:
        """End a job, through the statuses before that, and remove its folder: see :meth:`move`."""
        with self.lock:
            path = shortest_path(self.status_of(job_id), status)
            job = self.move(job_id, *path, time=time, **changes)
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)
        return job

    def fail(self, job_id: str, why: JobFailure, *, time: datetime | None = None) -> None:
        """End a job that cannot continue: as ``Cancelled`` if that was requested."""
        with self.lock:
            if self.status_of(job_id) is JobStatus.CANCELLING:
                self.end(job_id, JobStatus.CANCELLED, time=time)
            else:
                self.end(job_id, JobStatus.FAILED, time=time, failure_reasons=(why,))

    # ------------------------------------------------------------ clean up

    def recover(self) -> None:
        """Clean up after an engine that was killed. Call this before any job runs."""
        for part in self._folder.glob("job-*/*.part"):
            with suppress(OSError):
                part.unlink()
        saved_statuses = dict(self._all("SELECT job_id, status FROM jobs"))
        for folder in self._folder.glob("job-*"):
            if folder.name.removeprefix("job-") not in saved_statuses:
                _LOG.warning(
                    "%s belongs to a job that is lost: the store of jobs was damaged", folder
                )
        for job in self._undamaged(self._all("SELECT number, job_id, spec, job FROM jobs")):
            if job.status is JobStatus.PAUSING:
                self.move(job.job_id, JobStatus.PAUSED)
            elif job.status != saved_statuses[job.job_id]:  # the column was damaged
                self.save(job)
            if job.status.is_final:
                shutil.rmtree(self.folder_of(job.job_id), ignore_errors=True)

    def expire(self) -> None:
        """End jobs that were not confirmed in 30 days; delete jobs 90 days after their end."""
        with self.lock:
            now = self.clock()
            for job in self.with_status(JobStatus.SUSPENDED):
                if job.suspended_date is not None and job.suspended_date < now - _CONFIRM_WITHIN:
                    text = "the job was not confirmed within 30 days"
                    self.fail(job.job_id, job_failure("JobExpired", text))
            oldest = (now - _KEPT_FOR).timestamp()
            for (job_id,) in self._all("SELECT job_id FROM jobs WHERE ended < ?", oldest):
                if self.reports is not None:
                    shutil.rmtree(self.reports / f"job-{job_id}", ignore_errors=True)
            self._execute_all(
                (
                    "DELETE FROM history WHERE job_id IN (SELECT job_id FROM jobs WHERE ended < ?)",
                    oldest,
                ),
                ("DELETE FROM jobs WHERE ended < ?", oldest),
            )

    # ------------------------------------------------------------ SQLite

    def _execute(self, query: str, *values: object) -> None:
        with self.lock, translate_sqlite_errors(self._name):
            self._db.execute(query, values)

    def _execute_all(self, *statements: _Statement) -> None:
        """Execute all statements, or none."""
        with self.lock, translate_sqlite_errors(self._name), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for query, *values in statements:
                self._db.execute(query, values)

    def _all(self, query: str, *values: object) -> list[Any]:
        with self.lock, translate_sqlite_errors(self._name):
            return self._db.execute(query, values).fetchall()

    def _row(self, query: str, job_id: str) -> Any:
        rows = self._all(query, job_id)
        if not rows:
            raise JobNotFound(job_id=job_id)
        return rows[0]

    # ------------------------------------------------------------ damage

    def _check(self) -> None:
        ((problem,),) = self._all("PRAGMA integrity_check(1)")
        if problem != "ok":
            raise damaged(self._name, problem)

    def _stored(self, job_id: str, spec: object, job: object, manifest: object) -> StoredJob:
        return StoredJob(
            JobSpec.model_validate_json(self._unsealed(job_id, spec)),
            self._job(job_id, spec, job),
            None if manifest is None else json.loads(self._unsealed(job_id, manifest)),
        )

    def _job(self, job_id: str, spec: object, job: object) -> Job:
        return read_job(job_id, spec, job, name=self._name)

    def _unsealed(self, job_id: str, text: object) -> str:
        return unsealed(job_id, text, name=self._name)

    def _undamaged(self, rows: Iterable[tuple[int, Any, object, object]]) -> list[Job]:
        """Return the jobs that are not damaged, and set the others aside."""
        jobs = []
        for number, job_id, spec, job in rows:
            try:
                jobs.append(self._job(job_id, spec, job))
            except StateDamaged as error:
                _LOG.error("%s", error)
                self._execute("UPDATE jobs SET status = NULL WHERE number = ?", number)
        return jobs


def _save_history(job: Job, history: Sequence[StatusChange]) -> _Statement:
    text = sealed_history(job.job_id, history)
    return ("REPLACE INTO history VALUES (?, ?)", job.job_id, text)


_JOB_ID: Final = "-".join("?" * length for length in (8, 4, 4, 4, 12))
_LOG: Final = logging.getLogger("s3batch_handler.engine")
_CONFIRM_WITHIN: Final = timedelta(days=30)  # in older User Guides; the current one has no limit
_KEPT_FOR: Final = timedelta(days=90)
_VERSION: Final = 3

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
    PRAGMA user_version = 3;
    COMMIT;
"""
