"""Clean up after a failed task, so that its objects cannot delay later tasks.

Python runs code of the task when it frees the task's objects: ``__del__`` methods, and the
``except`` and ``finally`` blocks of coroutines that have not ended. It may do so at any time, even
when no time limit applies.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from types import CoroutineType

from s3batch_handler.core import _awaitables as flags
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final
from s3batch_handler.handler._interruption import exceptions_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType


def clear_frames(error: BaseException) -> None:
    """Free the local variables of the functions in the traceback of an exception.

    Otherwise the exception keeps them until it is freed.
    """
    for exception in exceptions_in(error):
        step = _traceback(exception)
        while step is not None:
            if not _may_be_suspended(step.tb_frame):
                with suppress(RuntimeError):  # the function is still running
                    step.tb_frame.clear()
            step = step.tb_next


def leak_suspended_coroutines() -> None:
    """Keep the coroutines that are suspended now: see :func:`leak`."""
    if "asyncio" in sys.modules:
        import gc  # rarely needed

        leak(item for item in gc.get_objects() if type(item) is CoroutineType and item.cr_suspended)


def leak(coroutines: Iterable[object]) -> None:
    """Keep coroutines forever, even when the interpreter exits.

    Python closes a coroutine when it frees it. A coroutine that swallows every exception and tries
    again would then run forever, because it cannot wait without an event loop. Coroutines that end
    later take little memory.
    """
    import ctypes  # rarely needed

    for coroutine in coroutines:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(coroutine))


_traceback: Final[Any] = BaseException.__dict__["__traceback__"].__get__


def _may_be_suspended(frame: FrameType) -> bool:
    """Return whether clearing a frame could close a generator or coroutine that is in use.

    Python 3.13 and later refuse to clear such a frame.
    """
    can_be_suspended = flags.CO_GENERATOR | flags.CO_COROUTINE | flags.CO_ASYNC_GENERATOR
    return sys.version_info < (3, 13) and bool(frame.f_code.co_flags & can_be_suspended)
