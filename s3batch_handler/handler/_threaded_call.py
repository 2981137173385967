"""Call functions within a time limit in separate threads."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import sys
import threading
import warnings

from s3batch_handler.core._errors import OutOfTime, TemporaryFailure
from s3batch_handler.core._typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_A = TypeVar("_A")

MAX_SECONDS: Final = 1e7
"""No longer limit is enforced, because the timeout of a lock has a maximum."""


class ThreadTimeLimitWarning(UserWarning):
    """A time limit is enforced less strictly than in the main thread."""

    __module__ = "s3batch_handler"  # its public name, for messages


def call_in_other_thread(seconds: float, function: Callable[[_A], _T], argument: _A) -> _T:
    """Call the function in a separate thread, and warn that its time limit is less strict."""
    if seconds <= MAX_SECONDS:
        warnings.warn(
            "A time limit outside of the main thread of a Unix process is less strict: a task that "
            "exceeds it gets its result in time, but runs until its next Python instruction. Call "
            "the handler in the main thread, and not in a running event loop: an async handler in "
            "a test that is written with def, not with async def",
            ThreadTimeLimitWarning,
            stacklevel=2,
        )
    return call_in_thread(seconds, function, argument)


def call_in_thread(seconds: float, function: Callable[[_A], _T], argument: _A) -> _T:
    """Call the function in a separate thread, and abandon the thread when the time is over."""
    if seconds > MAX_SECONDS:
        return function(argument)
    return ThreadedCall(function, argument).result(max(seconds, 0))


class ThreadedCall(Generic[_T]):
    """A call in a separate thread, with the context variables of the calling thread."""

    def __init__(self, function: Callable[[_A], _T], argument: _A) -> None:
        self._value: _T | None = None
        self._error: BaseException | None = None
        self._is_running = self._is_abandoned = False
        self._lock = threading.Lock()
        run = functools.partial(contextvars.copy_context().run, self._run, function, argument)
        self._thread = threading.Thread(target=run, name="s3batch-task", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # too many threads, or no memory
            raise TemporaryFailure(f"not started: {error}") from error

    def result(self, seconds: float | None = None) -> _T:
        """Return the result of the call, or raise its exception, after at most ``seconds``.

        Raises:
            OutOfTime: The call takes longer. Its thread is abandoned.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._interrupt()
            raise OutOfTime
        if self._error is not None:
            raise self._error
        return cast("_T", self._value)

    def _run(self, function: Callable[[_A], _T], argument: _A) -> None:
        # The interruption may be raised late, while the result is being stored.
        with contextlib.suppress(OutOfTime):
            try:
                with self._lock:
                    self._is_running = not self._is_abandoned
                if self._is_running:
                    self._value = function(argument)
            except BaseException as error:  # raised in the waiting thread
                self._error = error
            finally:
                with self._lock:
                    self._is_running = False

    def _interrupt(self) -> None:
        """Raise OutOfTime in the thread at its next Python instruction, unless it has ended.

        A call that has not begun is never made.
        """
        with self._lock:
            self._is_abandoned = True
        if sys.hexversion < 0x030C0000:
            # While such an exception is pending, CPython 3.11 runs no signal handler to its end, so
            # the main thread would have no time limits. (Seen on 3.11.7.)
            return
        import ctypes  # rarely needed

        with self._lock:
            if self._is_running:
                thread = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(OutOfTime))
