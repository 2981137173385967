"""Inspect the frames of a call: where an exception may be raised safely."""

from __future__ import annotations

import sys
from sys import _getframe
from types import CodeType, FunctionType, MethodType

from s3batch_handler.core._typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

outermost_codes: Final = set[CodeType]()
"""The code objects at which a call within a limit begins.

``_time_limit.py``, which imports this module, adds its function.
"""

_IMPORT_MODULES: Final = frozenset(
    {
        "_frozen_importlib",
        "_frozen_importlib_external",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "importlib.util",  # LazyLoader
    }
)

UNSAFE_MODULES: Final = _IMPORT_MODULES | {"_weakrefset", "logging", "logging.handlers", "weakref"}

LOCKING_MODULES: Final = frozenset(
    {"_weakrefset", "concurrent.futures._base", "concurrent.futures.thread", "queue", "threading"}
)
"""Modules of the standard library whose functions hold a lock for a short time.

An interruption between taking the lock and the ``try`` that releases it would leave it locked.
Python ignores exceptions in ``_weakrefset``.
"""


def is_unsafe_to_interrupt(frame: FrameType) -> bool:
    """Return whether an interruption below this frame does lasting damage, or has no effect.

    - A module whose import is interrupted may be unusable until the process ends: numpy, for
      example, cannot be imported a second time.
    - A logging handler that is interrupted while it takes its lock may never release it.
    - Python ignores exceptions in ``__del__`` and in callbacks of weak references.
    """
    return frame.f_code.co_name == "__del__" or module_name(frame) in UNSAFE_MODULES


def frame_of_function(frame: FrameType) -> FrameType:
    """Return the frame below all code that the interpreter calls between two instructions.

    That code belongs to coverage.py, where an interruption would end the measurement or leave a
    lock locked, so that the next measured function would wait forever. (Seen with coverage 7.17.3.)
    Or it is a callback of the garbage collector, where Python ignores exceptions.
    """
    found = frame
    for outer in frames_of_call(frame):
        if is_called_by_interpreter(outer) and outer.f_back is not None:
            found = outer.f_back
    return found


def is_called_by_interpreter(frame: FrameType) -> bool:
    """Return whether the interpreter called this function, not the code of the frame below."""
    gc = sys.modules.get("gc")  # imported by code that adds callbacks
    return str(module_name(frame)).startswith("coverage.") or any(
        _code_of(callback) is frame.f_code for callback in getattr(gc, "callbacks", ())
    )


def is_in_trace_function(frame: FrameType) -> bool:
    """Return whether a trace or profile function is running.

    Python removes such a function, which belongs to a debugger for example, if it raises.
    """
    codes = {_code_of(sys.gettrace()), _code_of(sys.getprofile())}
    return any(outer.f_code in codes for outer in frames_of_call(frame))


def _code_of(function: object) -> CodeType | None:
    if isinstance(function, MethodType):
        function = function.__func__
    return function.__code__ if isinstance(function, FunctionType) else None


def skips_handlers(frame: FrameType) -> bool:
    """Return whether an exception raised now would skip ``finally`` and ``with``.

    Before Python 3.13, an exception that a signal handler raises at the jump to the beginning of a
    loop counts as raised before the loop. If a ``try`` block begins with the loop, its handlers do
    not run. (Seen on 3.11.7 and 3.12.1.)
    """
    return sys.version_info < (3, 13) and "JUMP_BACKWARD" in _instruction(
        frame.f_code, frame.f_lasti
    )


def can_raise_at(code: CodeType, offset: int) -> bool:
    """Return whether an exception can be raised safely at an instruction.

    An exception between the instructions that begin or end the handling of another exception would
    make the other one the context of all later exceptions.
    """
    return _instruction(code, offset) not in _EXCEPTION_OPCODES


_EXCEPTION_OPCODES: Final = frozenset({"PUSH_EXC_INFO", "COPY", "SWAP", "POP_EXCEPT", "RERAISE"})


def _instruction(code: CodeType, offset: int) -> str:
    from opcode import opname  # rarely needed

    return opname[code.co_code[offset]]


def imported_module(frame: FrameType) -> str | None:
    """Return the name of the outermost module that is being imported in the call."""
    name = None
    for outer in frames_of_call(frame):
        if outer.f_code.co_name == "_find_and_load" and module_name(outer) in _IMPORT_MODULES:
            name = outer.f_locals.get("name")
    return name


def caller_of_locking_code(frame: FrameType) -> FrameType | None:
    """Return the frame that called a function which may hold a lock, if there is one."""
    caller, is_next = None, False
    for outer in frames_of_call(frame):
        if is_next:
            caller = outer
        is_next = module_name(outer) in LOCKING_MODULES
    return caller


def frames_of_call(frame: FrameType) -> Iterator[FrameType]:
    """Yield a frame and its outer frames, up to the function that is called within a limit."""
    outer: FrameType | None = frame
    while outer is not None and outer.f_code not in outermost_codes:
        yield outer
        outer = outer.f_back


def module_name(frame: FrameType) -> object:
    return frame.f_globals.get("__name__")


def forget_stopped_loop() -> None:
    """Correct asyncio's state if its own code was interrupted while it ended a loop.

    It would refuse to run another loop in this thread.
    """
    if "asyncio.base_events" not in sys.modules:
        return
    from asyncio.base_events import BaseEventLoop  # only if the function has imported asyncio
    from asyncio.events import _get_running_loop, _set_running_loop

    if not isinstance(_get_running_loop(), BaseEventLoop):
        return
    frame: FrameType | None = _getframe()
    while frame is not None:
        if frame.f_code is BaseEventLoop.run_forever.__code__:
            return
        frame = frame.f_back
    _set_running_loop(None)
