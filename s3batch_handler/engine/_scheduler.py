"""The scheduler of an engine: it chooses the job that continues, by status and priority."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from s3batch_handler.core._errors import StateError
from s3batch_handler.core._logged_exceptions import redact_exception
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine._job_execution import ENDING, TO_PREPARE, TO_RUN
from s3batch_handler.engine.run._cancellation import RunControl
from s3batch_handler.engine.state._job_failures import RetryLater, job_failure
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.engine._job_execution import JobExecution
    from s3batch_handler.engine.state._job_store import JobStore


class Scheduler:
    """Continues jobs: on the thread that changed them, or in threads in the background.

    In the background one thread prepares jobs and another runs them. They start with the first job
    that can continue. If a job cannot continue for now (:class:`RetryLater`, a full disk), they try
    again later.

    A context manager: at its end, the threads pause their jobs and end.
    """

    def __init__(self, jobs: JobStore, execution: JobExecution, *, background: bool) -> None:
        self._jobs = jobs
        self._execution = execution
        self._controls: dict[str, RunControl] = {}  # of the jobs that a thread works on
        self._changed = threading.Condition(jobs.lock)
        self.is_closing = False
        self._threads = [
            threading.Thread(target=self._work, args=(statuses,), name=name, daemon=True)
            for name, statuses in (("s3batch preparing", TO_PREPARE), ("s3batch running", TO_RUN))
            if background
        ]

    def continue_all(self) -> None:
        """Continue all jobs that can continue."""
        for job in self._jobs.with_status(*TO_PREPARE, *TO_RUN):
            self.job_changed(job.job_id)
            if self._threads:
                return  # one call wakes them for all jobs

    def job_changed(self, job_id: str) -> None:
        """Continue a job that is new, or has another status or priority."""
        self._update_controls()
        if self._threads:
            self._wake_threads()
            return
        # If the job is changed while it is claimed, the thread that claimed it continues it.
        while self._jobs.status_of(job_id) in (*TO_PREPARE, *TO_RUN):
            control = self._claim(job_id)
            if control is None:
                return
            self._advance(job_id, control)

    def _update_controls(self) -> None:
        """Pause running jobs for a job of higher priority; cancel those that were cancelled."""
        with self._jobs.lock:
            waiting = self._threads and self._jobs.with_status(JobStatus.READY, JobStatus.PAUSED)
            running = (JobStatus.ACTIVE, JobStatus.PAUSING, JobStatus.CANCELLING)
            for job in self._jobs.with_status(*running) if self._controls else ():
                control = self._controls.get(job.job_id)
                if control is None:
                    continue
                if job.status is JobStatus.CANCELLING:
                    control.cancel()
                elif (
                    job.status is JobStatus.ACTIVE
                    and waiting
                    and job.priority < waiting[0].priority
                ):
                    self._jobs.move(job.job_id, JobStatus.PAUSING)
                    control.pause()

    # ------------------------------------------------------------ one job

    def _claim(self, job_id: str) -> RunControl | None:
        """Claim a job for this thread, unless a thread works on it already."""
        with self._jobs.lock:
            if job_id in self._controls:
                return None
            return self._controls.setdefault(job_id, RunControl())

    def _advance(self, job_id: str, control: RunControl) -> None:
        """Run the next step of a claimed job, and release the job.

        An unexpected exception fails the job.
        """
        try:
            self._execution.advance(job_id, control)
        except (StateError, RetryLater):  # the job can continue later
            raise
        except BaseException as error:
            with self._jobs.lock:
                status = self._jobs.status_of(job_id)
                if status is not JobStatus.SUSPENDED and not status.is_final:
                    why = f"interrupted by {type(error).__name__}"
                    self._jobs.fail(job_id, job_failure("Interrupted", why))
            raise
        finally:
            with self._jobs.lock:
                del self._controls[job_id]
            if self._threads:
                self._update_controls()
                self._wake_threads()

    # ------------------------------------------------------------ threads

    def _wake_threads(self) -> None:
        with self._changed:
            for thread in self._threads:
                if thread.ident is None and not self.is_closing:
                    thread.start()
            self._changed.notify_all()

    def _work(self, statuses: tuple[JobStatus, ...]) -> None:
        """Continue jobs of these statuses until the scheduler closes."""
        while not self.is_closing:
            step = None
            try:
                with self._changed:
                    if not self.is_closing:
                        step = self._next_step(statuses)
                        if step is None:
                            self._changed.wait()
                if step is not None:
                    step()
            except (RetryLater, StateError) as error:
                _LOG.warning("%s; retrying in %d s", redacted_text(error), _RETRY_SECONDS)
                self._wait_to_retry()
            except BaseException as error:  # the thread continues with the next job
                _LOG.error(
                    "a job ended because of an error in s3batch-handler",
                    exc_info=redact_exception(error),
                )
                if step is None:  # no step can be found
                    self._wait_to_retry()

    def _next_step(self, statuses: tuple[JobStatus, ...]) -> Callable[[], None] | None:
        """Select the next job: one that is ending, or the one of highest priority."""
        jobs = self._jobs.with_status(*statuses)
        for job in sorted(jobs, key=lambda job: job.status not in ENDING):
            control = self._claim(job.job_id)
            if control is not None:
                return partial(self._advance, job.job_id, control)
        return None

    def _wait_to_retry(self) -> None:
        with self._changed:
            if not self.is_closing:
                self._changed.wait(_RETRY_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Pause the jobs of the threads, and wait for the threads."""
        with self._changed:
            self.is_closing = True
            for control in self._controls.values() if self._threads else ():
                control.pause()
            self._changed.notify_all()
        for thread in self._threads:
            # Do not join this thread: a function of a job may close the engine.
            if thread.ident not in (None, threading.get_ident()):
                thread.join()


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_RETRY_SECONDS: Final = 10
