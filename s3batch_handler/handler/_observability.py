"""Logger keys, metrics and traces of tasks, and a log line for each failed task.

The user passes in Powertools objects (``Logger``, ``Metrics``, ``Tracer``). The protocols list the
methods that are used, so Powertools is not imported here. If a Powertools call fails, the exception
is logged, and the task continues.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import TaskFailure
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._redaction import redact_exception
from s3batch_handler.core._sanitize import escape_surrogates, sanitize

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from s3batch_handler.core._model import Outcome, Task


class LoggerLike(Protocol):
    """The used methods of a Powertools ``Logger``."""

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
    """The used methods of a Powertools ``Metrics``."""

    def add_metric(self, name: str, unit: str, value: float) -> None: ...


class TracerLike(Protocol):
    """The used attribute of a Powertools ``Tracer``."""

    @property
    def provider(self) -> ProviderLike: ...


class ProviderLike(Protocol):
    """The used methods of a tracer's provider, which is usually the X-Ray recorder."""

    def in_subsegment(self, name: str) -> AbstractContextManager[SubsegmentLike]: ...


class SubsegmentLike(Protocol):
    """The used methods of a subsegment."""

    def put_annotation(self, key: str, value: str) -> None: ...
    def put_metadata(self, key: str, value: Any, namespace: str) -> None: ...


class Observation:
    """A task that is observed. Set ``outcome`` before the ``with`` block ends."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome: Outcome | None = None


class Observer:
    """Observes tasks with the user's logger, metrics and tracer, and logs failed tasks.

    Attributes:
        active: Whether a task that succeeds has to be observed. This is False with a logger of the
            standard library alone, which has no keys to set.
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
    def observe(self, task: Task[Any, Any], time_left: float) -> Iterator[Observation]:
        """Observe a task until the ``with`` block ends, with or without an exception.

        ============  =========================================================================
        Logger        all lines have the keys ``job_id``, ``task``, ``bucket``, ``key`` and
                      ``version_id``; afterwards the earlier keys are restored
        Tracer        a subsegment ``s3batch task``: annotation ``ResultCode``, bucket and key
                      as metadata
        Metrics       one of ``TaskSucceeded``, ``TaskTemporaryFailure`` and
                      ``TaskPermanentFailure``; ``TaskDuration``; and ``TimeLeft``, the time left
                      of the function's timeout after the task. No dimensions are added.
        ============  =========================================================================

        Several tasks may be observation at a time, in threads and in tasks of an event loop.

        Args:
            task: The task.
            time_left: Seconds until the function's timeout; infinite if unknown.
        """
        observation = Observation()
        with ExitStack() as parts:
            if self._keyed is not None:
                parts.enter_context(_LoggerKeys(self._keyed, task))
            if self._tracer is not None:
                parts.enter_context(_Subsegment(self._tracer, task, observation))
            if self._metrics is not None:
                metrics_of_task = _TaskMetrics(
                    self._metrics, self._metrics_lock, observation, time_left
                )
                parts.enter_context(metrics_of_task)
            yield observation

    def log_failure(
        self,
        task: Task[Any, Any],
        outcome: Outcome,
        error: BaseException | None,
        *,
        expected: bool = False,
        traceback: bool = True,
    ) -> None:
        """Log one line for a failed task, with or without a traceback.

        It is a warning if S3 retries the task or if the failure was ``expected``, otherwise an
        error. It has the keys of :meth:`observe` and ``result_code`` as fields. If the user has
        passed no logger, the line goes to the logger ``s3batch_handler``.
        """
        with _log_exceptions("logging a failed task"):
            logger = _own_logger() if self._logger is None else self._logger
            is_warning = expected or outcome.code is ResultCode.TEMPORARY_FAILURE
            log = logger.warning if is_warning else logger.error
            text = f"{outcome.code.value}: s3://{task.bucket}/{task.key}"
            if outcome.message:
                text += f": {outcome.message}"
            if error is not None and not traceback:
                text += _cause_text(error, outcome.message)
            _log_with(
                error if traceback else None,
                # Passed as an argument, because Powertools parses a message that looks like JSON.
                partial(
                    log,
                    "%s",
                    sanitize(text, _MAX_LINE),
                    extra={**_log_keys(task), "result_code": outcome.code.value},
                ),
            )


_MAX_LINE: Final = 4000  # characters: a key and a message of 1,024 each, all escaped


# ---------------------------------------------------------------- the parts of an observation


class _LoggerKeys:
    """Adds the task's keys to each line that is logged in the block.

    Powertools' thread-safe calls keep them in a context variable: other threads and other tasks of
    an event loop do not see them. They hide keys of the same name that the user set with
    ``append_keys``.
    """

    def __init__(self, logger: LoggerLike, task: Task[Any, Any]) -> None:
        self._logger = logger
        self._keys = _log_keys(task)
        self._hidden: dict[str, Any] = {}

    def __enter__(self) -> None:
        with _log_exceptions("setting logger keys"):
            current = self._logger.thread_safe_get_current_keys()
            self._hidden = {key: current[key] for key in self._keys if key in current}
            self._logger.thread_safe_append_keys(**self._keys)

    def __exit__(self, *_: object) -> None:
        with _log_exceptions("removing logger keys"):
            self._logger.thread_safe_remove_keys(self._keys)
            if self._hidden:
                self._logger.thread_safe_append_keys(**self._hidden)


class _TaskMetrics:
    """Adds the task's result code, its duration and the time left as metrics."""

    def __init__(
        self,
        metrics: MetricsLike,
        lock: threading.Lock,
        observation: Observation,
        time_left: float,
    ) -> None:
        self._metrics = metrics
        self._lock = lock
        self._observation = observation
        self._time_left = time_left
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._began
        # add_metric() of Powertools is not thread-safe.
        with _log_exceptions("adding metrics"), self._lock:
            if self._observation.outcome is not None:
                name = f"Task{self._observation.outcome.code.value}"
                self._metrics.add_metric(name, "Count", 1)
            self._add_milliseconds("TaskDuration", seconds)
            if self._time_left < math.inf:
                self._add_milliseconds("TimeLeft", max(0.0, self._time_left - seconds))

    def _add_milliseconds(self, name: str, seconds: float) -> None:
        self._metrics.add_metric(name, "Milliseconds", round(seconds * 1000, 3))


class _Subsegment:
    """The task's subsegment of the trace, with the subsegments of its calls below it."""

    def __init__(self, tracer: TracerLike, task: Task[Any, Any], observation: Observation) -> None:
        self._tracer = tracer
        self._task = task
        self._observation = observation
        self._block: AbstractContextManager[SubsegmentLike | None] | None = None
        self._subsegment: SubsegmentLike | None = None

    def __enter__(self) -> None:
        with _log_exceptions("opening a subsegment"):
            block = _subsegment_block(self._tracer.provider)
            self._subsegment = block.__enter__()
            self._block = block
        _open.count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _open.count -= 1
        with _log_exceptions("annotating a subsegment"):
            if self._subsegment is not None:  # None outside of a traced invocation
                self._annotate(self._subsegment)
        with _log_exceptions("closing a subsegment"):
            if self._block is not None:
                self._block.__exit__(kind, error, trace)

    def _annotate(self, subsegment: SubsegmentLike) -> None:
        if self._observation.outcome is not None:
            subsegment.put_annotation("ResultCode", self._observation.outcome.code.value)
        for name in ("bucket", "key"):
            subsegment.put_metadata(name, _log_keys(self._task)[name], "s3batch")


class _OpenSubsegments(threading.local):
    """The open subsegments of tasks in a thread; more than one only in an event loop."""

    count = 0
    parent: Any = None


_open = _OpenSubsegments()

_SUBSEGMENT: Final = "s3batch task"


def _subsegment_block(provider: Any) -> AbstractContextManager[Any]:
    if _open.count:
        return _sibling_subsegment(provider, _open.parent)
    _open.parent = getattr(provider, "get_trace_entity", lambda: None)()
    block: AbstractContextManager[Any] = provider.in_subsegment(_SUBSEGMENT)
    return block


@contextmanager
def _sibling_subsegment(provider: Any, parent: Any) -> Iterator[Any]:
    """Open a subsegment with the same parent as one that is open in this thread.

    The X-Ray SDK keeps one stack of open subsegments per thread, so tasks that alternate in an
    event loop would become each other's children and close each other (aws-xray-sdk-python,
    issue 164). A new thread has a new stack, whose first entity is the parent.
    """
    begun: list[Any] = []

    def begin() -> None:
        with _log_exceptions("opening a subsegment"):
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
            provider.stream_subsegments()  # it may not be sent later


# ---------------------------------------------------------------- logging


def _log_keys(task: Task[Any, Any]) -> dict[str, str | None]:
    """Return the keys for log lines of a task, without user arguments, which may be secret."""
    return {
        "job_id": task.job.id,
        "task": _short_hash(task.id),
        "bucket": escape_surrogates(task.bucket),
        "key": escape_surrogates(task.key),
        "version_id": task.version_id,
    }


def _short_hash(task_id: str) -> str:
    """Return 12 hex digits for a task ID, because IDs of S3 exceed a thousand characters."""
    import hashlib  # loads OpenSSL, which is slow

    return hashlib.blake2s(task_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _cause_text(error: BaseException, message: str) -> str:
    """Return the description of the cause of a TaskFailure, unless its message contains it."""
    cause = error.__cause__
    if not isinstance(error, TaskFailure) or cause is None:
        return ""
    words = describe(cause)
    return "" if words in message else f", caused by {words}"


def _log_with(error: BaseException | None, log: Callable[..., None]) -> None:
    """Log an exception without credentials.

    A redacted copy is raised and handled while it is logged, because a Powertools Logger with a
    buffer (3.37) logs the exception that is being handled, not the one in ``exc_info``.
    """
    shown = None if error is None else redact_exception(error)
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


class _log_exceptions:  # noqa: N801  a context manager, used like a function
    """Suppresses exceptions in the block, and logs them."""

    def __init__(self, action: str) -> None:
        self._action = action

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
            _log_with(error, partial(warn, "%s failed; the task is not affected", self._action))
        return True


def _own_logger() -> logging.Logger:
    import logging  # 3 ms

    return logging.getLogger("s3batch_handler")
