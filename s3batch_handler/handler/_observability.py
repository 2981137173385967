"""Logger keys, metrics and traces of tasks, and a log line for each failed task.

The user passes in Powertools objects (``Logger``, ``Metrics``, ``Tracer``). Powertools is
not imported here: see :mod:`._types`. If a Powertools call fails, the exception
is logged, and the task continues.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial

from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final
from s3batch_handler.handler._logging import (
    cause_text,
    log_exceptions,
    log_keys,
    log_with,
    own_logger,
)
from s3batch_handler.handler._observation import Observation

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

    from s3batch_handler.core._model import Outcome, Task
    from s3batch_handler.handler._types import LoggerLike, MetricsLike, TracerLike


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
        """Add keys, metrics and a subsegment for a task while the ``with`` block runs.

        ============  =========================================================================
        Logger        all lines have the keys ``job_id``, ``task``, ``bucket``, ``key`` and
                      ``version_id``; afterwards the earlier keys are restored
        Tracer        a subsegment ``s3batch task``: annotation ``ResultCode``, bucket and key
                      as metadata
        Metrics       one of ``TaskSucceeded``, ``TaskTemporaryFailure`` and
                      ``TaskPermanentFailure``; ``TaskDuration``; and ``TimeLeft``, the time left
                      of the function's timeout after the task. No dimensions are added.
        ============  =========================================================================

        Several tasks may be observed at the same time, in threads and in tasks of an event loop.

        Args:
            task: The task.
            time_left: Seconds until the function's timeout; infinite if unknown.
        """
        observation = Observation()
        with ExitStack() as parts:
            if self._keyed is not None:
                parts.enter_context(_logger_keys(self._keyed, log_keys(task)))
            if self._tracer is not None:
                from s3batch_handler.handler._tracing import subsegment_of_task  # for the option

                parts.enter_context(subsegment_of_task(self._tracer, task, observation))
            if self._metrics is not None:
                parts.enter_context(self._task_metrics(self._metrics, observation, time_left))
            yield observation

    @contextmanager
    def _task_metrics(
        self, metrics: MetricsLike, observation: Observation, time_left: float
    ) -> Iterator[None]:
        """Add the result code of a task, its duration and the time left as metrics."""
        began = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - began
            # add_metric() of Powertools is not thread-safe.
            with log_exceptions("adding metrics"), self._metrics_lock:
                if observation.outcome is not None:
                    metrics.add_metric(f"Task{observation.outcome.code.value}", "Count", 1)
                metrics.add_metric("TaskDuration", "Milliseconds", round(seconds * 1000, 3))
                if time_left < math.inf:
                    left = max(0.0, time_left - seconds)
                    metrics.add_metric("TimeLeft", "Milliseconds", round(left * 1000, 3))

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
        with log_exceptions("logging a failed task"):
            logger = own_logger() if self._logger is None else self._logger
            is_warning = expected or outcome.code is ResultCode.TEMPORARY_FAILURE
            log = logger.warning if is_warning else logger.error
            parts = outcome.code.value, f"s3://{task.bucket}/{task.key}", outcome.message
            text = ": ".join(filter(None, parts))
            if error is not None and not traceback:
                text += cause_text(error, outcome.message)
                error = None
            extra = {**log_keys(task), "result_code": outcome.code.value}
            # The text is an argument, because Powertools parses a message that looks like JSON.
            log_with(error, partial(log, "%s", sanitize(text, _MAX_LINE), extra=extra))

    def log_warning(self, task: Task[Any, Any], text: str) -> None:
        """Log a problem that does not affect the outcome of the task."""
        with log_exceptions("logging a problem of a task"):
            logger = own_logger() if self._logger is None else self._logger
            line = sanitize(f"s3://{task.bucket}/{task.key}: {text}", _MAX_LINE)
            logger.warning("%s", line, extra=log_keys(task))


_MAX_LINE: Final = 4000  # characters: a key and a message of 1,024 each, all escaped


@contextmanager
def _logger_keys(logger: LoggerLike, keys: Mapping[str, object]) -> Iterator[None]:
    """Add keys to each line that is logged in the block.

    Powertools' thread-safe calls keep them in a context variable: other threads and other tasks of
    an event loop do not see them. They hide keys of the same name that the user set with
    ``append_keys``.
    """
    hidden: dict[str, Any] = {}
    with log_exceptions("setting logger keys"):
        current = logger.thread_safe_get_current_keys()
        hidden = {key: current[key] for key in keys if key in current}
        logger.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        with log_exceptions("removing logger keys"):
            logger.thread_safe_remove_keys(keys)
            if hidden:
                logger.thread_safe_append_keys(**hidden)
