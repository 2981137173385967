"""Call functions within a time limit, so that a task ends before Lambda's timeout.

Lambda stops a function at its timeout, and S3 reports all its tasks as PermanentFailure. A task
that is interrupted before can still get the result TemporaryFailure.

In the main thread, where Lambda calls the function, a signal interrupts the task, even during
sleeps and blocking reads. A watchdog thread sends the signal, so tasks and frameworks may use
timers and ``SIGALRM``. In other threads and on Windows, the task runs in a separate thread, which
is abandoned when its time is over.
"""

from __future__ import annotations

# The module signal creates enums, which would take 0.6 ms of each cold start, and 3 µs of each
# invocation.
import _signal as signal  # type: ignore[import-not-found]
import _thread
import contextlib
import os
import sys
import threading
from math import inf
from threading import get_ident
from time import monotonic, sleep

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from s3batch_handler.handler._frames import outermost_codes
from s3batch_handler.handler._interruption import CHECK_INTERVAL, CallLimit
from s3batch_handler.handler._kernel_timer import KernelTimer
from s3batch_handler.handler._threaded_call import MAX_SECONDS, call_in_other_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from s3batch_handler.handler._interruption import Interruptible

_T = TypeVar("_T")
_A = TypeVar("_A")


def deadline_of(context: object, reserve: float) -> float:
    """Return the deadline of an invocation on the monotonic clock.

    It is ``reserve`` seconds before the function's timeout, as the context of Lambda states it.
    With another context (``None``, a fake) there is no deadline.
    """
    try:
        left = context.get_remaining_time_in_millis()  # type: ignore[attr-defined]
        if isinstance(left, (int, float)) and left < inf:  # also not NaN
            return monotonic() + left / 1000 - reserve
    except Exception:  # a context of a test may raise anything
        return inf
    return inf


_CAN_INTERRUPT: Final = hasattr(signal, "pthread_kill") and hasattr(signal, "SIGURG")
"""Windows has no signals for threads."""

_MAX_CHECKS: Final = 10
"""Maximum number of checks of code that delays interruptions, after the clock was advanced."""

_SIGNAL: Final = getattr(signal, "SIGURG", 0)


class _Watchdog:
    """Runs calls within time limits in the main thread, and the thread that interrupts them.

    The thread sleeps until the limit of the current call, then sends a signal to the main thread.
    The first call starts the thread. A call makes no system call if its limit is later than the
    time at which the thread will wake up, which is nearly always the case.

    A timer of the operating system also sends the signal, in case the thread cannot run: see
    :mod:`s3batch_handler.handler._kernel_timer`.

    The signal is ``SIGURG``: few programs use it, and a process without a handler ignores it. (The
    Go runtime interrupts its threads with it for the same reasons.) The handler checks the clock,
    so a signal that is late or sent by other code has no effect.
    """

    def __init__(self) -> None:
        self._user_handler: Any = None  # the user's handler of the signal
        self._on_signal = self._handle_signal  # bound once, because it is compared by identity
        self._pending_call: Any = None
        self.reset()

    def reset(self) -> None:
        """Reset the state, because a forked process has neither the thread nor the timer.

        Its main thread is the thread that forked it.
        """
        self._main_thread = cast("int", threading.main_thread().ident if _CAN_INTERRUPT else None)
        self._limit: CallLimit | None = None
        self._timer: KernelTimer | None = None
        self._is_started = False
        self._wakes_at = self._wake_up_for = inf
        self._wake_up = _thread.allocate_lock()
        self._wake_up.acquire()

    def call_within(
        self,
        seconds: float,
        function: Callable[[_A], _T],
        argument: _A,
        reserve: float = 1.0,
        interruptible: Interruptible | None = None,
    ) -> _T:
        """Call ``function(argument)`` for at most ``seconds`` (infinite: without a limit).

        The function is interrupted when its time is over. Code that continues is interrupted again,
        until it ends within ``reserve`` seconds: see :class:`CallLimit`. It can be interrupted
        anywhere, or where ``interruptible`` allows it.

        Raises:
            OutOfTime: The time is over. Its cause is the function's last exception.
        """
        if get_ident() != self._main_thread:
            return call_in_other_thread(seconds, function, argument)
        if seconds > MAX_SECONDS:
            return function(argument)
        outer = self._limit
        limit = CallLimit(monotonic() + seconds, reserve, interruptible)
        if outer is not None:
            limit.stay_within(outer)
        if signal.getsignal(_SIGNAL) is not self._on_signal:
            self._install()
        # Python runs signal handlers when a function begins, when a C function returns and in
        # loops, but not between the next assignment and the `try` after it.
        self._limit = limit
        try:
            if limit.next < self._wakes_at:
                self._wake(limit)
            return function(argument)
        except BaseException as error:
            if limit.interruptions:
                self._limit = None
                stopped = error if type(error) is OutOfTime else OutOfTime()
                stopped.module = stopped.module or limit.module
                if stopped is not error:  # the function raised another exception
                    raise stopped from error
            raise
        finally:
            self._limit = None
            if limit.was_due:
                limit.end()
            if outer is not None:
                self._limit = outer
                if outer.next < self._wakes_at:
                    self._wake(outer)

    def in_main_thread(self) -> bool:
        """Return whether a call within a time limit runs in the calling thread."""
        return get_ident() == self._main_thread

    def lift_limit(self) -> None:
        """Remove the time limit of the call that runs in the main thread, as a debugger does.

        In another thread, this does nothing.
        """
        if self.in_main_thread():
            self._limit = None

    def check_limit(self) -> None:
        """Interrupt the current call if its time is over, after a test has advanced the clock.

        The watchdog thread would otherwise sleep until the real time is over. An interruption that
        is delayed, for example during garbage collection, is waited for.
        """
        limit = self._limit
        if limit is None:
            return
        with contextlib.suppress(RuntimeError):  # it is already released
            self._wake_up.release()
        if not self.in_main_thread():
            return
        interruptions = limit.interruptions
        for _ in range(_MAX_CHECKS):
            if limit.next <= monotonic():
                signal.raise_signal(_SIGNAL)
            if limit.interruptions > interruptions or not limit.is_delayed(monotonic()):
                return  # an event loop was requested to stop, or the time is not over
            sleep(CHECK_INTERVAL)

    def forget_interruption(self) -> None:
        """Clear ``sys.exception()`` if it is still an OutOfTime that nothing handles any more.

        Forced interruptions may cause that. Python would make it the context of all later
        exceptions of the process, which then look like interruptions.
        """
        if self._limit is None and type(sys.exception()) is OutOfTime:
            import ctypes  # rarely needed

            ctypes.pythonapi.PyErr_SetHandledException(None)

    def _install(self, *_: object) -> int:
        earlier = signal.signal(_SIGNAL, self._on_signal)
        if earlier is not self._on_signal:  # not installed meanwhile
            self._user_handler = earlier
        return 0

    def _handle_signal(self, signum: int, frame: FrameType | None) -> None:
        limit, now = self._limit, monotonic()
        if limit is not None and now >= limit.next and frame is not None:
            # Exceptions in _install() have no effect, because ctypes calls it.
            if frame.f_code is not _Watchdog._install.__code__:
                limit.interrupt(frame, now)
            return
        if limit is None and self._timer is not None and not self._is_started:
            self._timer.set(inf)
        if callable(self._user_handler):
            self._user_handler(signum, frame)

    # ------------------------------------------------------------ the thread

    def _wake(self, limit: CallLimit) -> None:
        """Set the timer and wake the thread, because both would be later than the limit."""
        self._wake_up_for = limit.next
        if self._timer is None:
            self._timer = KernelTimer(_SIGNAL, CHECK_INTERVAL)
        self._timer.set(limit.next)
        if self._is_started:
            with contextlib.suppress(RuntimeError):  # it is already released
                self._wake_up.release()
            return
        self._is_started = True
        try:
            _thread.start_new_thread(self._run, (self._timer,))
        except RuntimeError:  # no thread can be started, so only the timer interrupts
            self._is_started = False

    def _run(self, timer: KernelTimer) -> None:
        signalled: float | None = None
        while True:
            now, limit = monotonic(), self._limit
            # Without a call, the thread sleeps until the limit of the last call: the limit of the
            # next call is later, so the next call does not have to wake the thread.
            due = self._wake_up_for if limit is None else limit.next
            if limit is not None and due <= now:
                signal.pthread_kill(self._main_thread, _SIGNAL)
                if due == signalled:
                    # The main thread may have blocked the signal. If this thread receives it,
                    # Python runs the handler in the main thread, but not during a sleep.
                    signal.raise_signal(_SIGNAL)
                    if signal.getsignal(_SIGNAL) is not self._on_signal:
                        self._request_installation()
                signalled = due
                self._wakes_at = now + CHECK_INTERVAL
            else:
                self._wakes_at = due if due > now else inf
                timer.set(self._wakes_at + CHECK_INTERVAL)
                # From now on, a call with an earlier limit wakes the thread. A call that began
                # before is checked here.
                limit = self._limit
                if limit is not None and limit.next < self._wakes_at:
                    continue
            seconds = self._wakes_at - monotonic()
            self._wake_up.acquire(timeout=max(seconds, 0) if seconds < inf else -1)

    def _request_installation(self) -> None:
        """Request the main thread to install the signal handler that the task has replaced.

        Only the main thread can do so. It does before its next Python instruction.
        """
        with contextlib.suppress(Exception):  # the watchdog must continue
            import ctypes  # rarely needed

            if self._pending_call is None:  # it must exist until it is called
                signature = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
                self._pending_call = signature(self._install)
            ctypes.pythonapi.Py_AddPendingCall(self._pending_call, None)


_watchdog = _Watchdog()
call_within = _watchdog.call_within
check_limit = _watchdog.check_limit
forget_interruption = _watchdog.forget_interruption
in_main_thread = _watchdog.in_main_thread
lift_limit = _watchdog.lift_limit
outermost_codes.add(_Watchdog.call_within.__code__)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watchdog.reset)
