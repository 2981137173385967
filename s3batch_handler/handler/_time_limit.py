"""How much time an invocation has left, and ending a task before Lambda ends the function.

A function that is still running at its timeout is killed, and S3 reports all its tasks as
PermanentFailure; a task that is ended just before can still be answered TemporaryFailure.

In the main thread, where Lambda calls the function, a signal ends the task: it interrupts Python
code, sleeps and blocking reads. A watchdog thread sends the signal, so tasks and frameworks may use
timers and ``SIGALRM``. Elsewhere (another thread, Windows) the task runs in its own thread, which
is abandoned when its time is over.
"""

from __future__ import annotations

import _thread
import contextlib
import contextvars
import functools
import math
import os
import signal
import sys
import threading
import warnings
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

from s3batch_handler.core._errors import OutOfTime, TemporaryFailure
from s3batch_handler.handler._interruption import LOOK_AGAIN, Limit, function_with_limit
from s3batch_handler.handler._kernel_timer import KernelTimer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from s3batch_handler.handler._interruption import Interruptible

_T = TypeVar("_T")
_A = TypeVar("_A")


def deadline_of(context: object, reserve: float) -> float:
    """Give the moment by which an invocation must be answered, on the monotonic clock.

    That is when ``reserve`` seconds remain of what Lambda's context says is left. A context that
    cannot tell (``None``, a fake) means no deadline; one that tells 0 means that the time is over.
    """
    try:
        left = context.get_remaining_time_in_millis()  # type: ignore[attr-defined]
        if isinstance(left, (int, float)) and left == left:  # noqa: PLR0124  no NaN
            return monotonic() + left / 1000 - reserve
    except Exception:  # no context is worth failing a task over
        return math.inf
    return math.inf


class ThreadTimeLimitWarning(UserWarning):
    """A time limit is enforced less strictly than in the main thread."""


class _CallWithin(Protocol):
    def __call__(
        self,
        seconds: float,
        function: Callable[[_A], _T],
        argument: _A,
        reserve: float = ...,
        interruptible: Interruptible | None = None,
        /,
    ) -> _T: ...


call_within: _CallWithin
"""Call ``function(argument)``, for at most ``seconds`` (infinite: for as long as it takes).

The function is interrupted when its time is over. Code that continues is interrupted again, first
after half of ``reserve`` seconds, then at shorter and shorter intervals, so that it has ended when
a tenth of the reserve is left; see :class:`~s3batch_handler.handler._interruption.Limit`.

``interruptible`` says when an interruption is safe, if not every function may be interrupted.

Raises:
    OutOfTime: The time was over before the function ended. Its cause is the exception that the
        function raised when it was interrupted.
"""


_FOREVER: Final = 1e7
"""Seconds beyond which no limit is enforced, because the timeout of a lock has a maximum."""


# ---------------------------------------------------------------- in the main thread: a watchdog


class _Watchdog:
    """Run calls within time limits in the main thread, and the thread that interrupts them.

    The thread sleeps until the limit of the current call, then sends a signal to the main thread.
    The first call starts the thread. A call makes no system call if its limit is later than the
    time at which the thread will wake up, which is nearly always the case.

    A timer of the operating system sends the signal, too, if the thread cannot: see
    :mod:`s3batch_handler.handler._kernel_timer`.

    The signal is ``SIGURG``: few programs use it, and a process without a handler ignores it. (The
    Go runtime interrupts its own threads with it, for the same reasons.) The handler checks the
    clock, so a late or foreign signal does no harm.
    """

    def __init__(self) -> None:
        self._limit: Limit | None = None
        self._earlier: Any = None  # the user's handler of the signal
        self._on_signal = self._handle_signal  # bound once, because it is compared by identity
        self._pending_call: Any = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Reset the state; a forked process inherits neither the thread nor the timer."""
        self._limit = None
        self._timer: KernelTimer | None = None
        self._is_started = False
        self._wakes_at = self._rung_for = math.inf
        self._bell = _thread.allocate_lock()
        self._bell.acquire()

    def call_within(
        self,
        seconds: float,
        function: Callable[[_A], _T],
        argument: _A,
        reserve: float = 1.0,
        interruptible: Interruptible | None = None,
    ) -> _T:
        if _get_ident() != _main_ident:
            return _call_elsewhere(seconds, function, argument)
        if seconds > _FOREVER:
            return function(argument)
        outer = self._limit
        limit = Limit(monotonic() + seconds, reserve, interruptible)
        if outer is not None:
            limit.stay_within(outer)
        if _getsignal(_SIGNAL) is not self._on_signal:
            self._install()
        # Python handles signals when a function begins, when a C function returns and in loops, but
        # not between the next assignment and the line after it.
        self._limit = limit
        try:
            if limit.next < self._wakes_at:
                self._wake(limit)
            return function(argument)
        except BaseException as error:
            if limit.interruptions:
                self._limit = None
                if type(error) is not OutOfTime:  # the function raised another exception
                    stopped = OutOfTime()
                    stopped.module = limit.module
                    raise stopped from error
                error.module = error.module or limit.module
            raise
        finally:
            self._limit = None
            if limit.was_due:
                limit.end()
            if outer is not None:
                self._limit = outer
                if outer.next < self._wakes_at:
                    self._wake(outer)

    def lift(self) -> None:
        """Remove the limit of the current call; the next call has its limit again."""
        self._limit = None

    def forget_interruption(self) -> None:
        """Remove an OutOfTime that is left as the exception being handled, outside of all handlers.

        Interrupting every instruction may leave one behind. Python would attach it as the context
        to all later exceptions of the process, which then look like interruptions.
        """
        if self._limit is None and type(sys.exception()) is OutOfTime:
            import ctypes  # rarely needed

            ctypes.pythonapi.PyErr_SetHandledException(None)

    def _install(self, *_: object) -> int:
        earlier = _signal(_SIGNAL, self._on_signal)
        if earlier is not self._on_signal:  # it may have been installed meanwhile
            self._earlier = earlier
        return 0

    def _handle_signal(self, signum: int, frame: FrameType | None) -> None:
        limit, now = self._limit, monotonic()
        if limit is not None and now >= limit.next and frame is not None:
            if frame.f_code is not _Watchdog._install.__code__:  # ctypes would ignore an exception
                limit.interrupt(frame, now)
            return
        if limit is None and self._timer is not None and not self._is_started:
            self._timer.set(math.inf)
        if callable(self._earlier):
            self._earlier(signum, frame)

    # ------------------------------------------------------------ the thread

    def _wake(self, limit: Limit) -> None:
        """Set the timer and wake the thread, because both would come after the limit."""
        self._rung_for = limit.next
        if self._timer is None:
            self._timer = KernelTimer(_SIGNAL, LOOK_AGAIN)
        self._timer.set(limit.next)
        if self._is_started:
            with contextlib.suppress(RuntimeError):  # the bell has already been rung
                self._bell.release()
            return
        self._is_started = True
        try:
            _thread.start_new_thread(self._watch, (self._timer,))
        except RuntimeError:  # no thread can be started: the timer has to do
            self._is_started = False

    def _watch(self, timer: KernelTimer) -> None:
        unanswered: float | None = None
        while True:
            now, limit = monotonic(), self._limit
            # Without a call the thread sleeps until the limit of the last call: the next call is
            # due later, and does not have to wake the thread.
            due = self._rung_for if limit is None else limit.next
            if limit is not None and due <= now:
                _pthread_kill(_main_ident, _SIGNAL)
                if due == unanswered:
                    # The main thread may have blocked the signal. Any thread can receive it, and
                    # Python runs the handler in the main thread, but not during a sleep.
                    _raise_signal(_SIGNAL)
                    if _getsignal(_SIGNAL) is not self._on_signal:
                        self._install_soon()
                unanswered = due
                self._wakes_at = now + LOOK_AGAIN
            else:
                self._wakes_at = due if due > now else math.inf
                timer.set(self._wakes_at + LOOK_AGAIN)
                # From here on, a call with an earlier limit wakes the thread. A call that began
                # before is found here.
                limit = self._limit
                if limit is not None and limit.next < self._wakes_at:
                    continue
            seconds = self._wakes_at - monotonic()
            self._bell.acquire(timeout=max(seconds, 0) if seconds < math.inf else -1)

    def _install_soon(self) -> None:
        """Ask the main thread to install the signal handler again, because the task replaced it.

        Only the main thread can do it. It does so before its next Python instruction.
        """
        with contextlib.suppress(Exception):  # the watchdog must go on
            import ctypes  # rarely needed

            if self._pending_call is None:  # it must live until it is called
                signature = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
                self._pending_call = signature(self._install)
            ctypes.pythonapi.Py_AddPendingCall(self._pending_call, None)


# ---------------------------------------------------------------- elsewhere: a thread


def _call_elsewhere(
    seconds: float,
    function: Callable[[_A], _T],
    argument: _A,
    reserve: float = 0.0,  # noqa: ARG001  a thread is interrupted once, then abandoned
    interruptible: Interruptible | None = None,  # noqa: ARG001
) -> _T:
    if seconds > _FOREVER:
        return function(argument)
    warnings.warn(
        "time limits work best in the main thread of a Unix process; here a task that runs out of "
        "time is answered in time, but continues until its next Python instruction",
        ThreadTimeLimitWarning,
        stacklevel=2,
    )
    return call_in_thread(seconds, function, argument)


def call_in_thread(seconds: float, function: Callable[[_A], _T], argument: _A) -> _T:
    """Call the function in its own thread, and abandon the thread when the time is over."""
    if seconds > _FOREVER:
        return function(argument)
    return ThreadedCall(function, argument).result(max(seconds, 0))


class ThreadedCall(Generic[_T]):
    """A call in a thread of its own, with the context variables of the thread that made it."""

    def __init__(self, function: Callable[[_A], _T], argument: _A) -> None:
        self._value: _T | None = None
        self._error: BaseException | None = None
        self._is_running = self._is_left = False
        self._lock = threading.Lock()
        run = functools.partial(contextvars.copy_context().run, self._run, function, argument)
        self._thread = threading.Thread(target=run, name="s3batch-task", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # too many threads, or no memory
            raise TemporaryFailure(f"not started: {error}") from error

    def result(self, seconds: float | None = None) -> _T:
        """Wait for what comes of the call, for at most ``seconds``, and raise what it raises.

        Raises:
            OutOfTime: The time was over first; the thread is left behind.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._interrupt()
            raise OutOfTime
        if self._error is not None:
            raise self._error
        return cast("_T", self._value)

    def _run(self, function: Callable[[_A], _T], argument: _A) -> None:
        # The interruption may come late, while the result is being stored.
        with contextlib.suppress(OutOfTime):
            try:
                with self._lock:
                    self._is_running = not self._is_left
                if self._is_running:
                    self._value = function(argument)
            except BaseException as error:  # handed to the thread that waits
                self._error = error
            finally:
                with self._lock:
                    self._is_running = False

    def _interrupt(self) -> None:
        """Raise OutOfTime in the thread, at its next Python instruction, unless it is over.

        If the call has not even begun, it never does.
        """
        with self._lock:
            self._is_left = True
        if sys.hexversion < 0x030C0000:
            # As long as such an exception waits for a thread, CPython 3.11 runs no signal handler
            # to its end: the main thread would have no time limits. (Seen on 3.11.7.)
            return
        import ctypes  # not worth its import time where signals do

        with self._lock:
            if self._is_running:
                thread = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(OutOfTime))


# ---------------------------------------------------------------- the way that this process has


if hasattr(signal, "pthread_kill") and hasattr(signal, "SIGURG"):
    # signal.getsignal() looks the handler up among the members of an enum: 3 µs, on each call.
    from _signal import getsignal as _getsignal  # type: ignore[import-not-found]
    from _signal import signal as _signal

    _SIGNAL = signal.SIGURG
    _pthread_kill, _raise_signal = signal.pthread_kill, signal.raise_signal
    _get_ident, _main_ident = threading.get_ident, cast("int", threading.main_thread().ident)
    _watchdog = _Watchdog()
    call_within = _watchdog.call_within
    forget_interruption = _watchdog.forget_interruption
    function_with_limit.append(_Watchdog.call_within.__code__)

    def in_main_thread() -> bool:
        """Return whether a call within a time limit runs in the calling thread."""
        return _get_ident() == _main_ident

    def lift_limit() -> None:
        """Switch off the time limit of the call that runs in the main thread, as a debugger does.

        It does nothing in another thread.
        """
        if in_main_thread():
            _watchdog.lift()

    def _begin_anew() -> None:
        """Reset the state in a forked process; its main thread is the thread that forked it."""
        global _main_ident  # noqa: PLW0603
        _main_ident = cast("int", threading.main_thread().ident)
        _watchdog.begin_anew()

    os.register_at_fork(after_in_child=_begin_anew)
else:
    call_within = _call_elsewhere

    def forget_interruption() -> None:
        pass

    def in_main_thread() -> bool:
        return False

    def lift_limit() -> None:
        """Do nothing: a call that runs in a thread of its own cannot be told to take longer."""
