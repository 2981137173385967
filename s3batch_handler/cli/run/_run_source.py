"""The job of one run, for its page: a :class:`~s3batch_handler.page._source.JobSource`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import InvalidTransition, JobError, JobNotFound
from s3batch_handler.core._typing import override
from s3batch_handler.jobs._job import BAD_REQUEST
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.page._source import JobSource

if TYPE_CHECKING:
    from s3batch_handler.cli.run._watched_run import WatchedRun
    from s3batch_handler.page._document import (
        ActionName,
        FailedTasks,
        JobDocument,
        ListDocument,
        ListedJob,
    )
    from s3batch_handler.page._source import FailedQuery, JobQuery


class RunSource(JobSource):
    """The job of one run, and the actions on it."""

    def __init__(self, run: WatchedRun) -> None:
        self._run = run

    @override
    def jobs(self, query: JobQuery) -> ListDocument:
        """List the job, if it matches."""
        document = self._run.document()
        job = listed_job(document)
        is_listed = query.finds(job) and (not query.statuses or job["status"] in query.statuses)
        return {
            "version": 1,
            "time": document["time"],
            "jobs": [job] if is_listed and query.after is None else [],
            "matching": int(is_listed),
            "by_status": {job["status"]: 1},
            "next": None,
        }

    @override
    def job(self, job_id: str) -> JobDocument:
        """Return the document of the job."""
        self._check(job_id)
        return self._run.document()

    @override
    def saved(self, job_id: str) -> JobDocument:
        """Return the document of the job for a page to keep, with some of its failed tasks."""
        self._check(job_id)
        return self._run.saved()

    @override
    def actions(self, job_id: str) -> list[ActionName]:
        """Return the names of the actions that the job allows now."""
        self._check(job_id)
        return ["cancel"] if self._run.can_be_cancelled else []

    @override
    def failed_tasks(self, job_id: str, query: FailedQuery) -> FailedTasks:
        """Read failed tasks of the job."""
        self._check(job_id)
        return self._run.failed_tasks.read(query)

    @override
    def cancel(self, job_id: str, reason: str) -> None:
        """Cancel the job: running tasks get a short time to end.

        Raises:
            InvalidTransition: The job has ended, or it is already being cancelled.
            JobError: The reason is too long.
        """
        self._check(job_id)
        if len(reason) > _MAX_REASON:
            text = f"The reason has {len(reason)} characters, expected at most {_MAX_REASON}"
            raise JobError(text, job_id=job_id, code=BAD_REQUEST)
        if not self._run.cancel(reason):
            raise self._refused(JobStatus.CANCELLED)

    @override
    def confirm(self, job_id: str) -> None:
        """Refuse: the job needs no confirmation."""
        self._check(job_id)
        raise self._refused(JobStatus.READY)

    @override
    def set_priority(self, job_id: str, priority: int) -> None:
        """Refuse: there is no other job."""
        self._check(job_id)
        raise JobError("A job of s3batch run has no priority", job_id=job_id, code=BAD_REQUEST)

    @override
    def redrive(self, job_id: str, query: FailedQuery, token: str) -> str:
        """Refuse: the command ends with the job."""
        self._check(job_id)
        text = "s3batch run runs only one job. When it has ended, use s3batch run --failed-from"
        raise JobError(text, job_id=job_id, code=BAD_REQUEST)

    def _check(self, job_id: str) -> None:
        if job_id != self._run.job_id:
            raise JobNotFound(job_id=job_id)

    def _refused(self, requested: JobStatus) -> InvalidTransition:
        return InvalidTransition(
            job_id=self._run.job_id, current=self._run.status, requested=requested
        )


_MAX_REASON: Final = 256  # as in UpdateJobStatus


def listed_job(document: JobDocument) -> ListedJob:
    """Return a job as in the list of jobs."""
    job, counts = document["job"], document["counts"]
    return {
        "id": job["id"],
        "origin": "run",
        "status": str(job["status"]),
        "description": job["description"],
        "operation": job["operation"],
        "function": job["function"],
        "priority": job["priority"],
        "account_id": job["account_id"],
        "region": job["region"],
        "created": job["created"],
        "ended": job["ended"],
        "total": counts["total"],
        "succeeded": counts["succeeded"],
        "failed": counts["failed"],
    }
