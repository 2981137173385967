"""How much time an invocation has left, and ending a task before Lambda ends the function.

A function that is still running at its timeout is killed, and S3 reports all its tasks as
PermanentFailure; a task that is ended just before can still be answered TemporaryFailure.

In the main thread, where Lambda calls the function, ``SIGALRM`` ends the task: it interrupts
Python code, sleeps and blocking reads. Elsewhere (another thread, Windows) the task gets a thread
of its own and is left behind when its time is over.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
import os
import signal
import sys
import threading
import warnings
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

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
    except Exception:  # noqa: BLE001  no context is worth failing a task over
        return math.inf
    return math.inf


class OutOfTime(BaseException):
    """A task's time is over.

    No ``Exception``, so that a user's ``except Exception`` lets it pass. It never leaves the
    handler: Lambda's runtime client would end the environment over it.
    """


class ThreadTimeLimitWarning(UserWarning):
    """A time limit is enforced less strictly than in the main thread."""


class _CallWithin(Protocol):
    def __call__(
        self,
        seconds: float,
        function: Callable[[_A], _T],
        argument: _A,
        inside: CodeType | None = None,
        /,
    ) -> _T: ...


call_within: _CallWithin
"""Call ``function(argument)``, for at most ``seconds`` (infinite: for as long as it takes).

``inside`` is the code of a function: only what runs below a call of it is interrupted. An event
loop must not be interrupted itself, but a coroutine that blocks it must.

Raises:
    OutOfTime: The time was over before the function was done; caused by what came out of the
        function when it was interrupted.
"""


# ---------------------------------------------------------------- in the main thread: SIGALRM

_REPEAT: Final = 0.5
"""Seconds after which a task that swallowed its interruption (a bare ``except:`` in a loop, a
``__del__``) is interrupted again. Long enough for a ``finally`` block to clean up."""


_FOREVER: Final = 1e7
"""Seconds beyond which no limit is enforced: timers and locks do not take numbers of any size."""


class _State(Enum):
    OFF = 0  # no call: an alarm is none of ours
    BUSY = 1  # a call begins or ends: nothing may be interrupted
    ARMED = 2  # the user's function runs


class _Alarm:
    """One ``SIGALRM`` handler for the process: installed once, its timer armed for each task.

    A signal handler and a timer that the user has set go on working: the handler is called when
    they are due, and both are given back with the time that the timer has left.
    """

    def __init__(self) -> None:
        self._state = _OFF
        self._fired = False
        self._inside: CodeType | None = None
        self._earlier: Any = None
        self._shared: _SharedTimer | None = None
        self._handler = self._on_alarm  # bound once: `is` must find the same object again

    def call_within(
        self,
        seconds: float,
        function: Callable[[_A], _T],
        argument: _A,
        inside: CodeType | None = None,
    ) -> _T:
        if _get_ident() != _main_ident:
            return _call_in_thread(seconds, function, argument)
        if seconds > _FOREVER:
            return function(argument)
        if self._state is not _OFF:
            return self._call_nested(seconds, function, argument, inside)
        self._fired, self._inside, self._state = False, inside, _BUSY
        try:
            self._set_timer(seconds)
            # Python handles signals when a function begins, when a call of C ends and in loops:
            # never between an assignment like this one and the next line.
            self._state = _ARMED
            return function(argument)
        except BaseException as error:
            if self._fired and not isinstance(error, OutOfTime):  # it came out as something else
                raise OutOfTime from error
            raise
        finally:
            self._state = _BUSY
            if self._shared is None:
                _setitimer(_REAL, 0)
            else:
                self._give_back(self._shared)
            self._state = _OFF

    def _call_nested(
        self,
        seconds: float,
        function: Callable[[_A], _T],
        argument: _A,
        inside: CodeType | None,
    ) -> _T:
        """Call within a call, as when a task calls another handler: the nearer limit counts.

        The outer call's timer is put away, with the time it has left, and set again at the end.
        """
        self._state = _BUSY
        outer_inside, outer_fired = self._inside, self._fired
        if self._shared is None:
            left, _ = _setitimer(_REAL, 0)
        else:
            left = self._shared.left()
            self._give_back(self._shared)
        until = monotonic() + left
        self._state = _OFF
        try:
            return self.call_within(min(seconds, left), function, argument, inside)
        finally:
            self._state = _BUSY
            self._inside, self._fired = outer_inside, outer_fired
            self._set_timer(until - monotonic())
            self._state = _ARMED

    def _set_timer(self, seconds: float) -> None:
        if _getsignal(_SIGALRM) is not self._handler:
            self._earlier = _signal(_SIGALRM, self._handler)
        if seconds < _SHORTEST:  # noqa: PLR1730  max() is slower
            seconds = _SHORTEST
        theirs, interval = _setitimer(_REAL, seconds, _REPEAT)
        if theirs:
            self._shared = _SharedTimer(seconds, theirs, interval)

    def _on_alarm(self, signum: int, frame: FrameType | None) -> None:
        if self._state is _OFF or (self._shared is not None and self._shared.is_theirs()):
            self._pass_on(signum, frame)
        elif self._state is _ARMED and self._may_interrupt(frame):
            self._fired = True
            raise OutOfTime

    def _may_interrupt(self, frame: FrameType | None) -> bool:
        """Tell whether the code that was struck may be interrupted: any, or only ``inside``."""
        if self._inside is None:
            return True
        above = None if frame is None else frame.f_back
        while above is not None and above.f_code is not self._inside:
            above = above.f_back
        return above is not None

    def _pass_on(self, signum: int, frame: FrameType | None) -> None:
        """Do what would happen if the user's handler were still in place."""
        if callable(self._earlier):
            self._earlier(signum, frame)
        elif self._earlier is signal.SIG_DFL and self._state is not _OFF:
            # A timer without a handler is there to end the process.
            _signal(_SIGALRM, signal.SIG_DFL)
            signal.raise_signal(_SIGALRM)

    def forget(self) -> None:
        """Forget the timer, in a forked process: that has not inherited it."""
        self._state, self._shared = _OFF, None

    def _give_back(self, shared: _SharedTimer) -> None:
        """Leave a user's handler and timer as the user would find them without us."""
        self._shared = None
        _setitimer(_REAL, 0)
        if self._earlier is not None:
            _signal(_SIGALRM, self._earlier)
        shared.give_back()


class _SharedTimer:
    """The only timer that a process has, used by us and by a user who had set it before."""

    def __init__(self, ours: float, theirs: float, interval: float) -> None:
        now = monotonic()
        self._ours = now + ours
        self._theirs = now + theirs
        self._interval = interval
        self._arm(now)

    def left(self) -> float:
        """Give the seconds until our own time is over."""
        return self._ours - monotonic()

    def is_theirs(self) -> bool:
        """Tell whether it is the user's timer that is due now, and set what is due next."""
        now = monotonic()
        theirs = now >= self._theirs
        if theirs:
            self._theirs = now + self._interval if self._interval else math.inf
        else:
            self._ours = now + _REPEAT
        self._arm(now)
        return theirs

    def give_back(self) -> None:
        """Leave the timer to the user, with the time it has left."""
        if self._theirs < math.inf:
            _setitimer(_REAL, max(self._theirs - monotonic(), _SOON), self._interval)

    def _arm(self, now: float) -> None:
        _setitimer(_REAL, max(min(self._ours, self._theirs) - now, _SOON), _REPEAT)


_OFF, _BUSY, _ARMED = _State
_SOON: Final = 0.000_001  # a timer of 0 would be none
_SHORTEST: Final = 0.001  # a shorter one may strike before the function begins, and so in vain

# ---------------------------------------------------------------- elsewhere: a thread


def _call_in_thread(
    seconds: float,
    function: Callable[[_A], _T],
    argument: _A,
    inside: CodeType | None = None,  # noqa: ARG001  a thread's event loop is left behind whole
) -> _T:
    """Call the function in a thread of its own, and leave that behind when the time is over."""
    if seconds > _FOREVER:
        return function(argument)
    warnings.warn(
        "time limits work best in the main thread of a Unix process; here a task that runs out of "
        "time is answered in time, but goes on until its next Python instruction",
        ThreadTimeLimitWarning,
        stacklevel=2,
    )
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
        self._thread.start()

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
            except BaseException as error:  # noqa: BLE001  handed to the thread that waits
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
        if sys.version_info < (3, 12) and (sys.gettrace() or threading.gettrace()):
            return  # CPython 3.11 would never leave the tracer (coverage, a debugger) of a thread
        import ctypes  # not worth its import time where signals do

        with self._lock:
            if self._is_running:
                thread = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(OutOfTime))


# ---------------------------------------------------------------- the way that this process has


if hasattr(signal, "SIGALRM"):
    # signal.getsignal() looks the handler up among the members of an enum: 3 µs, on each call.
    from _signal import getsignal as _getsignal  # type: ignore[import-not-found]

    _signal, _SIGALRM = signal.signal, signal.SIGALRM
    _setitimer, _REAL = signal.setitimer, signal.ITIMER_REAL
    _get_ident, _main_ident = threading.get_ident, threading.main_thread().ident
    _alarm = _Alarm()
    call_within = _alarm.call_within

    def _begin_anew() -> None:
        """Begin anew in a forked process, whose main thread is the one that forked it."""
        global _main_ident  # noqa: PLW0603
        _main_ident = threading.main_thread().ident
        _alarm.forget()

    os.register_at_fork(after_in_child=_begin_anew)
else:
    call_within = _call_in_thread
