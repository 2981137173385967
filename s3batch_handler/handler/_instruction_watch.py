"""Call a function before each instruction of other functions."""

from __future__ import annotations

import _thread
import sys

from s3batch_handler.core._typing import TYPE_CHECKING, Any
from s3batch_handler.handler._frames import can_raise_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType


if sys.version_info >= (3, 12):

    class InstructionWatch:
        """Calls a function before each instruction of other functions in this thread.

        The function may raise an exception, even in an ``except`` block that has just caught
        another one. So code with a bare ``except:`` in an endless loop can be ended.
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
            if _thread.get_ident() == self._thread and can_raise_at(code, offset):
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
        """Calls a function before each instruction of other functions in this thread.

        The function may raise an exception, even in an ``except`` block that has just caught
        another one. So code with a bare ``except:`` in an endless loop can be ended.

        Python disables tracing when the trace function raises an exception. A profile function,
        which Python calls when a frame ends, enables it again for the outer frames, or restores
        the trace function of the user.
        """

        def __init__(self, call: Callable[[], None]) -> None:
            self._call = call
            self._is_calling = self._has_ended = False
            self._earlier = sys.gettrace(), sys.getprofile()

        def watch(self, frames: Iterable[FrameType]) -> None:
            """Watch the functions of these frames from now on."""
            for frame in frames:
                frame.f_trace, frame.f_trace_opcodes = self._trace, True
            sys.setprofile(self._resume)
            sys.settrace(_leave_untraced)

        def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
            if (
                event == "opcode"
                and not self._has_ended
                and can_raise_at(frame.f_code, frame.f_lasti)
            ):
                self._is_calling = True
                try:
                    self._call()
                finally:
                    self._is_calling = False
            return self._trace

        def _resume(self, _frame: FrameType, event: str, _argument: object) -> None:
            if event != "return":
                return
            if self._has_ended:
                self._restore()
            else:
                sys.settrace(_leave_untraced)

        def end(self) -> None:
            """Stop watching."""
            if not self._is_calling:  # otherwise an exception may disable tracing after this
                self._restore()
            self._has_ended = True

        def _restore(self) -> None:
            trace, profile = self._earlier
            sys.setprofile(profile)
            sys.settrace(trace)

    def _leave_untraced(*_: object) -> None:
        """Return no trace function, so that new calls are not traced."""
