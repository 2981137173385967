"""The jobs of a server, for its pages: a :class:`~s3batch_handler.page._source.JobSource`."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import JobNotFound, ReportError, StateDamaged
from s3batch_handler.core._redaction import redact, redacted_text
from s3batch_handler.documents.reports._row_search import row_search
from s3batch_handler.engine.run._run_statistics import threshold_facts
from s3batch_handler.jobs._locations import report_url
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.local_aws._ended_jobs import EndedJobs
from s3batch_handler.local_aws._job_list import JobList
from s3batch_handler.local_aws._next_commands import next_commands
from s3batch_handler.local_aws._redrive import redrive_failed_tasks
from s3batch_handler.page._embedded_rows import embedded_tasks
from s3batch_handler.page._live_document import LiveJob, live_document
from s3batch_handler.page._task_facts import page_of_failed_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from s3batch_handler.engine._engine import Engine
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.local_aws._engines import Engines
    from s3batch_handler.page._document import (
        ActionName,
        Facts,
        FailedTasks,
        JobDocument,
        ListDocument,
    )
    from s3batch_handler.page._source import FailedQuery, JobQuery


class ServerJobs:
    """The jobs of all accounts and Regions of a server.

    Args:
        engines: The engines.
        s3: ``boto3.client("s3")`` of the server, for manifests.
        clients: Environment variables with which clients use the server, for commands.
        state: Its state folder, for commands.
    """

    def __init__(
        self, engines: Engines, *, s3: Any, clients: Mapping[str, str], state: Path | None = None
    ) -> None:
        self._engines = engines
        self._s3 = s3
        self._clients = clients
        self._state = state
        self._list = JobList(engines)
        self._ended = EndedJobs()
        self._redriving = threading.Lock()
        self._redrives: dict[tuple[str, str, str], str] = {}  # those that run, by their tasks

    def jobs(self, query: JobQuery) -> ListDocument:
        """List jobs, the newest first."""
        return self._list.page(query)

    def job(self, job_id: str) -> JobDocument:
        """Return the document of a job."""
        (account_id, region), engine = self._found(job_id)
        job = engine.reader.job(job_id)
        run = engine.reader.last_run(job_id)
        log = engine.reader.log_lines(job_id)
        document = live_document(
            LiveJob(
                job=job,
                origin="serve",
                tags=engine.get_job_tagging(job_id),
                history=engine.reader.history(job_id),
                run=run,
                report=report_url(job) if job.status.is_final else None,
                threshold=threshold_facts(
                    engine.reader.threshold, total=job.progress.total, run=job.progress.done
                ),
                log=None if log is None else {"lines": log, "location": None},
            ),
            time=datetime.now(UTC),
            commands=[
                *next_commands(
                    job,
                    clients=self._clients,
                    account_id=account_id,
                    region=region,
                    state=self._state,
                )
            ],
        )
        document["configuration"] += _of_server(engine, job)
        if job.status.is_final and run is None and report_url(job) and job.progress.done:
            self._ended.run(job_id, engine.reader.open_report).add_to(document)
        return document

    def saved(self, job_id: str) -> JobDocument:
        """Return the document of a job for a page to keep, with some of its failed tasks.

        It has none if the report is lost, which the log then says.
        """
        document = self.job(job_id)
        try:
            document["failed_tasks"] = self._some_failed_tasks(
                job_id, failed=document["counts"]["failed"]
            )
        except ReportError as error:
            text = "The page of job %s is saved without failed tasks: %s"
            _LOG.warning(text, job_id, redacted_text(error))
        return document

    def _some_failed_tasks(self, job_id: str, *, failed: int) -> FailedTasks:
        reader = self._engine_of(job_id).reader
        failures = reader.failures(job_id)
        return reader.read_failed(
            job_id,
            lambda rows: embedded_tasks((row for _, row in rows), failures, failed=failed),
        )

    def actions(self, job_id: str) -> list[ActionName]:
        """Return the names of the actions that the job allows now."""
        job = self._engine_of(job_id).reader.job(job_id)
        if job.status.is_final:
            return ["redrive"] if job.progress.failed and report_url(job) else []
        actions: list[ActionName] = ["priority"]
        if job.status not in (JobStatus.CANCELLING, JobStatus.FAILING):
            actions.insert(0, "cancel")
        if job.status is JobStatus.SUSPENDED:
            actions.insert(0, "confirm")
        return actions

    def failed_tasks(self, job_id: str, query: FailedQuery) -> FailedTasks:
        """Read failed tasks of a job."""
        engine = self._engine_of(job_id)
        page = engine.reader.failed_tasks(
            job_id,
            is_selected=row_search(query.search, query.code),
            after=query.after,
            limit=query.limit,
        )
        return page_of_failed_tasks(page, total=engine.reader.job(job_id).progress.failed)

    def confirm(self, job_id: str) -> None:
        """Confirm a job that awaits confirmation."""
        self._engine_of(job_id).update_job_status(job_id, JobStatus.READY)

    def cancel(self, job_id: str, reason: str) -> None:
        """Cancel a job."""
        engine = self._engine_of(job_id)
        engine.update_job_status(job_id, JobStatus.CANCELLED, reason or None)

    def set_priority(self, job_id: str, priority: int) -> None:
        """Change the priority of a job."""
        self._engine_of(job_id).update_job_priority(job_id, priority)

    def redrive(self, job_id: str, query: FailedQuery, token: str) -> str:
        """Create a job for the failed tasks that match, and return its ID.

        Requests with the same token create one job, even if they arrive at the same time. While it
        runs, requests for the same tasks with other tokens, such as from another tab, return it.
        """
        engine = self._engine_of(job_id)
        tasks = job_id, query.search, query.code
        with self._redriving:
            self._redrives = {
                each: redrive for each, redrive in self._redrives.items() if self._runs(redrive)
            }
            if tasks not in self._redrives:
                self._redrives[tasks] = redrive_failed_tasks(
                    engine, job_id, query, token=token, s3=self._s3
                )
            return self._redrives[tasks]

    def _runs(self, job_id: str) -> bool:
        try:
            return not self._engine_of(job_id).reader.job(job_id).status.is_final
        except (JobNotFound, StateDamaged):
            return False

    def _engine_of(self, job_id: str) -> Engine:
        return self._found(job_id)[1]

    def _found(self, job_id: str) -> tuple[tuple[str, str], Engine]:
        """Return the account and the Region of a job, and the engine that has it.

        Raises:
            JobNotFound: No engine has it.
        """
        for place, engine in self._engines.all().items():
            if engine.reader.has(job_id):
                return place, engine
        raise JobNotFound(job_id=job_id)


def _of_server(engine: Engine, job: Job) -> list[Facts]:
    """Return the settings of the server that a job runs with."""
    settings = engine.reader.function_settings(job)
    if settings is None:
        return []
    facts = [
        ("Handler", redact(settings.handler or "")),
        ("Function timeout", f"{settings.timeout:g} s"),
        ("Retries of a task", str(settings.max_redrives)),
    ]
    return [{"title": "Server", "facts": [each for each in facts if each[1]]}]


_LOG: Final = logging.getLogger("s3batch_handler.local_aws")
