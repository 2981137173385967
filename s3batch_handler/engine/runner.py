"""One job on this machine, from the first line of its manifest to its completion report."""

from __future__ import annotations

import json
import re
import signal
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self

from s3batch_handler.classify import describe
from s3batch_handler.engine.environment import FunctionError, InvalidAnswer, NotRun
from s3batch_handler.errors import InvalidFunction, ManifestError, ReportNotWritten
from s3batch_handler.job import JobStatus, Progress
from s3batch_handler.manifest import ManifestEntry
from s3batch_handler.model import Outcome, ResultCode
from s3batch_handler.report import TaskStatus
from s3batch_handler.text import MAX_RESULT_STRING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from s3batch_handler.engine.environment import Answer
    from s3batch_handler.engine.invoker import Invoker
    from s3batch_handler.model import JobRef


class Sink(Protocol):
    """Where the final result of each task goes: a completion report."""

    def write(
        self,
        entry: ManifestEntry,
        status: TaskStatus,
        http_status: int,
        error_code: str,
        message: str,
    ) -> None:
        """Take one row."""
        ...

    def finish(self) -> str | None:
        """Make the report; say where it lies. Without any row there is none, as in AWS.

        Raises:
            ReportNotWritten: It lies elsewhere.
        """
        ...

    def discard(self) -> None:
        """Leave nothing behind."""
        ...


@dataclass(frozen=True, slots=True)
class FailureFamily:
    """Failed tasks of one error code, whose messages differ in names and numbers at most.

    Attributes:
        message: What their messages have in common; all of it where they are the same.
    """

    error_code: str
    message: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class JobRun:
    """What became of a job.

    Attributes:
        status: ``Complete`` (all tasks were run; they may have failed), ``Failed`` or
            ``Cancelled``.
        failures: What went wrong how often, the most frequent first; a few.
        elapsed: Seconds.
        reason: Why the job failed.
        report: Where the completion report lies; ``None`` if there is none.
    """

    job_id: str
    status: JobStatus
    progress: Progress
    failures: tuple[FailureFamily, ...]
    elapsed: float
    reason: str | None
    report: str | None


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
) -> JobRun:
    """Run a whole job: each entry once, those that fail temporarily again, then the report.

    Redrives come after the first pass, up to ``max_redrives`` passes over what still fails
    temporarily; AWS does not publish how many it makes, or when. The job fails as soon as more
    than half of at least 1,000 tasks have failed for good, or when its report cannot be put where
    it belongs. Ctrl-C (or a ``KeyboardInterrupt`` from ``on_progress``) cancels it: running tasks
    get a moment to end, the report tells of what was done. Another one, a second later, means it.

    Memory does not grow with the manifest. However the job ends, so has the ``invoker``.

    Raises:
        ManifestError: An entry cannot be read, and no task has run yet: there is no report. Later
            on it fails the job.
        InvalidFunction: There is no function to call. Likewise.
    """
    started = time.monotonic()
    ledger = _Ledger(report, total, on_progress)
    try:
        with _ctrl_c(ledger.cancel):
            with closing(invoker):
                invoke_all = partial(invoker.invoke_all, job, schema_version, stop=ledger.is_over)
                _run_tasks(ledger, entries, invoke_all, max_redrives=max_redrives)
            ledger.end(JobStatus.COMPLETE)
            ledger.tell_progress()
            location = _finish(report, ledger)
    except BaseException:
        if report is not None:
            report.discard()
        raise
    return JobRun(
        job_id=job.id,
        status=ledger.status,
        progress=ledger.progress,
        failures=ledger.failures(),
        elapsed=time.monotonic() - started,
        reason=ledger.reason,
        report=location,
    )


def _run_tasks(
    ledger: _Ledger,
    entries: Iterable[ManifestEntry],
    invoke_all: Callable[[Iterable[ManifestEntry]], Iterator[tuple[ManifestEntry, Answer]]],
    *,
    max_redrives: int,
) -> None:
    def one_pass(queue: Iterable[ManifestEntry], again: _Spool | None) -> None:
        try:
            for entry, answer in invoke_all(queue):
                ledger.take(entry, answer, again)
        except (InvalidFunction, ManifestError) as error:
            if not ledger.has_run:
                raise
            ledger.end(JobStatus.FAILED, str(error))

    with ExitStack() as files:
        waiting = files.enter_context(_Spool())
        one_pass(entries, waiting if max_redrives else None)
        for redrives_left in reversed(range(max_redrives)):
            if not waiting or ledger.is_over():
                break
            queue = waiting.read()
            waiting = files.enter_context(_Spool())
            one_pass(queue, waiting if redrives_left else None)
            for entry in queue:  # the job is over, and this one got no other try
                ledger.take(entry, NotRun(), None)
        for entry in waiting.read():  # likewise
            ledger.take(entry, NotRun(), None)


def _finish(report: Sink | None, ledger: _Ledger) -> str | None:
    """Make the report. After all the work, a report that cannot be made must not hide the rest."""
    if report is None:
        return None
    try:
        return report.finish()
    except ReportNotWritten as error:
        ledger.fail(f"the report could not be written: {error}")
        report.discard()
        return error.kept
    except Exception as error:  # noqa: BLE001  a disk, a network, a client: anything may happen
        ledger.fail(f"the report could not be written: {describe(error)}")
        report.discard()
        return None


@contextmanager
def _ctrl_c(cancel: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C ask to cancel, so that no answer gets lost; a later one interrupts.

    Whatever signals would raise a ``KeyboardInterrupt`` are taken for it; a handler that somebody
    else has installed stays. Those that come at once with the first are no second thought: shells
    and tools like to send it along to a process that has it already.
    """
    numbers = [
        number
        for number in INTERRUPTS
        if threading.current_thread() is threading.main_thread()
        and signal.getsignal(number) is signal.default_int_handler
    ]
    first: float | None = None

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            cancel()
        elif time.monotonic() - first > _SECOND_THOUGHT:
            signal.default_int_handler(number, frame)

    for number in numbers:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)


INTERRUPTS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals by which people and systems ask a process to end: not every platform has all of them."""

_SECOND_THOUGHT: Final = 1.0  # seconds


# ---------------------------------------------------------------- results


class _Ledger:
    """What has become of the tasks so far: rows, counts, and whether the job is over.

    Attributes:
        status: ``Active`` until the job is over.
        reason: Why it failed, in words.
    """

    def __init__(
        self,
        report: Sink | None,
        total: int | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.status = JobStatus.ACTIVE
        self.reason: str | None = None
        self._write = report.write if report is not None else None
        self._total = total
        self._on_progress = on_progress
        self._next_progress = 0.0
        self._run = 0
        self._succeeded = 0
        self._failed = 0
        self._families: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], str] = {}
        self._differing: set[tuple[str, str]] = set()

    def take(self, entry: ManifestEntry, answer: Answer, waiting: _Spool | None) -> None:
        """Enter what became of a task; ``waiting`` is for those that get another try.

        A task that was redriven, and had no time for it, has failed as it did before.
        """
        if not isinstance(entry, _Redriven):
            if isinstance(answer, NotRun):
                return
            self._run += 1
        elif isinstance(answer, NotRun):
            answer = Outcome(ResultCode.TEMPORARY_FAILURE, entry.message)
        if isinstance(answer, Outcome) and answer.code is ResultCode.SUCCEEDED:
            self._succeeded += 1
            if self._write is not None:
                self._write(entry, TaskStatus.SUCCEEDED, 200, "", answer.message)
        elif (
            isinstance(answer, Outcome)
            and answer.code is ResultCode.TEMPORARY_FAILURE
            and waiting is not None
        ):
            waiting.add(entry, answer.message)
        else:
            self._fail(entry, _failure(answer))
        if self._on_progress is not None and time.monotonic() >= self._next_progress:
            self.tell_progress()

    def _fail(self, entry: ManifestEntry, failure: _Failure) -> None:
        self._failed += 1
        if self._write is not None:
            self._write(entry, TaskStatus.FAILED, 200, failure.error_code, failure.message)
        family = (failure.error_code, message_family(failure.gist))
        if family not in self._examples and len(self._examples) >= _MOST_FAMILIES:
            family = (failure.error_code, "other messages")
        if self._examples.setdefault(family, failure.gist) != failure.gist:
            self._differing.add(family)
        self._families[family] += 1
        if self._run >= _THRESHOLD_TASKS and self._failed * 2 > self._run:
            reason = f"{self._failed:,} of {self._run:,} tasks failed: more than half"
            self.end(JobStatus.FAILED, reason)

    def end(self, status: JobStatus, reason: str | None = None) -> None:
        """End the job; what ends it first counts."""
        if not self.is_over():
            self.status, self.reason = status, reason
            if status is JobStatus.COMPLETE:
                self._total = self._run

    def fail(self, reason: str) -> None:
        """Call the job failed, whatever it was called before."""
        self.status, self.reason = JobStatus.FAILED, reason

    def cancel(self) -> None:
        self.end(JobStatus.CANCELLED)

    def is_over(self) -> bool:
        return self.status is not JobStatus.ACTIVE

    @property
    def has_run(self) -> bool:
        """Tell whether any task was run."""
        return self._run > 0

    @property
    def progress(self) -> Progress:
        return Progress(self._total, self._succeeded, self._failed)

    def tell_progress(self) -> None:
        if self._on_progress is None:
            return
        self._next_progress = time.monotonic() + _PROGRESS_SECONDS
        try:
            self._on_progress(self.progress)
        except KeyboardInterrupt:
            self.cancel()

    def failures(self) -> tuple[FailureFamily, ...]:
        """Give the most frequent kinds of failure."""
        found = []
        for family, count in self._families.most_common(_TOP_FAMILIES):
            (code, message), example = family, self._examples[family]
            message = message if family in self._differing else example
            found.append(FailureFamily(code, message, count, example))
        return tuple(found)


_THRESHOLD_TASKS: Final = 1_000
_PROGRESS_SECONDS: Final = 0.1
_MOST_FAMILIES: Final = 500
_TOP_FAMILIES: Final = 10


class _Failure(NamedTuple):
    """A failed task's error code, what AWS would report of it, and what a person wants to know."""

    error_code: str
    message: str
    gist: str


def _failure(answer: Answer) -> _Failure:
    if isinstance(answer, Outcome):
        return _Failure(answer.code.value, answer.message, answer.message)
    if isinstance(answer, FunctionError):
        message = f"Lambda returned function error: {answer.payload}"[:MAX_RESULT_STRING]
        error = json.loads(answer.payload)
        gist = f"{error.get('errorType', 'Task timed out')}: {error['errorMessage']}"
        return _Failure(ResultCode.PERMANENT_FAILURE.value, message, gist)
    assert isinstance(answer, InvalidAnswer)
    message = "Invalid JSON returned in Lambda payload"
    return _Failure(ResultCode.PERMANENT_FAILURE.value, message, f"{message}: {answer.reason}")


def message_family(message: str) -> str:
    """Give what messages have in common that differ in names and numbers only."""
    return _PARTICULAR.sub("…", message[:_TELLING])


_TELLING: Final = 300  # characters at the beginning of a message
_PARTICULAR: Final = re.compile(
    r"""'[^']*' | "[^"]*"                   # what is quoted
      | \b request\ id\ [^\s,)]+          # of AWS
      | \b [0-9a-fA-F]{8} (?:-[0-9a-fA-F]{4,}){4}   # UUIDs
      | \b \d{4}-\d\d-\d\dT[\d:.]+Z?     # points in time
      | \b (?=[a-fA-F]*\d) [0-9a-fA-F]{16,} \b   # digests
      | \d+ (?:[.,:]\d+)*                 # numbers
    """,
    re.VERBOSE,
)


# ---------------------------------------------------------------- tasks that wait for a redrive


class _Redriven(ManifestEntry):
    """An entry whose task has failed temporarily: with what it said."""

    message: str


class _Spool:
    """Entries that wait for their next try: in a file, as there may be as many as in a manifest."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(  # noqa: SIM115  closed as this is
            "w+", encoding="ascii", prefix="s3batch-redrive-"
        )
        self._entries = 0

    def __len__(self) -> int:
        return self._entries

    def add(self, entry: ManifestEntry, message: str) -> None:
        self._file.write(json.dumps([*entry, message]) + "\n")
        self._entries += 1

    def read(self) -> Iterator[_Redriven]:
        self._file.seek(0)
        for line in self._file:
            *fields, message = json.loads(line)
            entry = _Redriven(*fields)
            entry.message = message
            yield entry
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
