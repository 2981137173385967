"""Statistics of a run: rates, durations, slowest and latest tasks. Their size is limited."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer_records import message_of
from s3batch_handler.engine.invoke._invoker import AnsweredLines
from s3batch_handler.engine.run._call_durations import CallDurations
from s3batch_handler.engine.run._journal import QueuedTask
from s3batch_handler.engine.run._rate_recorder import RateRecorder, RecentRates
from s3batch_handler.engine.run._task_failure import task_failure

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from s3batch_handler.documents.reports._run_record import (
        Durations,
        RateHistory,
        RunRecord,
        StatusChange,
        TaskFacts,
        Threshold,
    )
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.jobs._failure_threshold import FailureThreshold
    from s3batch_handler.jobs._status import Progress

    Status = Literal["succeeded", "failed", "waiting"]
    AnsweredTask = tuple[QueuedTask, Answer, Status, float | None]
    """A task, the answer to its latest call, its status, and the seconds of this call.

    A plain tuple, because it is created for each task, and creating it takes a tenth of the time.
    """

MAX_SLOWEST: Final = 10
MAX_LATEST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """The statistics of a run at a moment.

    Attributes:
        active_seconds: How long the job has been Active.
        rate_now: Answers per second over the last ten seconds; ``None`` if there were none.
        rate_average: Answers per second since the job became Active.
        time_left: The seconds until the end, at least and at most; ``None`` if unknown.
        workers: The maximum number of calls at the same time so far; ``None`` if unknown.
        slowest: The tasks with the slowest calls, the slowest first, at most ten.
        latest: The tasks that were answered last, the latest first, at most twenty.
    """

    active_seconds: float = 0.0
    rate_now: float | None = None
    rate_average: float | None = None
    time_left: tuple[float, float] | None = None
    workers: int | None = None
    rate_history: RateHistory | None = None
    durations: Durations | None = None
    slowest: list[TaskFacts] = field(default_factory=list)
    latest: list[TaskFacts] = field(default_factory=list)

    def record(
        self,
        job_id: str,
        *,
        history: list[StatusChange],
        threshold: FailureThreshold,
        counts: Progress,
        function_timeout: float | None,
    ) -> RunRecord:
        """Return the content of the ``run.json`` of a job that has ended."""
        return {
            "version": 1,
            "job_id": job_id,
            "active_seconds": self.active_seconds,
            "history": history,
            "rate_history": self.rate_history,
            "durations": self.durations,
            "slowest": self.slowest,
            "threshold": threshold_facts(threshold, total=counts.total, run=counts.done),
            "workers": self.workers,
            "function_timeout": function_timeout,
        }


def threshold_facts(threshold: FailureThreshold, *, total: int | None, run: int) -> Threshold:
    """Return a failure threshold, and how many of the tasks that were run may have failed."""
    return {"rule": threshold.rule, "tolerated": threshold.tolerated(total=total, run=run)}


class RunStatistics:
    """Collects the statistics of a run. Only the thread that runs the job may use it.

    Args:
        facts: The :meth:`facts` to continue from.
        seconds, succeeded, failed: How long the job has been Active, and the tasks that have ended,
            in case these facts are missing.
    """

    def __init__(
        self,
        facts: Mapping[str, Any] | None = None,
        *,
        seconds: float = 0.0,
        succeeded: int = 0,
        failed: int = 0,
    ) -> None:
        known = facts or {}
        self._durations = CallDurations(known.get("durations"))
        self._rates = RateRecorder(
            known.get("rates"), seconds=seconds, succeeded=succeeded, failed=failed
        )
        self._answers: int = known.get("answers", succeeded + failed)
        self._earlier_answers = self._answers
        self._recent = RecentRates(seconds, self._answers)
        self._seconds = seconds
        self._workers: int | None = known.get("workers")
        self._new: list[float] = []  # durations of calls since the latest sample
        self._new_lines: list[array[int]] = []  # the same in microseconds, for plain lines
        self._slowest = [_Task(*each) for each in known.get("slowest", ())]
        self._latest: deque[_Task | AnsweredTask | AnsweredLines] = deque(
            (_Task(*each) for each in known.get("latest", ())), MAX_LATEST
        )
        self._keep_latest = self._latest.append  # looked up for each task otherwise
        self._least_slow = self._shortest_of_the_slowest()

    def add(self, task: QueuedTask, answer: Answer, status: Status, seconds: float | None) -> None:
        """Add a task that was answered.

        This is called for each task, so it does as little as possible. It keeps few tasks, because
        the garbage collector would visit many tasks again and again.
        """
        self._keep_latest((task, answer, status, seconds))
        if seconds is not None:
            self._new.append(seconds)
            if seconds > self._least_slow:
                self._add_slow(_Task.of((task, answer, status, seconds)))

    def add_lines(self, answered: AnsweredLines) -> None:
        """Add plain lines whose tasks have succeeded."""
        microseconds = answered.microseconds
        self._new_lines.append(microseconds)
        self._keep_latest(answered)
        if max(microseconds) / 1e6 > self._least_slow:
            for index, each in enumerate(microseconds):
                if each / 1e6 > self._least_slow:
                    self._add_slow(_Task.of(_task_of_line(answered, index)))

    def _add_slow(self, task: _Task) -> None:
        """Keep the slowest calls, one for each task."""
        others = [each for each in self._slowest if each.number != task.number]
        same = [each for each in self._slowest if each.number == task.number]
        slowest = [*others, max([task, *same], key=_seconds)]
        self._slowest = sorted(slowest, key=_seconds, reverse=True)[:MAX_SLOWEST]
        self._least_slow = self._shortest_of_the_slowest()

    def _shortest_of_the_slowest(self) -> float:
        """Return the duration that a call must exceed to be one of the slowest."""
        return _seconds(self._slowest[-1]) if len(self._slowest) == MAX_SLOWEST else -1.0

    def sample(
        self, seconds: float, *, answers: int, succeeded: int, failed: int, workers: int | None
    ) -> None:
        """Add the counts at a time. Durations are counted with them.

        Args:
            seconds: How long the job has been Active.
            answers: The number of tasks that were added.
            succeeded: The tasks that have succeeded since the job began.
            failed: The tasks that have failed since then.
            workers: The workers now; ``None`` if unknown.
        """
        self._durations.add(self._new)
        self._new.clear()
        self._durations.add(chain.from_iterable(self._new_lines), unit=1e-6)
        self._new_lines.clear()
        self._seconds = seconds
        self._answers = self._earlier_answers + answers
        self._rates.add(seconds, succeeded, failed)
        self._recent.add(seconds, self._answers)
        if workers is not None:
            self._workers = max(workers, self._workers or 0)

    def facts(self) -> dict[str, Any]:
        """Return all statistics, as JSON can represent them."""
        return {
            "durations": self._durations.facts(),
            "rates": self._rates.facts(),
            "answers": self._answers,
            "workers": self._workers,
            "slowest": list(self._slowest),
            "latest": self._latest_tasks(),
        }

    def _latest_tasks(self) -> list[_Task]:
        tasks: list[_Task] = []  # from the latest one on
        for each in reversed(self._latest):
            missing = MAX_LATEST - len(tasks)
            if isinstance(each, AnsweredLines):
                lines = range(len(each.lines) - 1, -1, -1)[:missing]
                tasks += [_Task.of(_task_of_line(each, index)) for index in lines]
            elif missing:
                tasks.append(each if isinstance(each, _Task) else _Task.of(each))
        tasks.reverse()
        self._latest.clear()
        self._latest.extend(tasks)
        return tasks

    def snapshot(self, remaining: int | None) -> RunSnapshot:
        """Return the statistics now.

        Args:
            remaining: The number of tasks without a final result, if it is known.
        """
        return RunSnapshot(
            active_seconds=self._seconds,
            rate_now=self._recent.now,
            rate_average=self._recent.average,
            time_left=None if remaining is None else self._recent.time_left(remaining),
            workers=self._workers,
            rate_history=self._rates.history(),
            durations=self._durations.durations(),
            slowest=[each.facts() for each in self._slowest],
            latest=[each.facts() for each in reversed(self._latest_tasks())],
        )


def _task_of_line(answered: AnsweredLines, index: int) -> AnsweredTask:
    lines = answered.lines
    task = QueuedTask.of(lines.entry(index), lines.first + index)
    outcome = Outcome(ResultCode.SUCCEEDED, message_of(answered.cells[index]))
    return task, outcome, "succeeded", answered.microseconds[index] / 1e6


class _Task(NamedTuple):
    """A task that was answered, as values of JSON."""

    number: int
    bucket: str
    key: str
    version_id: str | None
    status: Status
    code: str | None
    http_status: int | None
    message: str
    seconds: float | None

    @classmethod
    def of(cls, answered: AnsweredTask) -> _Task:
        task, answer, status, seconds = answered
        code: str | None = None
        if isinstance(answer, Outcome) and answer.code is ResultCode.SUCCEEDED:
            http_status, message = 200, answer.message
        else:
            failure = task_failure(answer)
            code, message, http_status = failure.error_code, failure.message, failure.http_status
        item = task.object
        return cls(
            number=task.number,
            bucket=item.bucket[:_MAX_NAME],
            key=item.key[:_MAX_NAME],
            version_id=item.version_id and item.version_id[:_MAX_NAME],
            status=status,
            code=code and code[:_MAX_MESSAGE],
            http_status=http_status,
            message=message[:_MAX_MESSAGE],
            seconds=seconds,
        )

    def facts(self) -> TaskFacts:
        return {
            "bucket": self.bucket,
            "key": self.key,
            "version_id": self.version_id,
            "status": self.status,
            "code": self.code,
            "http_status": self.http_status,
            "message": self.message,
            "seconds": self.seconds,
        }


def _seconds(task: _Task) -> float:
    return task.seconds or 0.0


# Characters: all tasks are saved about once a second.
_MAX_MESSAGE: Final = 300
_MAX_NAME: Final = 1_024  # S3 has no longer keys, but a manifest may have
