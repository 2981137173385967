"""Convert the failures of tasks to outcomes, and log them."""

from __future__ import annotations

import math
from contextlib import suppress
from importlib import import_module
from time import monotonic

from s3batch_handler.core._errors import OutOfTime, TaskFailure
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final, TypeVar
from s3batch_handler.handler import _options as check
from s3batch_handler.handler._cleanup import clear_frames, leak_suspended_coroutines
from s3batch_handler.handler._interruption import find_out_of_time
from s3batch_handler.handler._result_errors import InvalidReturnValue
from s3batch_handler.handler._threaded_call import call_in_thread
from s3batch_handler.handler._time_limit import call_within, in_main_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.core._classification import Classification
    from s3batch_handler.core._model import Task
    from s3batch_handler.handler._observability import Observer
    from s3batch_handler.handler._types import HandlerOptions

_T = TypeVar("_T")


def load_modules_for_failures() -> bool:
    """Import the modules that only a failed task needs, and return whether that was possible.

    Loading them when the package is imported would make each cold start slower. A task that fails
    loads them within its own time limit, because the time reserve after it may be short.
    """
    with suppress(Exception):
        import_module("s3batch_handler.core._error_text")
        import_module("s3batch_handler.core._logged_exceptions")
        return True
    return False


class FailureHandler:
    """Converts the exceptions of a function's tasks to outcomes, and logs failed tasks.

    Code of the user's exceptions, loggers and classifier may fail or take too long. It is called
    by :meth:`call_safely`.
    """

    def __init__(
        self,
        function: Callable[..., object],
        observer: Observer,
        time_reserve: float,
        options: HandlerOptions,
    ) -> None:
        self._function = function
        self._observer = observer
        self._time_reserve = time_reserve
        self._classify = check.function_or_none("classify", options["classify"])
        self._retry_on = check.exception_classes("retry_on", options["retry_on"])
        self._give_up_on = check.exception_classes("give_up_on", options["give_up_on"])
        unexpected = options["unexpected"]
        self._unexpected = None if unexpected == "raise" else ResultCode(unexpected)
        self._on_timeout = ResultCode(options["on_timeout"])

    def outcome_of(
        self,
        task: Task[Any, Any],
        error: BaseException,
        seconds: float,
        deadline: float,
        *,
        activity: str = "",
    ) -> Outcome:
        """Return the outcome of a task that raised, or raise again (``unexpected="raise"``).

        Args:
            task: The task.
            error: The exception.
            seconds: The time limit of the task.
            deadline: The deadline of the invocation.
            activity: What was done for the task, for the message of an interruption; by default,
                the function was called.
        """
        stopped = find_out_of_time(error)
        if stopped is None:
            outcome = self._classified(task, error, deadline)
        elif seconds <= 0:  # logging that the task was not started took too long
            return self.not_started(task, deadline)
        else:
            outcome = self._timed_out(task, error, stopped, seconds, deadline, activity=activity)
            self.call_safely(leak_suspended_coroutines, deadline)
        self.call_safely(lambda: clear_frames(error), deadline)
        return outcome

    def not_started(self, task: Task[Any, Any], deadline: float) -> Outcome:
        """Log and return the outcome of a task for which there is no time left."""
        message = f"not started: less than the time_reserve of {self._time_reserve:g} s is left"
        outcome = Outcome(self._on_timeout, message)
        self.call_safely(lambda: self._observer.log_failure(task, outcome, None), deadline)
        return outcome

    def log_returned(self, task: Task[Any, Any], outcome: Outcome, deadline: float) -> None:
        """Log a failure that the function returned, as if it had raised it."""
        self.call_safely(
            lambda: self._observer.log_failure(task, outcome, None, expected=True), deadline
        )

    def log_warning(self, task: Task[Any, Any], text: str, deadline: float) -> None:
        """Log a problem that does not affect the outcome of the task."""
        self.call_safely(lambda: self._observer.log_warning(task, text), deadline)

    def call_safely(self, function: Callable[[], _T], deadline: float) -> _T | None:
        """Call a function, and return ``None`` if it fails or takes too long.

        It may use half of the time that is left of the reserve.
        """
        left = deadline + self._time_reserve - monotonic()
        seconds = max(left / 2, _MIN_SECONDS)
        with suppress(BaseException):
            if in_main_thread():
                return call_within(seconds, lambda _: function(), None, left - seconds)
            return call_in_thread(seconds, lambda _: function(), None)
        return None

    def _classified(self, task: Task[Any, Any], error: BaseException, deadline: float) -> Outcome:
        try:
            from s3batch_handler.core._classification import (
                Classification,
                classify,
                needs_traceback,
            )
            from s3batch_handler.core._error_text import describe
        except Exception as problem:  # for example because the task has left too many files open
            return self._unclassified(task, error, problem, deadline)
        classification = Classification(None, None)
        message = "an exception that could not be described"

        def classify_and_describe() -> None:
            nonlocal classification, message
            message = f"{type(error).__name__}, which could not be described"
            classification = classify(
                error, classify=self._classify, retry_on=self._retry_on, give_up_on=self._give_up_on
            )
            message = describe(error, classification.source)

        self.call_safely(classify_and_describe, deadline)
        code = classification.code or self._unexpected
        if code is None:
            if issubclass(type(error), Exception):  # isinstance() would run code of the object
                raise error
            code = ResultCode.PERMANENT_FAILURE  # sys.exit() must not end the environment
        outcome = Outcome(code, message)

        def log() -> None:
            expected = self._is_expected(classification)
            traceback = not expected and needs_traceback(classification)
            self._observer.log_failure(task, outcome, error, expected=expected, traceback=traceback)

        self.call_safely(log, deadline)
        return outcome

    def _unclassified(
        self, task: Task[Any, Any], error: BaseException, problem: Exception, deadline: float
    ) -> Outcome:
        """Return a temporary failure, because the failure of the task may be one."""
        message = f"{type(error).__name__}, which could not be classified: {type(problem).__name__}"
        outcome = Outcome(ResultCode.TEMPORARY_FAILURE, message)
        self.call_safely(lambda: self._observer.log_failure(task, outcome, None), deadline)
        return outcome

    def _is_expected(self, classification: Classification) -> bool:
        """Return whether the user raised a TaskFailure or classified the exception by an option.

        For an exception group, this must be true of all exceptions in it.
        """
        from s3batch_handler.core._classification import classify
        from s3batch_handler.core._inspection import leaf_exceptions

        code, source = classification
        if source is None:
            return False
        named: tuple[type[BaseException], ...] = (TaskFailure, *self._retry_on, *self._give_up_on)
        are_named = all(
            isinstance(leaf, named) and not isinstance(leaf, InvalidReturnValue)
            for leaf in leaf_exceptions(source)
        )
        return are_named or classify(source).code is not code

    def _timed_out(
        self,
        task: Task[Any, Any],
        error: BaseException,
        stopped: OutOfTime,
        seconds: float,
        deadline: float,
        *,
        activity: str,
    ) -> Outcome:
        place = stopped.place or self.call_safely(
            lambda: place_of(error.__cause__ or error, self._function), deadline
        )
        # Without a limit of its own, it was stopped by that of a task that has called the handler.
        after = f" after {seconds:.1f} s" if seconds < math.inf else ""
        message = f"stopped{after}{place or ''}{activity}: out of time"
        if stopped.module:
            message += (
                f"; the import of {stopped.module} was interrupted, "
                "so later tasks in this environment may fail"
            )
        outcome = Outcome(self._on_timeout, message)
        # A slow import uses half of the reserve; the line is then logged without a traceback.
        loaded = self.call_safely(load_modules_for_failures, deadline)
        logged = error if loaded else None
        self.call_safely(lambda: self._observer.log_failure(task, outcome, logged), deadline)
        return outcome


_MIN_SECONDS: Final = 0.01


def place_of(error: BaseException, function: Callable[..., object]) -> str:
    """Return the innermost function and line of the user's code in a traceback."""
    if hasattr(function, "__wrapped__"):
        from inspect import unwrap  # slow

        function = unwrap(function)
    code = getattr(function, "__code__", None)
    place, step = "", error.__traceback__
    while code is not None and step is not None:
        frame = step.tb_frame.f_code
        if frame.co_filename == code.co_filename:
            line: int | None = step.tb_lineno  # None between two lines
            place = f" in {frame.co_name}()" + (f", line {line}" if line else "")
        step = step.tb_next
    return place
