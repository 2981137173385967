"""Decide when to interrupt a call in the main thread whose time is over.

An interruption is an exception that a signal handler raises, so it can be raised between any two
instructions. Therefore it ends even a blocking read, but it may damage the state of the process.
:class:`CallLimit` avoids unsafe moments as long as possible.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # see _time_limit.py
from time import monotonic

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final
from s3batch_handler.handler._frames import (
    LOCKING_MODULES,
    UNSAFE_MODULES,
    caller_of_locking_code,
    forget_stopped_loop,
    frame_of_function,
    frames_of_call,
    imported_module,
    is_called_by_interpreter,
    is_in_trace_function,
    is_unsafe_to_interrupt,
    module_name,
    outermost_codes,
    skips_handlers,
)
from s3batch_handler.handler._instruction_watch import InstructionWatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Protocol

    class Interruptible(Protocol):
        """Code that can be interrupted only at certain points, such as an event loop."""

        def may_interrupt(self, frame: FrameType, /) -> bool:
            """Return whether the code can be interrupted in this innermost frame."""
            ...

        def stop(self) -> None:
            """Request that the code ends soon by itself."""
            ...


class CallLimit:
    """The time limit of one call: decides when to interrupt its code.

    After the first interruption the code has half of the reserve for its ``finally`` blocks. Some
    code needs more interruptions: each nested executor waits for its threads, and each attempt of a
    retry library swallows one. Therefore the intervals become shorter: if ``share`` of the reserve
    is left, the next interruption is due after ``reserve * share**2 / 2``. There are five
    interruptions until a quarter of the reserve is left. In the last quarter, interruptions are
    forced: they are not delayed, and no code can swallow them (see :class:`InstructionWatch`).

    Args:
        due: When the time of the call is over, on the monotonic clock.
        reserve: The seconds after ``due`` within which the call has to end.
        interruptible: Where the code can be interrupted; anywhere by default.
    """

    was_due = False
    interruptions = 0
    module: str | None = None  # the module whose import was interrupted
    _delay_watch: InstructionWatch | None = None  # for a delayed interruption
    _forced_watch: InstructionWatch | None = None  # for forced interruptions
    _last_position: tuple[int, int] | None = None  # where the code was at the last check
    _delays = 0
    _stop_requests = 0
    _is_interrupting = False  # signals during an interruption are ignored

    def __init__(
        self, due: float, reserve: float, interruptible: Interruptible | None = None
    ) -> None:
        self.next = due  # when the next interruption is due
        self._due = due
        self._reserve = reserve
        self._interruptible = interruptible

    def stay_within(self, outer: CallLimit) -> None:
        """Move the limit forward if the limit of the outer call is earlier."""
        end = min(self._due + self._reserve, outer._due + outer._reserve)
        self._due = min(self._due, outer._due)
        self._reserve = end - self._due
        self.next = min(self.next, outer.next)

    def interrupt(self, frame: FrameType, now: float) -> None:
        """Interrupt the code that runs in ``frame``, or wait for a safer moment.

        Raises:
            OutOfTime: An interruption is safe now, or cannot be delayed.
        """
        self.was_due = True
        if self._is_interrupting or is_in_trace_function(frame):
            return  # the next signal comes after CHECK_INTERVAL
        self._is_interrupting = True
        try:
            self._interrupt(frame, now)
        finally:
            self._is_interrupting = False

    def is_delayed(self, now: float) -> bool:
        """Return whether an interruption waits for a safer moment, in the next milliseconds."""
        return self.was_due and self.next <= now + CHECK_INTERVAL

    def _interrupt(self, frame: FrameType, now: float) -> None:
        self.next = now + CHECK_INTERVAL
        self._end_delay_watch()
        innermost, frame = frame, frame_of_function(frame)
        is_forced = self._share_left(now) < _FORCED_SHARE
        if not (is_forced or self._is_safe(frame)):
            return
        if is_forced and self._requests_stop(frame):
            return
        caller = caller_of_locking_code(frame)
        if caller is not None and self._is_at_new_instruction(frame):
            self._interrupt_at_second_instruction(caller)
            return
        if innermost is not frame or (skips_handlers(frame) and not is_forced):
            if frame.f_code not in outermost_codes:
                self._interrupt_at_second_instruction(frame)
            return
        self.module = self.module or imported_module(frame)
        if is_forced and self.interruptions:  # the first one may be enough
            self._forced_watch = self._forced_watch or InstructionWatch(_raise_out_of_time)
            self._forced_watch.watch(filter(self._may_end_without_cleanup, frames_of_call(frame)))
        self._raise(now)

    def end(self) -> None:
        """Stop watching and interrupting, and repair what interruptions may have left."""
        self._end_delay_watch()
        if self._forced_watch is not None:
            self._forced_watch.end()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGURG,))
        forget_stopped_loop()

    def _raise(self, now: float) -> None:
        share = self._share_left(now)
        self.interruptions += 1
        self.next = now + max(self._seconds() * share**2 / 2, CHECK_INTERVAL)
        raise OutOfTime

    def _requests_stop(self, frame: FrameType) -> bool:
        """Request code that must not be interrupted to stop; return whether to wait for it."""
        code = self._interruptible
        if code is None or self._stop_requests == _MAX_STOP_REQUESTS or code.may_interrupt(frame):
            return False
        self._stop_requests += 1
        self.interruptions += 1
        code.stop()
        return True

    def _interrupt_at_second_instruction(self, frame: FrameType) -> None:
        """Interrupt the function of a frame before its second instruction from now.

        An exception before the first one may count as raised before the beginning of a loop: see
        :func:`skips_handlers`.
        """
        is_first = True

        def raise_at_second() -> None:
            nonlocal is_first
            if not is_first:
                self._is_interrupting = True
                self._end_delay_watch()
                self._is_interrupting = False
                self._raise(monotonic())
            is_first = False

        self._delay_watch = InstructionWatch(raise_at_second)
        self._delay_watch.watch((frame,))

    def _end_delay_watch(self) -> None:
        if self._delay_watch is not None:
            self._delay_watch.end()
            self._delay_watch = None

    def _share_left(self, now: float) -> float:
        return max(self._due + self._seconds() - now, 0) / self._seconds()

    def _seconds(self) -> float:
        return max(self._reserve, MIN_RESERVE) * _USABLE_SHARE

    # ------------------------------------------------------------ safe and unsafe moments

    def _is_safe(self, frame: FrameType) -> bool:
        """Return whether an interruption now leaves the process in a consistent state."""
        return self._may_interrupt(frame) and not any(
            map(is_unsafe_to_interrupt, frames_of_call(frame))
        )

    def _may_interrupt(self, frame: FrameType) -> bool:
        return self._interruptible is None or self._interruptible.may_interrupt(frame)

    def _may_end_without_cleanup(self, frame: FrameType) -> bool:
        """Return whether a function may end without its ``finally`` blocks.

        An event loop has to shut down, and locks have to be released.
        """
        if is_called_by_interpreter(frame) or not self._may_interrupt(frame):
            return False
        module = str(module_name(frame))
        return module not in UNSAFE_MODULES | LOCKING_MODULES and not module.startswith("asyncio.")

    def _is_at_new_instruction(self, frame: FrameType) -> bool:
        """Return whether the code has continued since the last check.

        Code that is taking or releasing a lock continues soon. Code that is still at the same
        instruction is waiting for the lock.
        """
        position = id(frame), frame.f_lasti
        if position == self._last_position or self._delays == _MAX_DELAYS:
            self._last_position, self._delays = None, 0
            return False
        self._last_position = position
        self._delays += 1
        return True


MIN_RESERVE: Final = 0.1
"""The smallest reserve, in seconds, over which interruptions are spread."""

CHECK_INTERVAL: Final = 0.005
"""Seconds between two checks of a call whose time is over."""

_USABLE_SHARE: Final = 0.9
"""The share of the reserve that the call may use. The rest is for the response."""

_FORCED_SHARE: Final = 0.25
"""The last share of the reserve, in which interruptions are forced."""

_MAX_STOP_REQUESTS: Final = 3
"""Maximum number of requests to stop code that must not be interrupted."""

_MAX_DELAYS: Final = 10
"""Maximum number of successive delays of an interruption because of a lock."""


def _raise_out_of_time() -> None:
    raise OutOfTime


# ---------------------------------------------------------------- interruptions in exceptions


def find_out_of_time(error: BaseException) -> OutOfTime | None:
    """Return the OutOfTime in an exception, its groups, its causes and its contexts."""
    return next((found for found in exceptions_in(error) if type(found) is OutOfTime), None)


def exceptions_in(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and those in its groups, its causes and its contexts, up to a maximum.

    No code of the exception's class is run, because it may fail or take long.
    """
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _MAX_EXCEPTIONS:
        exception = waiting.pop()
        if id(exception) not in seen:
            seen.add(id(exception))
            yield exception
            if issubclass(type(exception), BaseExceptionGroup):
                waiting.extend(_members(exception)[:_MAX_EXCEPTIONS])
            origins = _context(exception), _cause(exception)
            waiting.extend(origin for origin in origins if origin is not None)


_cause: Final[Any] = BaseException.__dict__["__cause__"].__get__
_context: Final[Any] = BaseException.__dict__["__context__"].__get__
_members: Final[Any] = BaseExceptionGroup.__dict__["exceptions"].__get__

_MAX_EXCEPTIONS: Final = 1000  # a group may hold any number of exceptions, even itself
