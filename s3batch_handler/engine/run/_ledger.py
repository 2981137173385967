"""The counts of a running job, its failure threshold, and the rows of its tasks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ReportNotWritten, StateDamaged
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._redaction import redact
from s3batch_handler.documents.reports._failure_groups import FailureCounts
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.documents.reports._writer import report_row, succeeded_rows
from s3batch_handler.engine.invoke._answer import ServiceError
from s3batch_handler.engine.run._run_observer import RunObserver
from s3batch_handler.engine.run._run_progress import RunProgress
from s3batch_handler.engine.run._run_statistics import RunSnapshot, RunStatistics
from s3batch_handler.engine.run._task_failure import failed_row, task_failure
from s3batch_handler.jobs._failure_threshold import S3_THRESHOLD
from s3batch_handler.jobs._status import JobStatus, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests._plain_lines import PlainLines
    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._rows import ReportRow
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.invoke._invoker import AnsweredLines
    from s3batch_handler.engine.run._cancellation import RunControl
    from s3batch_handler.engine.run._journal import Journal, QueuedTask
    from s3batch_handler.jobs._failure_threshold import FailureThreshold


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job.

    Attributes:
        status: ``Complete`` (all tasks were run, some may have failed), ``Failed``, ``Cancelled``
            or ``Paused``.
        failures: The most frequent failures, the most frequent first.
        first_failures: The rows of the tasks that failed first, at most ten.
        elapsed: Seconds.
        reason: Why the job failed.
        failure_code: The code of this reason in DescribeJob.
        report: Where the completion report is; ``None`` if there is none.
        report_error: Why the report is not in its folder. The job has failed then.
        statistics: How the job ran.
    """

    job_id: str
    status: JobStatus
    progress: Progress
    failures: tuple[FailureGroup, ...]
    first_failures: tuple[ReportRow, ...]
    elapsed: float
    reason: str | None
    report: str | None
    report_error: Exception | None = None
    failure_code: str | None = None
    statistics: RunSnapshot = field(default_factory=RunSnapshot)


class Ledger:
    """Counts the tasks of a job, adds their rows to the journal, and decides when the job is over.

    Args:
        journal: The journal. If it has tasks, the ledger continues from it.
        control: What the caller of the job requests.
        reported: The statuses of tasks that get a row in the report.
        total: The number of entries in the manifest, if it is known.
        threshold: How many tasks may fail.
        workers: Returns the number of calls at the same time.
        on_progress: Called about ten times a second. ``KeyboardInterrupt`` cancels the job.
        observer: Gets the progress and the statistics, for other threads.

    Attributes:
        status: ``Active`` until the job is over.
        reason, failure_code: Why the job failed.

    Raises:
        StateDamaged: The counts differ from the tasks in the journal.
    """

    def __init__(
        self,
        journal: Journal,
        control: RunControl,
        *,
        reported: Collection[TaskStatus] = (),
        total: int | None = None,
        threshold: FailureThreshold = S3_THRESHOLD,
        workers: Callable[[], int] | None = None,
        on_progress: Callable[[RunProgress], None] | None = None,
        observer: RunObserver | None = None,
    ) -> None:
        self._journal = journal
        self._control = control
        self._reported = reported
        self._total = total
        self._threshold = threshold
        self._workers = workers
        self._on_progress = on_progress
        self._observer = observer or RunObserver()
        self._next_commit = self._next_progress = self._next_statistics = 0.0
        self._uncommitted = 0
        self._answers = 0  # committed in this process
        self._pass_number = 1
        self._start_time = time.monotonic()
        self._report_error: Exception | None = None
        facts = journal.facts
        self.status = JobStatus(facts.get("status", JobStatus.ACTIVE))
        self.reason: str | None = facts.get("reason")
        self.failure_code: str | None = facts.get("failure_code")
        self._seconds: float = facts.get("seconds", 0.0)  # in earlier processes
        self._run_count: int = facts.get("run", 0)
        self._succeeded: int = facts.get("succeeded", 0)
        self._failed: int = facts.get("failed", 0)
        details = dict(journal.details)
        self._statistics = RunStatistics(
            details.pop(STATISTICS, None),
            seconds=self._seconds,
            succeeded=self._succeeded,
            failed=self._failed,
        )
        self._failures = FailureCounts(details)
        self._has_new_statistics = False  # since the latest commit
        # Tasks start in the order of the manifest, so all tasks before this one have started.
        self._started_count = journal.next_number
        if self._run_count != journal.answered:
            raise StateDamaged(
                f"the journal is damaged: it has {journal.answered:,} of {self._run_count:,} "
                "tasks. Start again with another folder"
            )

    # ------------------------------------------------------------ tasks

    def queue(
        self, tasks: Iterable[PlainLines | ManifestEntry], tries: int
    ) -> Iterable[PlainLines | QueuedTask]:
        """Begin a pass, and return its tasks: never run, or failed temporarily ``tries`` times."""
        if tries and self._waiting_count:
            self._pass_number = tries + 1
            self._show_progress()
        return self._journal.waiting(tries) if tries else self._journal.unanswered(tasks)

    def record(
        self, task: QueuedTask, answer: Answer, seconds: float | None = None, *, is_last_try: bool
    ) -> None:
        """Record the answer for a task that was run, or that fails without being run.

        ``seconds`` is the duration of the call, if there was one.
        """
        self._uncommitted += 1
        if not task.tries:
            self._run_count += 1
            if task.number >= self._started_count:
                self._started_count = task.number + 1
        if isinstance(answer, Outcome) and answer.code is ResultCode.SUCCEEDED:
            self._succeeded += 1
            self._add_row(task, TaskStatus.SUCCEEDED, 200, "", answer.message)
            self._statistics.add(task, answer, "succeeded", seconds)
        elif (
            isinstance(answer, Outcome | ServiceError)
            and answer.code is ResultCode.TEMPORARY_FAILURE
            and not is_last_try
        ):
            self._journal.add_waiting(task, answer.message)
            self._statistics.add(task, answer, "waiting", seconds)
        else:
            failure = task_failure(answer)
            self._failed += 1
            self._failures.add(failed_row(task, failure), failure.reason)
            self._add_row(
                task, TaskStatus.FAILED, failure.http_status, failure.error_code, failure.message
            )
            self._statistics.add(task, answer, "failed", seconds)
        if self._failed:
            self._check_threshold()
        self.commit_if_due()

    def record_lines(self, answered: AnsweredLines) -> None:
        """Record plain lines whose tasks have succeeded, at the first try."""
        lines = answered.lines
        count = len(lines)
        self._uncommitted += count
        self._run_count += count
        self._succeeded += count
        self._started_count = max(self._started_count, lines.first + count)
        is_reported = TaskStatus.SUCCEEDED in self._reported
        self._journal.add_lines(
            lines, succeeded_rows(lines, answered.cells) if is_reported else b""
        )
        self._statistics.add_lines(answered)
        if self._failed:
            self._check_threshold()
        self.commit_if_due()

    def _check_threshold(self) -> None:
        """End the job if more tasks have failed than are tolerated.

        Running tasks count as successes, because failures often arrive before the successes of the
        tasks beside them.
        """
        total, run = self._total, self._run_count
        tolerated = self._threshold.tolerated(total=total, run=run, started=self._started_count)
        if tolerated is not None and self._failed > tolerated:
            reason = self._threshold.reason(failed=self._failed, total=total, run=run)
            self.fail("FailureThresholdExceeded", reason)

    def _add_row(self, task: QueuedTask, status: TaskStatus, *values: Any) -> None:
        row = report_row(task, status, *values) if status in self._reported else b""
        self._journal.add_row(task, status, row)

    def commit_if_due(self) -> None:
        """Commit and show the progress if that is due: call this also while no answer arrives."""
        now = time.monotonic()
        if self._uncommitted and (self._uncommitted >= _COMMIT_TASKS or now >= self._next_commit):
            self.commit()
            self._next_commit = time.monotonic() + _COMMIT_SECONDS
            self._show_progress()
        elif now >= self._next_progress:
            self._show_progress()

    def commit(self, *, is_last: bool = False) -> None:
        """Write the counts and all new rows to the journal; the statistics only once a second."""
        self._answers += self._uncommitted
        self._uncommitted = 0
        details = self._failures.changes()
        self._observe(is_last=is_last)
        if self._has_new_statistics:
            self._has_new_statistics = False
            details[STATISTICS] = self._statistics.facts()
        self._journal.commit(
            {
                "status": self.status,
                "reason": self.reason,
                "failure_code": self.failure_code,
                "seconds": self._elapsed,
                "run": self._run_count,
                "succeeded": self._succeeded,
                "failed": self._failed,
            },
            details,
        )

    def _observe(self, *, is_last: bool = False) -> None:
        """Add the counts to the statistics, and recompute these if a second has passed."""
        seconds = self._elapsed
        self._statistics.sample(
            seconds,
            answers=self._answers + self._uncommitted,
            succeeded=self._succeeded,
            failed=self._failed,
            workers=self._worker_count,
        )
        if not is_last and seconds < self._next_statistics:
            return
        self._next_statistics = seconds + _STATISTICS_SECONDS
        done = self._succeeded + self._failed
        remaining = None if self._total is None else self._total - done
        self._observer.statistics = self._statistics.snapshot(remaining)
        self._has_new_statistics = True

    # ------------------------------------------------------------ the job

    @property
    def has_run(self) -> bool:
        """Whether any task was run."""
        return self._run_count > 0

    @property
    def is_over(self) -> bool:
        """Whether no task of the job is to be run."""
        return self.status is not JobStatus.ACTIVE

    def should_stop(self) -> bool:
        """Return whether no further task may start."""
        return self.is_over or self._control.requested is not None

    def fail(self, code: str, reason: str) -> None:
        """End the job as ``Failed``, unless it is over already."""
        if not self.is_over:
            self.status, self.failure_code = JobStatus.FAILED, code
            self.reason = redact(reason)

    def cancel(self) -> None:
        """End the job as ``Cancelled``, unless it is over already."""
        if not self.is_over:
            self.status = JobStatus.CANCELLED

    def conclude(self) -> bool:
        """End the job as its control requests; return whether it is over and not only paused.

        Tasks that wait for a redrive fail with their latest message.

        Raises:
            StateDamaged: The counts do not match the manifest or the rows.
        """
        requested = self._control.requested
        if requested is JobStatus.PAUSED and not self.is_over:
            self.commit(is_last=True)
            self._show_progress()
            return False
        if not self.is_over:
            self.status = requested or JobStatus.COMPLETE
        for task, message in self._journal.all_waiting():
            self.record(task, Outcome(ResultCode.TEMPORARY_FAILURE, message), is_last_try=True)
        self.commit(is_last=True)
        self._check_counts()
        self._show_progress()
        return True

    def _check_counts(self) -> None:
        counts = {TaskStatus.SUCCEEDED: self._succeeded, TaskStatus.FAILED: self._failed}
        expected = {status: counts[status] for status in self._reported}
        found = {status: self._journal.count(status) for status in self._reported}
        if found != expected or self._succeeded + self._failed != self._run_count:
            raise StateDamaged(
                f"the journal is damaged: it has {found} rows for {self._succeeded:,} tasks that "
                f"succeeded and {self._failed:,} that failed, {self._run_count:,} in all"
            )
        if self.status is JobStatus.COMPLETE and self._total not in (None, self._run_count):
            raise StateDamaged(
                f"the journal is damaged: it has {self._run_count:,} of {self._total:,} tasks"
            )

    def fail_for_report(self, error: Exception) -> None:
        """Change any status to ``Failed``, because results are lost without a report."""
        why = str(error) if isinstance(error, ReportNotWritten) else describe(error)
        self.status, self.failure_code = JobStatus.FAILED, "ReportNotWritten"
        self.reason = f"the report could not be written: {why}"
        self._report_error = error

    @property
    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._start_time

    @property
    def _worker_count(self) -> int | None:
        return None if self._workers is None else self._workers()

    @property
    def _waiting_count(self) -> int:
        return self._run_count - self._succeeded - self._failed

    @property
    def _progress(self) -> Progress:
        total = self._run_count if self.status is JobStatus.COMPLETE else self._total
        return Progress(total, self._succeeded, self._failed, int(self._elapsed))

    def _show_progress(self) -> None:
        self._next_progress = time.monotonic() + _COMMIT_SECONDS
        self._observe()
        failures = self._failures.most_frequent()
        progress = self._run_progress(failures[:_SHOWN_FAILURES])
        self._observer.counts = (progress, failures)
        if self._on_progress is None:
            return
        try:
            self._on_progress(progress)
        except KeyboardInterrupt:
            self.cancel()

    def _run_progress(self, failures: tuple[FailureGroup, ...]) -> RunProgress:
        counts = self._progress
        return RunProgress(
            counts.total,
            counts.succeeded,
            counts.failed,
            counts.active_seconds,
            elapsed=self._elapsed,
            status=_ENDING[self.status if self.is_over else self._control.requested],
            waiting=self._waiting_count,
            pass_number=self._pass_number,
            answers=self._answers,
            workers=self._worker_count,
            failures=failures,
            tolerated=self._threshold.tolerated(
                total=self._total, run=self._run_count, started=self._started_count
            ),
        )

    def result(self, job_id: str, *, report: str | None = None) -> JobResult:
        """Return the result of the job: ``Paused`` if it is not over."""
        return JobResult(
            job_id=job_id,
            status=self.status if self.is_over else JobStatus.PAUSED,
            progress=self._progress,
            failures=self._failures.most_frequent(),
            first_failures=self._failures.first,
            elapsed=self._elapsed,
            reason=self.reason,
            report=report,
            report_error=self._report_error,
            failure_code=self.failure_code,
            statistics=self._observer.statistics,
        )


_ENDING: Final = {
    None: JobStatus.ACTIVE,
    JobStatus.PAUSED: JobStatus.PAUSING,
    JobStatus.COMPLETE: JobStatus.COMPLETING,
    JobStatus.CANCELLED: JobStatus.CANCELLING,
    JobStatus.FAILED: JobStatus.FAILING,
}
"""The statuses of a job while its last tasks and its report end."""
_COMMIT_SECONDS: Final = 0.1
_STATISTICS_SECONDS: Final = 1.0
STATISTICS: Final = -1
"""The number of the statistics in the journal, beside the details of failures."""
_SHOWN_FAILURES: Final = 3
_COMMIT_TASKS: Final = 10_000
