"""What can be seen of a task: log keys, metrics, a trace, and a line if it failed.

The user passes in Powertools objects (``Logger``, ``Metrics``, ``Tracer``); the protocols below say
what of them is used, and nothing of Powertools is imported here. None of it may cost a task: what
fails in a Powertools call is logged, and the task goes on.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.core._classification import describe
from s3batch_handler.core._errors import TaskFailure
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._redaction import without_secrets
from s3batch_handler.core._sanitize import encodable, result_string

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from s3batch_handler.core._model import Outcome, Task


class LoggerLike(Protocol):
    """What is used of a Powertools ``Logger``."""

    def warning(
        self, msg: object, *args: object, exc_info: Any = ..., extra: Mapping[str, object] | None
    ) -> None: ...
    def error(
        self, msg: object, *args: object, exc_info: Any = ..., extra: Mapping[str, object] | None
    ) -> None: ...
    def thread_safe_append_keys(self, **additional_keys: object) -> None: ...
    def thread_safe_remove_keys(self, keys: Iterable[str]) -> None: ...
    def thread_safe_get_current_keys(self) -> dict[str, Any]: ...


class MetricsLike(Protocol):
    """What is used of a Powertools ``Metrics``."""

    def add_metric(self, name: str, unit: str, value: float) -> None: ...


class TracerLike(Protocol):
    """What is used of a Powertools ``Tracer``."""

    @property
    def provider(self) -> ProviderLike: ...


class ProviderLike(Protocol):
    """What is used of a tracer's provider: of the X-Ray recorder, as a rule."""

    def in_subsegment(self, name: str) -> AbstractContextManager[SubsegmentLike]: ...


class SubsegmentLike(Protocol):
    """What is used of a subsegment."""

    def put_annotation(self, key: str, value: str) -> None: ...
    def put_metadata(self, key: str, value: Any, namespace: str) -> None: ...


class Watched:
    """A task under observation. Set ``outcome`` before it is over."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome: Outcome | None = None


class Observer:
    """Watches tasks with what the user passed in, and logs those that failed.

    Attributes:
        active: Whether there is anything to do for a task that succeeds. A logger of the standard
            library has no keys to set, so it alone leaves this False.
    """

    def __init__(
        self,
        *,
        logger: LoggerLike | logging.Logger | None = None,
        metrics: MetricsLike | None = None,
        tracer: TracerLike | None = None,
    ) -> None:
        self._logger = logger
        self._keyed: Any = logger if hasattr(logger, "thread_safe_append_keys") else None
        self._metrics = metrics
        self._metrics_lock = threading.Lock()
        self._tracer = tracer
        self.active: bool = any(part is not None for part in (self._keyed, metrics, tracer))

    @contextmanager
    def watch(self, task: Task[Any, Any], time_left: float) -> Iterator[Watched]:
        """Watch a task from here to the end of the ``with`` block, however that ends.

        ============  =========================================================================
        Logger        all lines have the keys ``job_id``, ``task``, ``bucket``, ``key`` and
                      ``version_id``; afterwards they are what they were before
        Tracer        a subsegment ``s3batch task``: annotation ``ResultCode``, bucket and key
                      as metadata
        Metrics       one of ``TaskSucceeded``, ``TaskTemporaryFailure`` and
                      ``TaskPermanentFailure``; ``TaskDuration``; and ``TimeLeft``, what the
                      function had left after the task. No dimensions but the user's own.
        ============  =========================================================================

        Several tasks may be watched at a time, in threads and in tasks of an event loop.

        Args:
            task: The task that begins now.
            time_left: Seconds until the function's timeout; infinite if unknown.
        """
        watched = Watched()
        with ExitStack() as parts:
            if self._keyed is not None:
                parts.enter_context(_LoggerKeys(self._keyed, task))
            if self._tracer is not None:
                parts.enter_context(_Subsegment(self._tracer, task, watched))
            if self._metrics is not None:
                measures = _Measures(self._metrics, self._metrics_lock, watched, time_left)
                parts.enter_context(measures)
            yield watched

    def failed(
        self,
        task: Task[Any, Any],
        outcome: Outcome,
        error: BaseException | None,
        *,
        expected: bool = False,
        traceback: bool = True,
    ) -> None:
        """Log one line about a task that failed, with or without a traceback.

        It is a warning if S3 tries the task again or if the failure was ``expected``, else an
        error. It has the keys of :meth:`watch` and ``result_code`` as fields. Without a logger of
        the user, the line goes to the logger ``s3batch_handler``.
        """
        with _harmless("logging a failed task"):
            logger = _own_logger() if self._logger is None else self._logger
            is_warning = expected or outcome.code is ResultCode.TEMPORARY_FAILURE
            log = logger.warning if is_warning else logger.error
            text = f"{outcome.code.value}: s3://{task.bucket}/{task.key}"
            if outcome.message:
                text += f": {outcome.message}"
            if error is not None and not traceback:
                text += _cause_of(error, outcome.message)
            _log_with(
                error if traceback else None,
                # Passed as an argument, because Powertools parses a message that looks like JSON.
                partial(
                    log,
                    "%s",
                    result_string(text, _LONGEST_LINE),
                    extra={**_keys(task), "result_code": outcome.code.value},
                ),
            )


_LONGEST_LINE: Final = 4000  # characters: a key and a message of 1,024 each, all escaped


# ---------------------------------------------------------------- what is done for a task


class _LoggerKeys:
    """The task's keys on each line that is logged meanwhile.

    They are set by Powertools' thread-safe calls, which keep them in a context variable: neither
    other threads nor other tasks of an event loop see them, and keys of the same name that the
    user set with ``append_keys`` are merely hidden.
    """

    def __init__(self, logger: LoggerLike, task: Task[Any, Any]) -> None:
        self._logger = logger
        self._keys = _keys(task)
        self._hidden: dict[str, Any] = {}

    def __enter__(self) -> None:
        with _harmless("setting logger keys"):
            current = self._logger.thread_safe_get_current_keys()
            self._hidden = {key: current[key] for key in self._keys if key in current}
            self._logger.thread_safe_append_keys(**self._keys)

    def __exit__(self, *_: object) -> None:
        with _harmless("removing logger keys"):
            self._logger.thread_safe_remove_keys(self._keys)
            if self._hidden:
                self._logger.thread_safe_append_keys(**self._hidden)


class _Measures:
    """How the task ended, how long it took, and how much time that left."""

    def __init__(
        self,
        metrics: MetricsLike,
        lock: threading.Lock,
        watched: Watched,
        time_left: float,
    ) -> None:
        self._metrics = metrics
        self._lock = lock
        self._watched = watched
        self._time_left = time_left
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._began
        # Powertools' add_metric() reads, changes and writes back.
        with _harmless("adding metrics"), self._lock:
            if self._watched.outcome is not None:
                name = f"Task{self._watched.outcome.code.value}"
                self._metrics.add_metric(name, "Count", 1)
            self._add_milliseconds("TaskDuration", seconds)
            if self._time_left < math.inf:
                self._add_milliseconds("TimeLeft", max(0.0, self._time_left - seconds))

    def _add_milliseconds(self, name: str, seconds: float) -> None:
        self._metrics.add_metric(name, "Milliseconds", round(seconds * 1000, 3))


class _Subsegment:
    """The task's part of the trace; what its calls add to the trace goes below it."""

    def __init__(self, tracer: TracerLike, task: Task[Any, Any], watched: Watched) -> None:
        self._tracer = tracer
        self._task = task
        self._watched = watched
        self._block: AbstractContextManager[SubsegmentLike | None] | None = None
        self._subsegment: SubsegmentLike | None = None

    def __enter__(self) -> None:
        with _harmless("opening a subsegment"):
            block = _subsegment_block(self._tracer.provider)
            self._subsegment = block.__enter__()
            self._block = block
        _open_here.count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _open_here.count -= 1
        with _harmless("annotating a subsegment"):
            if self._subsegment is not None:  # there is none outside of a traced invocation
                self._annotate(self._subsegment)
        with _harmless("closing a subsegment"):
            if self._block is not None:
                self._block.__exit__(kind, error, trace)

    def _annotate(self, subsegment: SubsegmentLike) -> None:
        if self._watched.outcome is not None:
            subsegment.put_annotation("ResultCode", self._watched.outcome.code.value)
        for name in ("bucket", "key"):
            subsegment.put_metadata(name, _keys(self._task)[name], "s3batch")


class _OpenHere(threading.local):
    """The tasks' subsegments that are open in a thread: more than one only in an event loop."""

    count = 0
    parent: Any = None


_open_here = _OpenHere()

_SUBSEGMENT: Final = "s3batch task"


def _subsegment_block(provider: Any) -> AbstractContextManager[Any]:
    if _open_here.count:
        return _beside(provider, _open_here.parent)
    _open_here.parent = getattr(provider, "get_trace_entity", lambda: None)()
    block: AbstractContextManager[Any] = provider.in_subsegment(_SUBSEGMENT)
    return block


@contextmanager
def _beside(provider: Any, parent: Any) -> Iterator[Any]:
    """Open a subsegment beside one that is open in this thread.

    The X-Ray SDK keeps one stack of open subsegments per thread, so tasks that take turns in an
    event loop would become each other's children and close each other (aws-xray-sdk-python,
    issue 164). A thread of its own has a stack of its own, on which the parent can be laid.
    """
    begun: list[Any] = []

    def begin() -> None:
        with _harmless("opening a subsegment"):
            provider.set_trace_entity(parent)
            begun.append(provider.begin_subsegment(_SUBSEGMENT))

    if parent is not None:
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
    subsegment = begun[0] if begun else None
    try:
        yield subsegment
    except BaseException:
        if subsegment is not None:
            subsegment.add_fault_flag()
        raise
    finally:
        if subsegment is not None:
            subsegment.close()
            provider.stream_subsegments()  # what is not sent now may never be


# ---------------------------------------------------------------- small things


def _keys(task: Task[Any, Any]) -> dict[str, str | None]:
    """Give what log lines of a task are found by. No user arguments: they may be secret."""
    return {
        "job_id": task.job.id,
        "task": _short_hash(task.id),
        "bucket": encodable(task.bucket),
        "key": encodable(task.key),
        "version_id": task.version_id,
    }


def _short_hash(task_id: str) -> str:
    """Give 12 hex digits for a task id: S3's own have more than a thousand characters."""
    import hashlib  # a start need not wait for OpenSSL

    return hashlib.blake2s(task_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _cause_of(error: BaseException, message: str) -> str:
    """Return the description of the cause of a TaskFailure, unless its message contains it."""
    cause = error.__cause__
    if not isinstance(error, TaskFailure) or cause is None:
        return ""
    words = describe(cause)
    return "" if words in message else f", caused by {words}"


def _log_with(error: BaseException | None, log: Callable[..., None]) -> None:
    """Log an exception without credentials.

    A redacted copy is raised and handled while it is logged: a Powertools Logger with a buffer
    (3.37) logs the exception that is being handled, not the exception that it is given.
    """
    shown = None if error is None else without_secrets(error)
    if shown is None:
        log(exc_info=None)
        return
    exc_info = type(shown), shown, shown.__traceback__
    if shown is error:
        log(exc_info=exc_info)
        return
    context = shown.__context__
    try:
        raise shown
    except type(shown):
        shown.__context__, shown.__traceback__ = context, exc_info[2]
        log(exc_info=exc_info)


class _harmless:  # noqa: N801  reads as a statement
    """Log what fails in this block, and go on after it."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        with suppress(Exception):
            warn = _own_logger().warning
            _log_with(error, partial(warn, "%s failed; the task is not affected", self._doing))
        return True


def _own_logger() -> logging.Logger:
    import logging  # 3 ms that a start need not wait for

    return logging.getLogger("s3batch_handler")
