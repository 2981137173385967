"""One job on this machine, from the first line of its manifest to its completion report."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

from s3batch_handler.core._classification import describe
from s3batch_handler.core._errors import (
    InvalidFunction,
    ManifestError,
    ReportNotWritten,
    StateDamaged,
    StateError,
)
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import MAX_RESULT_STRING
from s3batch_handler.documents._report import TaskStatus, report_row
from s3batch_handler.engine.invoke._answer import FunctionError, InvalidAnswer, NotRun, Refused
from s3batch_handler.engine.run._cancellation import cancel_on_first_interrupt
from s3batch_handler.engine.run._failure_summary import FailureCounts
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.jobs._status import JobStatus, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from s3batch_handler.core._model import JobRef
    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._invoker import Invoker
    from s3batch_handler.engine.run._failure_summary import FailureGroup
    from s3batch_handler.engine.run._journal import QueuedTask


class Sink(Protocol):
    """Where the rows of the tasks go in the end: a completion report.

    Attributes:
        statuses: Which tasks get a row.
    """

    @property
    def statuses(self) -> Collection[TaskStatus]: ...

    def add_rows(self, status: TaskStatus, rows: Iterable[bytes]) -> None:
        """Take rows of a status, many at a time, as they stand in a results file."""
        ...

    def finish(self) -> str | None:
        """Make the report; say where it lies.

        Raises:
            ReportNotWritten: It lies elsewhere.
        """
        ...

    def discard(self) -> None:
        """Leave nothing behind."""
        ...


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a job.

    Attributes:
        status: ``Complete`` (all tasks were run; they may have failed), ``Failed`` or
            ``Cancelled``.
        failures: What went wrong how often, the most frequent first; a few.
        elapsed: Seconds.
        reason: Why the job failed.
        report: Where the completion report lies; ``None`` if there is none.
        report_error: Why it does not lie where it belongs; the job has failed then.
    """

    job_id: str
    status: JobStatus
    progress: Progress
    failures: tuple[FailureGroup, ...]
    elapsed: float
    reason: str | None
    report: str | None
    report_error: Exception | None = None


def run_job(
    entries: Iterable[ManifestEntry],
    invoker: Invoker,
    *,
    job: JobRef,
    schema_version: str = "1.0",
    max_redrives: int = 3,
    report: Sink | None = None,
    total: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    journal: Journal | None = None,
    asked: Callable[[], JobStatus | None] = lambda: None,
) -> JobResult:
    """Run a whole job: each entry once, those that fail temporarily again, then the report.

    Redrives come after the first pass, up to ``max_redrives`` passes over what still fails
    temporarily; AWS does not publish how many it makes, or when. The job fails as soon as more
    than half of at least 1,000 tasks have failed for good, or when its report cannot be put where
    it belongs. Tasks that are still running count as if they succeeded then, so that failures that
    come sooner than the successes beside them do not end it.

    Ctrl-C (or a ``KeyboardInterrupt`` from ``on_progress``) cancels the job: running tasks get a
    moment to end, the report lists what was done. A second Ctrl-C, a second or more after the
    first, interrupts at once.

    A job that was cut off goes on where its ``journal`` ends when this is called again with the
    same journal and the same entries. ``asked`` is polled meanwhile: once it gives ``Paused``,
    the job is left so that it can go on in that way; on ``Cancelled`` it ends as by Ctrl-C.

    Memory does not grow with the manifest. However the job ends, the ``invoker`` is closed.

    Raises:
        ManifestError: An entry cannot be read, and this call has run no task yet: there is no
            report. Later on it fails the job.
        InvalidFunction: There is no function to call. Likewise.
        StateError: The journal cannot be used.
    """
    try:
        with ExitStack() as stack:
            journal = journal or stack.enter_context(Journal())
            ledger = _Ledger(journal, report, total, on_progress)
            with cancel_on_first_interrupt(ledger.cancel):
                with closing(invoker):

                    def stop() -> bool:
                        ledger.keep_up()
                        return ledger.is_over() or asked() is not None

                    def invoke_all(
                        tasks: Iterable[QueuedTask],
                    ) -> Iterator[tuple[QueuedTask, Answer]]:
                        answers = invoker.invoke_all(job, schema_version, tasks, stop=stop)
                        # An invoker gives back the very entries that it was given.
                        return cast("Iterator[tuple[QueuedTask, Answer]]", answers)

                    if not ledger.is_over():
                        _run_tasks(ledger, entries, invoke_all, stop, max_redrives=max_redrives)
                request = asked()
                if request is JobStatus.PAUSED and not ledger.is_over():
                    if report is not None:
                        report.discard()
                    ledger.tell_progress()
                    return ledger.outcome(job.id, JobStatus.PAUSED)
                ledger.end(request or JobStatus.COMPLETE)
                ledger.give_up_waiting()
                ledger.check()
                ledger.tell_progress()
                location = _finish(report, ledger, journal)
            return ledger.outcome(job.id, ledger.status, location)
    except BaseException:
        if report is not None:
            report.discard()
        raise


def _run_tasks(
    ledger: _Ledger,
    entries: Iterable[ManifestEntry],
    invoke_all: Callable[[Iterable[QueuedTask]], Iterator[tuple[QueuedTask, Answer]]],
    stop: Callable[[], bool],
    *,
    max_redrives: int,
) -> None:
    """Run the tasks that have no final answer yet, in passes."""
    for tries in range(max_redrives + 1):
        refusals = _Refusals(ledger, stop)
        try:
            for task, answer in invoke_all(refusals.split_off(ledger.queue(entries, tries))):
                ledger.take(task, answer, is_last_try=tries == max_redrives)
                if not isinstance(answer, NotRun):
                    ledger.has_run_here = True
                    refusals.follow(task)
            refusals.finish()
        except (InvalidFunction, ManifestError) as error:
            if not ledger.has_run_here:
                raise
            ledger.end(JobStatus.FAILED, str(error))
        ledger.commit()


class _Refusals:
    """The tasks of a pass that fail without being run: those with an empty version ID.

    They are known to fail when they are read, possibly thousands of tasks before their neighbours
    are run. Each is held back until the task before it has been run, so that failures and successes
    are counted in the same proportion as in the manifest.
    """

    def __init__(self, ledger: _Ledger, stop: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._stop = stop
        self._front: QueuedTask | None = None  # the last task that was yielded
        self._due: list[QueuedTask] = []

    def split_off(self, tasks: Iterable[QueuedTask]) -> Iterator[QueuedTask]:
        """Yield the tasks that can be run; keep the others."""
        for task in tasks:
            if task.version_id != "":
                self._front = task
                yield task
            elif self._stop():
                return
            else:
                self._keep(task)

    def _keep(self, task: QueuedTask) -> None:
        if self._front is None or self._front.was_run:
            queue = self._due
        else:
            queue = self._front.followers = self._front.followers or []
        queue.append(task)
        if len(queue) >= _MOST_HELD:  # limits the memory
            self._refuse(queue)

    def follow(self, task: QueuedTask) -> None:
        """Refuse the tasks that follow one that has been run."""
        task.was_run = True
        if task.followers:
            self._refuse(task.followers)
        if self._due:
            self._refuse(self._due)

    def finish(self) -> None:
        """Refuse the tasks that follow no other task, at the end of a complete pass."""
        if not self._stop():
            self._refuse(self._due)

    def _refuse(self, tasks: list[QueuedTask]) -> None:
        for task in tasks:
            if self._ledger.is_over():
                break
            self._ledger.take(task, _NO_VERSION, is_last_try=True)
        tasks.clear()


_MOST_HELD: Final = 1_000
_NO_VERSION: Final = Refused(400, "InvalidRequest", "Task failed due to missing VersionId")
"""As in AWS's example report."""


def _finish(report: Sink | None, ledger: _Ledger, journal: Journal) -> str | None:
    """Make the report. One that cannot be made fails the job, but what the tasks did is told."""
    if report is None:
        return None
    if not ledger.has_run:  # nor has AWS a report then
        report.discard()
        return None
    try:
        for status in report.statuses:
            report.add_rows(status, journal.rows(status))
        return report.finish()
    except StateError:  # without its rows, a job has no result
        raise
    except Exception as error:  # noqa: BLE001  a disk, a network, a client: anything may happen
        ledger.fail_for_report(error)
        report.discard()
        return error.kept if isinstance(error, ReportNotWritten) else None


# ---------------------------------------------------------------- results


class _Ledger:
    """What has become of the tasks so far: rows, counts, and whether the job is over.

    Attributes:
        status: ``Active`` until the job is over.
        reason: Why it failed, in words.
        report_error: What stopped the report.
        has_run_here: Whether a task was run that the journal did not have.
    """

    def __init__(
        self,
        journal: Journal,
        report: Sink | None,
        total: int | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._journal = journal
        self._reported = () if report is None else report.statuses
        self._total = total
        self._on_progress = on_progress
        self._next_commit = 0.0
        self._uncommitted = 0
        self._started = time.monotonic()
        self.report_error: Exception | None = None
        self.has_run_here = False
        facts = journal.facts or _NOTHING_YET
        self.status = JobStatus(facts["status"])
        self.reason: str | None = facts["reason"]
        self._seconds: float = facts["seconds"]  # in earlier calls
        self._run: int = facts["run"]
        self._succeeded: int = facts["succeeded"]
        self._failed: int = facts["failed"]
        self._families = FailureCounts(facts["families"])
        # Tasks start in the order of the manifest, so all tasks before this one have started.
        self._begun = journal.end
        if self._run != journal.answered:
            raise StateDamaged(f"the journal has {journal.answered:,} of {self._run:,} tasks")

    # ------------------------------------------------------------ tasks

    def queue(self, entries: Iterable[ManifestEntry], tries: int) -> Iterable[QueuedTask]:
        """Give the tasks of a pass: those never run, or failed temporarily ``tries`` times."""
        return self._journal.waiting(tries) if tries else self._journal.unanswered(entries)

    def take(self, task: QueuedTask, answer: Answer, *, is_last_try: bool) -> None:
        """Enter what became of a task; one that was not run stays as it was."""
        if isinstance(answer, NotRun):
            return
        self._uncommitted += 1
        if not task.tries:
            self._run += 1
            if task.number >= self._begun:
                self._begun = task.number + 1
        if isinstance(answer, Outcome) and answer.code is ResultCode.SUCCEEDED:
            self._succeeded += 1
            row = b""
            if TaskStatus.SUCCEEDED in self._reported:
                row = report_row(task, TaskStatus.SUCCEEDED, 200, "", answer.message)
            self._journal.add_row(task, TaskStatus.SUCCEEDED, row)
        elif (
            isinstance(answer, Outcome | Refused)
            and answer.code is ResultCode.TEMPORARY_FAILURE
            and not is_last_try
        ):
            self._journal.add_waiting(task, answer.message)
        else:
            self._fail(task, _failure(answer))
        if self._failed * 2 > self._begun and self._run >= _THRESHOLD_TASKS:
            reason = f"{self._failed:,} of {self._run:,} tasks failed: more than half"
            self.end(JobStatus.FAILED, reason)
        if self._uncommitted >= _COMMIT_TASKS or time.monotonic() >= self._next_commit:
            self.commit()
            self.tell_progress()

    def keep_up(self) -> None:
        """Commit new data in time, even if no answer arrives."""
        if self._uncommitted and time.monotonic() >= self._next_commit:
            self.commit()
            self.tell_progress()

    def give_up_waiting(self) -> None:
        """Fail the tasks that still wait for a redrive, with what they said the last time."""
        for task, message in self._journal.all_waiting():
            outcome = Outcome(ResultCode.TEMPORARY_FAILURE, message)
            self.take(task, outcome, is_last_try=True)
        self.commit()

    def _fail(self, task: QueuedTask, failure: _Failure) -> None:
        self._failed += 1
        row = b""
        if TaskStatus.FAILED in self._reported:
            http_status, code, message = failure.http_status, failure.error_code, failure.message
            row = report_row(task, TaskStatus.FAILED, http_status, code, message)
        self._journal.add_row(task, TaskStatus.FAILED, row)
        self._families.add(failure.error_code, failure.gist, task.object.key)

    def check(self) -> None:
        """Check that the counts of a finished job match its manifest and its rows.

        Raises:
            StateDamaged: They do not match.
        """
        counts = {TaskStatus.SUCCEEDED: self._succeeded, TaskStatus.FAILED: self._failed}
        expected = {status: counts[status] for status in self._reported}
        found = {status: self._journal.count(status) for status in self._reported}
        if found != expected or self._succeeded + self._failed != self._run:
            raise StateDamaged(
                f"the journal is damaged: it has {found} rows for {self._succeeded:,} tasks that "
                f"succeeded and {self._failed:,} that failed, {self._run:,} in all"
            )
        if self.status is JobStatus.COMPLETE and self._total not in (None, self._run):
            raise StateDamaged(
                f"the journal is damaged: it has {self._run:,} of {self._total:,} tasks"
            )

    def commit(self) -> None:
        """Write all this into the journal."""
        self._next_commit = time.monotonic() + _COMMIT_SECONDS
        self._uncommitted = 0
        self._journal.commit(
            {
                "status": self.status,
                "reason": self.reason,
                "seconds": self._elapsed,
                "run": self._run,
                "succeeded": self._succeeded,
                "failed": self._failed,
                "families": self._families.facts,
            }
        )

    # ------------------------------------------------------------ the job

    def end(self, status: JobStatus, reason: str | None = None) -> None:
        """End the job; what ends it first counts."""
        if not self.is_over():
            self.status, self.reason = status, None if reason is None else redact(reason)

    def fail_for_report(self, error: Exception) -> None:
        """Call the job failed, whatever it was called before: nobody can know what it did."""
        why = str(error) if isinstance(error, ReportNotWritten) else describe(error)
        self.status, self.reason = JobStatus.FAILED, f"the report could not be written: {why}"
        self.report_error = error

    def cancel(self) -> None:
        self.end(JobStatus.CANCELLED)

    def is_over(self) -> bool:
        return self.status is not JobStatus.ACTIVE

    @property
    def has_run(self) -> bool:
        """Tell whether any task was run."""
        return self._run > 0

    @property
    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    @property
    def _progress(self) -> Progress:
        total = self._run if self.status is JobStatus.COMPLETE else self._total
        return Progress(total, self._succeeded, self._failed, int(self._elapsed))

    def tell_progress(self) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(self._progress)
        except KeyboardInterrupt:
            self.cancel()

    def outcome(self, job_id: str, status: JobStatus, report: str | None = None) -> JobResult:
        """Say what became of the job."""
        return JobResult(
            job_id=job_id,
            status=status,
            progress=self._progress,
            failures=self._families.most_frequent(),
            elapsed=self._elapsed,
            reason=self.reason,
            report=report,
            report_error=self.report_error,
        )


_NOTHING_YET: Final[dict[str, Any]] = {
    "status": JobStatus.ACTIVE,
    "reason": None,
    "seconds": 0.0,
    "run": 0,
    "succeeded": 0,
    "failed": 0,
    "families": (),
}
_THRESHOLD_TASKS: Final = 1_000
_COMMIT_SECONDS: Final = 0.1
_COMMIT_TASKS: Final = 5_000


class _Failure(NamedTuple):
    """A failed task's error code, what AWS would report of it, and what a person wants to know."""

    error_code: str
    message: str
    gist: str
    http_status: int = 200


def _failure(answer: Answer) -> _Failure:
    """Describe a failed task without credentials, which a function's message may quote."""
    if isinstance(answer, Outcome):
        message = redact(answer.message, _LONGEST)
        return _Failure(answer.code.value, message, message)
    if isinstance(answer, FunctionError):
        message = redact(f"Lambda returned function error: {answer.payload}", _LONGEST)
        error = json.loads(answer.payload)
        gist = f"{error.get('errorType', 'Task timed out')}: {error['errorMessage'][:_LONGEST]}"
        return _Failure(
            ResultCode.PERMANENT_FAILURE.value, message[:MAX_RESULT_STRING], redact(gist)
        )
    if isinstance(answer, Refused):
        message = redact(answer.message, _LONGEST)[:MAX_RESULT_STRING]
        return _Failure(answer.error_code, message, redact(answer.reason), answer.http_status)
    assert isinstance(answer, InvalidAnswer)
    message = "Invalid JSON returned in Lambda payload"
    gist = f"{message}: {redact(answer.reason, _LONGEST)}"
    return _Failure(ResultCode.PERMANENT_FAILURE.value, message, gist)


_LONGEST: Final = 4 * MAX_RESULT_STRING  # characters that are redacted
