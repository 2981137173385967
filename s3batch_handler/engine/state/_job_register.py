"""The jobs of an engine as they stand: each change is legal, and kept before anybody is told."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.engine.state._sqlite import damaged
from s3batch_handler.jobs._job_failures import job_failure
from s3batch_handler.jobs._lifecycle import check_transition, shortest_path, status_on_request
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from s3batch_handler.jobs._job import Job, JobFailure


class JobRegister(JobStore):
    """The jobs of an engine, and the folder that each of them works in until it is over.

    Args:
        folder: Where the folders of jobs are.
        path: The file of the jobs; ``None``: in memory.
        clock: Gives the time, with its time zone.

    Raises:
        StateError: The file cannot be used, now or later on.
        StateDamaged: It is damaged, or missing although there are folders of jobs.
    """

    def __init__(self, folder: Path, path: Path | None, *, clock: Callable[[], datetime]) -> None:
        if path is not None and not path.exists():
            for left in folder.glob(f"job-{_JOB_ID}"):
                raise damaged(str(path), f"it is missing, but {left.name} is there")
        super().__init__(path)
        self._folder = folder
        self._clock = clock
        self._statuses: dict[str, JobStatus] = {}  # as far as known, for who asks often

    def folder_of(self, job_id: str) -> Path:
        """Give the folder of a job, which is there while the job needs it."""
        return self._folder / f"job-{job_id}"

    def status_of(self, job_id: str) -> JobStatus:
        """Give the status of a job, asking the disk only once after each change."""
        with self.lock:
            if job_id not in self._statuses:
                self._statuses[job_id] = self.job(job_id).status
            return self._statuses[job_id]

    def is_cancelled(self, job_id: str) -> bool:
        """Tell whether a job is to be cancelled."""
        return self.status_of(job_id) is JobStatus.CANCELLING

    # ------------------------------------------------------------ how jobs change

    @override
    def save(self, job: Job) -> None:
        with self.lock:
            self._statuses.pop(job.job_id, None)  # first: a Ctrl-C may come at any line
            super().save(job)

    def change(self, job_id: str, **changes: Any) -> Job:
        """Change what is told of a job."""
        with self.lock:
            job = self.job(job_id).model_copy(update=changes)
            self.save(job)
            return job

    def move(self, job_id: str, *steps: JobStatus, **changes: Any) -> Job:
        """Take a job from status to status.

        Raises:
            InvalidTransition: A step is not in the table of moves.
        """
        with self.lock:
            job = self.job(job_id)
            for step in steps:
                check_transition(job_id, job.status, step)
                job = job.model_copy(update={"status": step, **changes})
                self.save(job)
            return job

    def request(self, job_id: str, status: JobStatus, reason: str | None) -> Job:
        """Do as UpdateJobStatus asks: see :func:`~.lifecycle.status_on_request`."""
        with self.lock:
            job = self.job(job_id)
            status = status_on_request(job_id, job.status, status)
            if status is JobStatus.CANCELLED:
                return self.end(job_id, status, status_update_reason=reason)
            if status is job.status:  # asked for again: the reason stands unless there is a new one
                return self.change(job_id, status_update_reason=reason or job.status_update_reason)
            return self.move(job_id, status, status_update_reason=reason)

    def end(self, job_id: str, status: JobStatus, **changes: Any) -> Job:
        """Take a job to its end, by the legal way; and do what is done when it is over."""
        with self.lock:
            self.move(job_id, *shortest_path(self.status_of(job_id), status)[:-1], **changes)
            job = self.move(job_id, status, termination_date=self._clock(), **changes)
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)
        return job

    def fail(self, job_id: str, why: JobFailure) -> None:
        """End a job that cannot go on; what is to be cancelled is cancelled all the same."""
        with self.lock:
            if self.is_cancelled(job_id):
                self.end(job_id, JobStatus.CANCELLED)
            else:
                self.end(job_id, JobStatus.FAILED, failure_reasons=(why,))

    # ------------------------------------------------------------ as time goes by

    def recover(self) -> None:
        """Put right what an engine before this one has left undone, before anybody is at a job."""
        for part in self._folder.glob("job-*/*.part"):  # left by an engine that was killed
            with suppress(OSError):
                part.unlink()
        known = self.ids()
        for folder in self._folder.glob("job-*"):
            if folder.name.removeprefix("job-") not in known:
                _LOG.warning(
                    "%s belongs to a job that is lost: the store of jobs was damaged", folder
                )
        for job in self.all():
            if job.status is JobStatus.PAUSING:
                self.move(job.job_id, JobStatus.PAUSED)
            elif job.status.is_final:
                shutil.rmtree(self.folder_of(job.job_id), ignore_errors=True)

    def expire(self) -> None:
        """End jobs that nobody confirmed in 30 days; forget jobs 90 days after their end."""
        with self.lock:
            now = self._clock()
            for job in self.of_status(JobStatus.SUSPENDED):
                if job.suspended_date is not None and job.suspended_date < now - _CONFIRM_WITHIN:
                    text = "the job was not confirmed within 30 days"
                    self.fail(job.job_id, job_failure("JobExpired", text))
            self.forget(ended_before=now - _KEPT_FOR)


_JOB_ID: Final = "-".join("?" * length for length in (8, 4, 4, 4, 12))
_LOG: Final = logging.getLogger("s3batch_handler.engine")
_CONFIRM_WITHIN: Final = timedelta(days=30)  # in older User Guides; the current one has no limit
_KEPT_FOR: Final = timedelta(days=90)
