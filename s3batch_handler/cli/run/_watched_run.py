"""The state of a run that has a page: the command reports it, and the page reads it."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.run._run_failed_tasks import RunFailedTasks
from s3batch_handler.cli.run._run_log import RunLog
from s3batch_handler.core._redaction import redact
from s3batch_handler.engine.run._cancellation import RunControl
from s3batch_handler.engine.run._run_observer import RunObserver
from s3batch_handler.engine.state._status_changes import change, continued
from s3batch_handler.jobs._job import Job
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.page._configuration import configuration
from s3batch_handler.page._live_document import LiveJob, live_document
from s3batch_handler.page._task_facts import failures_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from s3batch_handler.documents.reports._run_record import StatusChange
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.jobs._failure_threshold import FailureThreshold
    from s3batch_handler.page._document import Command, JobDocument


class WatchedRun:
    """A run that has a page. The command reports what happens; other threads read and cancel.

    Args:
        description: The members of ``job.json`` that are known before the job runs.
        handler: The function.
        function_timeout: Seconds that a call may take.
        threshold: How many tasks may fail.
        tags: The tags of the job.

    Attributes:
        control: Cancels the job.
        observer: Gets the progress of the job.
        failed_tasks: Its failed tasks.
        log: The end of what the function writes.
        cancel_reason: Why the job was cancelled from its page.
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        handler: str,
        function_timeout: float,
        threshold: FailureThreshold,
        tags: Mapping[str, str],
    ) -> None:
        self.job_id: str = description["JobId"]
        self.control = RunControl()
        self.observer = RunObserver()
        self.failed_tasks = RunFailedTasks(self.observer)
        self.log = RunLog(handler)
        self.cancel_reason: str | None = None
        self._description: dict[str, Any] = {**description, "Status": JobStatus.PREPARING}
        self._handler = handler
        self._function_timeout = function_timeout
        self._threshold = threshold
        self._tags = tags
        self._total: int | None = None
        self._commands: Sequence[Command] = ()
        self._result: JobResult | None = None
        self._lock = threading.RLock()
        self._latest_reading = -math.inf
        self._end_was_read = threading.Event()
        created: datetime = description["CreationTime"]
        self._history: list[StatusChange] = []
        self._enter(JobStatus.PREPARING, created)

    # ------------------------------------------------------------ what the run reports

    def begin(self, objects: Mapping[str, Any], total: int) -> None:
        """Report that the manifest is read: the facts about its objects, and their number."""
        with self._lock:
            local = {**self._description["Local"], **objects}
            self._description["Local"] = local
            self._total = total
            self._enter(JobStatus.ACTIVE)

    def followed(
        self, on_progress: Callable[[RunProgress], None] | None
    ) -> Callable[[RunProgress], None]:
        """Return a function for ``run_job`` that records statuses and calls ``on_progress``."""

        def follow(progress: RunProgress) -> None:
            if progress.status is not self.status:
                self._enter(progress.status)
            if on_progress is not None:
                on_progress(progress)

        return follow

    def end(self, result: JobResult, commands: Sequence[Command]) -> None:
        """Report the end or the pause of the job, and the commands for the next steps."""
        with self._lock:
            self._result = result
            self._commands = commands
            self.observer.invoker = None
            if result.failure_code:
                failure = {"FailureCode": result.failure_code, "FailureReason": result.reason}
                self._description["FailureReasons"] = [failure]
            self._enter(result.status)

    @property
    def can_be_cancelled(self) -> bool:
        """Whether the job can be cancelled now."""
        return self.control.requested is None and self.status in _CANCELLABLE

    def cancel(self, reason: str) -> bool:
        """Cancel the job; running tasks get time to end. Return ``False`` if it is too late."""
        with self._lock:
            if not self.can_be_cancelled:
                return False
            if reason:
                self.cancel_reason = self._description["StatusUpdateReason"] = reason
            self.control.cancel()
            return True

    def fail(self, error: BaseException) -> None:
        """Report that an error ended the command, unless the job has ended."""
        with self._lock:
            if self.status.is_final:
                return
            if isinstance(error, KeyboardInterrupt):
                text = "Ctrl-C ended the command"
            else:
                text = error_line(error)
            failure = {"FailureCode": type(error).__name__, "FailureReason": text}
            self._description["FailureReasons"] = [failure]
            self._enter(JobStatus.FAILED)

    def wait_for_readers(self, seconds: float) -> None:
        """Wait until a page has read the final document, if a page has read one shortly before."""
        if time.monotonic() - self._latest_reading < _POLL_SECONDS:
            self._end_was_read.wait(seconds)

    @property
    def _has_ended(self) -> bool:
        return self._result is not None or self.status.is_final

    @property
    def status(self) -> JobStatus:
        """The latest status."""
        return JobStatus(self._description["Status"])

    def _enter(self, status: JobStatus, since: datetime | None = None) -> None:
        """Add a status to the history."""
        now = datetime.now(UTC) if since is None else since
        with self._lock:
            self._description["Status"] = status
            if status.is_final:
                self._description["TerminationDate"] = now
            self._history = continued(self._history, change(status, now))

    # ------------------------------------------------------------ what the page shows

    def document(self) -> JobDocument:
        """Return the document of the job."""
        with self._lock:
            job, history = self._job(), self._history
            record = self.observer.statistics.record(
                self.job_id,
                history=history,
                threshold=self._threshold,
                counts=job.progress,
                function_timeout=self._function_timeout,
            )
            live = LiveJob(
                job=job,
                origin="run",
                tags=self._tags,
                history=history,
                run=self.observer,
                report=self._result.report if self._result else None,
                threshold=record["threshold"],
                log=self.log.section(),
            )
            document = live_document(live, time=datetime.now(UTC), commands=self._commands)
            document["job"]["function"] = redact(self._handler)
            document["configuration"] = configuration(self._description, record)
            if self._result is not None:  # so that the page is complete after this command
                document["failures"] = [*map(failures_of, self._result.failures)]
                document["failed_tasks"] = self.failed_tasks.kept
            if self._has_ended:
                self._end_was_read.set()
            self._latest_reading = time.monotonic()
        return document

    def saved(self) -> JobDocument:
        """Return the document of the job with some of its failed tasks, which may still run."""
        document = self.document()
        if document["failed_tasks"] is None:
            document["failed_tasks"] = self.failed_tasks.some(document["counts"]["failed"])
        return document

    def _job(self) -> Job:
        """Return the job as DescribeJob would describe it."""
        progress = self._result.progress if self._result else self.observer.progress
        summary = {
            "TotalNumberOfTasks": self._total,
            "NumberOfTasksSucceeded": progress.succeeded if progress else 0,
            "NumberOfTasksFailed": progress.failed if progress else 0,
        }
        known = {name: value for name, value in self._description.items() if name != "Local"}
        return Job.from_description({**known, "ProgressSummary": summary})


_POLL_SECONDS: Final = 4.0  # a page without events asks every two seconds
_CANCELLABLE: Final = (JobStatus.PREPARING, JobStatus.ACTIVE)
