"""Interrupt a call in the main thread when its time is over.

An interruption is an exception that a signal handler raises, so it can come between any two
instructions. It therefore ends even a blocking read, but may damage the state of the process.
:class:`Limit` decides when to interrupt, and avoids such moments as long as possible.
"""

from __future__ import annotations

import _thread
import signal
import sys
from time import monotonic
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.core._errors import OutOfTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType, FrameType


def find_out_of_time(error: BaseException) -> OutOfTime | None:
    """Find an OutOfTime in an exception, its groups, its causes and its contexts."""
    return next((found for found in exceptions_in(error) if type(found) is OutOfTime), None)


def exceptions_in(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and those in its groups, its causes and its contexts, up to a maximum.

    No code of the exception's class is run: it may raise anything, or take its time.
    """
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _MOST_EXCEPTIONS:
        exception = waiting.pop()
        if id(exception) not in seen:
            seen.add(id(exception))
            yield exception
            if issubclass(type(exception), BaseExceptionGroup):
                waiting.extend(_members(exception)[:_MOST_EXCEPTIONS])
            origins = _context(exception), _cause(exception)
            waiting.extend(origin for origin in origins if origin is not None)


_cause: Final[Any] = BaseException.__dict__["__cause__"].__get__
_context: Final[Any] = BaseException.__dict__["__context__"].__get__
_members: Final[Any] = BaseExceptionGroup.__dict__["exceptions"].__get__

_MOST_EXCEPTIONS: Final = 1000  # a group may hold any number of exceptions, even itself


class Interruptible(Protocol):
    """Code that must not be interrupted everywhere, such as an event loop."""

    def may_interrupt(self, frame: FrameType, /) -> bool:
        """Return whether an interruption in the innermost frame does no lasting damage."""
        ...

    def stop(self) -> None:
        """Ask the code to end soon by itself."""
        ...


class Limit:
    """The time limit of one call; decides when to interrupt its code.

    After the first interruption the code has half of the reserve for its ``finally`` blocks. Some
    code needs more interruptions: each nested executor waits for its threads, and each attempt of a
    retry library swallows one. The intervals therefore become shorter: the next interruption is due
    after half the square of the share of the reserve that is left. There are five interruptions
    until a quarter of the reserve is left. In the last quarter, interruptions are not delayed any
    more, and no code can swallow them: see :class:`InstructionWatch`.

    Args:
        due: When the time of the call is over, on the monotonic clock.
        reserve: The seconds after ``due`` in which the call has to end.
        interruptible: Says when an interruption is safe; always, if there is none.
    """

    was_due = False
    interruptions = 0
    module: str | None = None  # the module whose import was interrupted
    _watch: InstructionWatch | None = None  # for a better moment
    _last_resort: InstructionWatch | None = None
    _spot: tuple[int, int] | None = None  # where the code was at the last check
    _looks = 0
    _requests = 0  # how often the code was asked to end

    def __init__(
        self, due: float, reserve: float, interruptible: Interruptible | None = None
    ) -> None:
        self.next = due  # when the next interruption is due
        self._due = due
        self._reserve = reserve
        self._interruptible = interruptible

    def stay_within(self, outer: Limit) -> None:
        """Begin and end no later than the limit of the call that contains this one."""
        end = min(self._due + self._reserve, outer._due + outer._reserve)
        self._due = min(self._due, outer._due)
        self._reserve = end - self._due
        self.next = min(self.next, outer.next)

    def interrupt(self, frame: FrameType, now: float) -> None:
        """Interrupt the code that runs in ``frame``, or wait for a safer moment.

        Raises:
            OutOfTime: Now is a good moment, or there is no time to wait for a better one.
        """
        self.was_due = True
        self.next = now + LOOK_AGAIN
        self._end_watch()
        tracer, frame = frame, _traced(frame)
        is_last_resort = self._share_left(now) < _LAST_RESORT
        if not (is_last_resort or self._is_good_moment(frame)):
            return
        if is_last_resort and self._asks_to_end(frame):
            return
        caller = _caller_of_locking_code(frame)
        if caller is not None and self._is_moving_on(frame):
            self._interrupt_later(caller)
            return
        if tracer is not frame or (_skips_handlers(frame) and not is_last_resort):
            if frame.f_code not in function_with_limit:
                self._interrupt_later(frame)
            return
        self.module = self.module or _imported_module(frame)
        if is_last_resort and self.interruptions:  # one plain interruption may be enough
            self._last_resort = self._last_resort or InstructionWatch(_raise_out_of_time)
            self._last_resort.watch(filter(self._may_end_at_once, _frames_of_call(frame)))
        self._raise(now)

    def end(self) -> None:
        """Stop watching and interrupting, and unblock the signal."""
        self._end_watch()
        if self._last_resort is not None:
            self._last_resort.end()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGURG,))

    def _raise(self, now: float) -> None:
        share = self._share_left(now)
        self.interruptions += 1
        self.next = now + max(self._seconds() * share * share / 2, LOOK_AGAIN)
        raise OutOfTime

    def _asks_to_end(self, frame: FrameType) -> bool:
        """Ask code that must not be interrupted to end; return whether to wait until it does."""
        code = self._interruptible
        if code is None or self._requests == _MOST_REQUESTS or code.may_interrupt(frame):
            return False
        self._requests += 1
        self.interruptions += 1
        code.stop()
        return True

    def _interrupt_later(self, frame: FrameType) -> None:
        """Interrupt the function of a frame before its second instruction from now.

        The second, because what is raised before the first one may count as raised before the
        beginning of a loop: see :func:`_skips_handlers`.
        """
        is_first = True

        def raise_at_second() -> None:
            nonlocal is_first
            if not is_first:
                self._end_watch()
                self._raise(monotonic())
            is_first = False

        self._watch = InstructionWatch(raise_at_second)
        self._watch.watch((frame,))

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.end()
            self._watch = None

    def _share_left(self, now: float) -> float:
        return max(self._due + self._seconds() - now, 0) / self._seconds()

    def _seconds(self) -> float:
        return max(self._reserve, LEAST_RESERVE) * _SHARE_OF_CALL

    # ------------------------------------------------------------ good and bad moments

    def _is_good_moment(self, frame: FrameType) -> bool:
        """Return whether an interruption now leaves the process in a consistent state."""
        if not self._may_interrupt(frame):
            return False
        return not any(_is_delicate(outer) for outer in _frames_of_call(frame))

    def _may_interrupt(self, frame: FrameType) -> bool:
        return self._interruptible is None or self._interruptible.may_interrupt(frame)

    def _may_end_at_once(self, frame: FrameType) -> bool:
        """Return whether a function may be ended without its ``finally`` blocks.

        An event loop has to shut down, and locks have to be released.
        """
        if _is_tracer(frame) or not self._may_interrupt(frame):
            return False
        module = str(_module_name(frame))
        return module not in _DELICATE | _HOLDS_LOCKS and not module.startswith("asyncio.")

    def _is_moving_on(self, frame: FrameType) -> bool:
        """Return whether code that may be taking or releasing a lock is about to move on.

        Code that is at the same instruction at the next check is waiting for the lock.
        """
        spot = id(frame), frame.f_lasti
        if spot == self._spot or self._looks == _MOST_LOOKS:
            self._spot, self._looks = None, 0
            return False
        self._spot = spot
        self._looks += 1
        return True


LEAST_RESERVE: Final = 0.1
"""The smallest reserve, in seconds, over which interruptions are spread."""

LOOK_AGAIN: Final = 0.005
"""Seconds between two checks of a call whose time is over."""

_SHARE_OF_CALL: Final = 0.9
"""The share of the reserve that the call may use. The rest is for building the response."""

_LAST_RESORT: Final = 0.25
"""The last share of the reserve, in which interruptions are not delayed any more."""

_MOST_REQUESTS: Final = 3
"""How often code that must not be interrupted is asked to end."""

_MOST_LOOKS: Final = 10
"""How often in succession an interruption is delayed because of a lock."""


# ---------------------------------------------------------------- watching instructions


def _raise_out_of_time() -> None:
    raise OutOfTime


if sys.version_info >= (3, 12):

    class InstructionWatch:
        """Calls a function before each instruction of other functions, in this thread.

        If it raises an exception, even an ``except`` block that has just caught another one ends:
        a bare ``except:`` in an endless loop swallows any number of interruptions, but not these.
        """

        def __init__(self, call: Callable[[], None]) -> None:
            monitoring = sys.monitoring
            self._call = call
            self._thread = _thread.get_ident()
            self._codes: set[CodeType] = set()
            self._tool = next((id_ for id_ in range(6) if monitoring.get_tool(id_) is None), None)
            if self._tool is not None:
                monitoring.use_tool_id(self._tool, "s3batch_handler")
                event = monitoring.events.INSTRUCTION
                monitoring.register_callback(self._tool, event, self._on_instruction)

        def watch(self, frames: Iterable[FrameType]) -> None:
            """Watch the functions of these frames from now on."""
            event = sys.monitoring.events.INSTRUCTION
            for code in {frame.f_code for frame in frames} - self._codes:
                if self._tool is not None:
                    sys.monitoring.set_local_events(self._tool, code, event)
                    self._codes.add(code)

        def _on_instruction(self, code: CodeType, offset: int) -> None:
            if _thread.get_ident() == self._thread and _may_raise(code, offset):
                self._call()

        def end(self) -> None:
            """Stop watching."""
            if self._tool is not None:
                for code in self._codes:
                    sys.monitoring.set_local_events(self._tool, code, 0)
                sys.monitoring.register_callback(
                    self._tool, sys.monitoring.events.INSTRUCTION, None
                )
                sys.monitoring.free_tool_id(self._tool)
                self._tool = None

else:

    class InstructionWatch:
        """Calls a function before each instruction of other functions, in this thread.

        If it raises an exception, even an ``except`` block that has just caught another one ends:
        a bare ``except:`` in an endless loop swallows any number of interruptions, but not these.

        Python switches tracing off when the trace function raises an exception. A profile
        function, which Python calls when a frame ends, switches it on again for the outer frames,
        or restores the trace function of the user.
        """

        def __init__(self, call: Callable[[], None]) -> None:
            self._call = call
            self._is_calling = self._is_over = False
            self._before = sys.gettrace(), sys.getprofile()

        def watch(self, frames: Iterable[FrameType]) -> None:
            """Watch the functions of these frames from now on."""
            for frame in frames:
                frame.f_trace, frame.f_trace_opcodes = self._trace, True
            sys.setprofile(self._go_on)
            sys.settrace(_leave_untraced)

        def _trace(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002
            if event == "opcode" and not self._is_over and _may_raise(frame.f_code, frame.f_lasti):
                self._is_calling = True
                try:
                    self._call()
                finally:
                    self._is_calling = False
            return self._trace

        def _go_on(self, frame: FrameType, event: str, argument: object) -> None:  # noqa: ARG002
            if event != "return":
                return
            if self._is_over:
                self._restore()
            else:
                sys.settrace(_leave_untraced)

        def end(self) -> None:
            """Stop watching."""
            if not self._is_calling:  # or an exception may be about to switch tracing off
                self._restore()
            self._is_over = True

        def _restore(self) -> None:
            trace, profile = self._before
            sys.setprofile(profile)
            sys.settrace(trace)

    def _leave_untraced(frame: FrameType, event: str, argument: object) -> None:
        """Return no trace function, so that new calls are not traced."""


# ---------------------------------------------------------------- frames

function_with_limit: list[CodeType] = []
"""The code of the function that calls within a limit: the outermost frame of a call."""

_IMPORT_SYSTEM: Final = frozenset(
    {
        "_frozen_importlib",
        "_frozen_importlib_external",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "importlib.util",  # LazyLoader
    }
)

_DELICATE: Final = _IMPORT_SYSTEM | {"_weakrefset", "logging", "logging.handlers", "weakref"}

_HOLDS_LOCKS: Final = frozenset(
    {
        "_weakrefset",
        "concurrent.futures._base",
        "concurrent.futures.thread",
        "queue",
        "threading",
    }
)
"""Modules of the standard library whose functions hold a lock for a short time.

An interruption between taking the lock and the ``try`` that releases it would leave it locked.
Exceptions in ``_weakrefset`` are ignored by Python.
"""


def _is_delicate(frame: FrameType) -> bool:
    """Return whether an interruption below this frame does lasting damage, or has no effect.

    - A module whose import is interrupted may be broken for the rest of the environment's life:
      numpy, for example, cannot be imported a second time.
    - A logging handler that is interrupted as it takes its lock may keep it.
    - Python ignores exceptions in ``__del__`` and in callbacks of weak references.
    """
    return frame.f_code.co_name == "__del__" or _module_name(frame) in _DELICATE


def _traced(frame: FrameType) -> FrameType:
    """Return the frame of the task's function, if Python is calling something else in between.

    That is code of coverage.py, where an interruption would switch the measurement off, or leave a
    lock locked: then the next function that is measured would wait forever. (Seen with coverage
    7.17.3.) Or it is a callback of the garbage collector, where Python ignores exceptions.
    """
    traced = frame
    for outer in _frames_of_call(frame):
        if _is_tracer(outer) and outer.f_back is not None:
            traced = outer.f_back
    return traced


def _is_tracer(frame: FrameType) -> bool:
    """Return whether Python calls a function between the instructions of another."""
    gc = sys.modules.get("gc")  # imported by those who add callbacks
    return str(_module_name(frame)).startswith("coverage.") or any(
        _code_of(callback) is frame.f_code for callback in getattr(gc, "callbacks", ())
    )


def _code_of(function: object) -> CodeType | None:
    if isinstance(function, MethodType):
        function = function.__func__
    return function.__code__ if isinstance(function, FunctionType) else None


def _skips_handlers(frame: FrameType) -> bool:
    """Return whether an exception raised now would skip ``finally`` and ``with``.

    Before Python 3.13 an exception that a signal handler raises at the jump back to the beginning
    of a loop counts as raised before the loop. If that is the first thing in a ``try`` block, the
    block's handlers do not see it. (Seen on 3.11.7 and 3.12.1.)
    """
    return sys.version_info < (3, 13) and "JUMP_BACKWARD" in _instruction(
        frame.f_code, frame.f_lasti
    )


def _may_raise(code: CodeType, offset: int) -> bool:
    """Return whether an exception can be raised safely at an instruction.

    An exception between the instructions that begin or end the handling of another exception would
    leave the other one behind, as the context of all later exceptions.
    """
    return _instruction(code, offset) not in _HANDLING


_HANDLING: Final = frozenset({"PUSH_EXC_INFO", "COPY", "SWAP", "POP_EXCEPT", "RERAISE"})


def _instruction(code: CodeType, offset: int) -> str:
    from opcode import opname  # rarely needed

    return opname[code.co_code[offset]]


def _imported_module(frame: FrameType) -> str | None:
    """Return the name of the outermost module that is being imported in the call."""
    name = None
    for outer in _frames_of_call(frame):
        if outer.f_code.co_name == "_find_and_load" and _module_name(outer) in _IMPORT_SYSTEM:
            name = outer.f_locals.get("name")
    return name


def _caller_of_locking_code(frame: FrameType) -> FrameType | None:
    """Return the frame that called a function which may hold a lock, if there is one."""
    caller, is_next = None, False
    for outer in _frames_of_call(frame):
        if is_next:
            caller = outer
        is_next = _module_name(outer) in _HOLDS_LOCKS
    return caller


def _frames_of_call(frame: FrameType) -> Iterator[FrameType]:
    """Yield a frame and its outer frames, up to the function that is called within a limit."""
    outer: FrameType | None = frame
    while outer is not None and outer.f_code not in function_with_limit:
        yield outer
        outer = outer.f_back


def _module_name(frame: FrameType) -> object:
    return frame.f_globals.get("__name__")
