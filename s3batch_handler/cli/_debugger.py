"""Run the debugger of ``s3batch invoke`` in the terminal, even if streams are redirected."""

from __future__ import annotations

import inspect
import io
import logging
import os
import stat
import sys
import threading
import traceback
from contextlib import contextmanager
from functools import wraps
from pdb import Pdb
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast
from unittest.mock import patch

from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.core._typing import override
from s3batch_handler.engine.invoke._function_loader import load_function
from s3batch_handler.handler._task_runner import TaskRunner
from s3batch_handler.handler._time_limit import lift_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType

    from s3batch_handler.engine.invoke._function_loader import Function


class Debugging:
    """The debugger of one invocation.

    Attributes:
        is_aborted: Whether the user pressed Ctrl-C, or left a breakpoint by ``quit``.
        is_open: Whether the debugger waits for a command.
        terminal_lock: One thread at a time uses the terminal.
    """

    def __init__(self, streams: tuple[TextIO, TextIO] | None) -> None:
        self._streams = streams
        self._has_warned = False
        self._inspected: Exception | None = None
        self.is_aborted = False
        self.is_open = False
        self.terminal_lock = threading.RLock()

    @property
    def is_available(self) -> bool:
        """Return whether the debugger can read commands from a terminal or a pipe."""
        return self._streams is not None

    def stop(self, *, header: str | None = None, **_: Any) -> None:
        """Open the debugger where ``breakpoint()`` was called: a ``sys.breakpointhook``."""
        frame = cast("FrameType", inspect.currentframe()).f_back
        assert frame is not None
        if self._streams is None:
            self._warn_of_skipped_breakpoint(frame)
            return
        debugger = _Debugger(*self._streams, self, on_quit=self.abort)
        if header is not None:
            debugger.message(header)
        debugger.set_trace(frame)

    def inspect_exception(self, error: BaseException) -> None:
        """Open the debugger where an exception was raised."""
        if self._streams is None:
            return
        debugger = _Debugger(*self._streams, self)
        own_frame = cast("TracebackType", error.__traceback__)
        frames = own_frame.tb_next or own_frame
        debugger.message("".join(traceback.format_exception(type(error), error, frames)))
        debugger.message("Inspect the exception here; q continues.")
        debugger.reset()
        # Python 3.13 takes the exception, to show its causes, too.
        cause: Any = error if sys.version_info >= (3, 13) else error.__traceback__
        debugger.interaction(None, cause)

    def load(self, spec: str) -> Function:
        """Load a function, and open the debugger on its exceptions, except S3BatchError."""

        def initialize(runner: TaskRunner, function: Callable[[Any], Any], **options: Any) -> None:
            original(runner, function, **options)
            vars(runner)["_function"] = self._inspecting_exceptions(function)

        # A handler turns exceptions into failed tasks, so the user's function is wrapped, too.
        original = TaskRunner.__init__
        with patch.object(TaskRunner, "__init__", initialize):
            return self._inspecting_exceptions(load_function(spec))

    def _inspecting_exceptions(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def inspecting() -> Iterator[None]:
            try:
                yield
            except Exception as error:
                expected = isinstance(error, S3BatchError) or error is self._inspected
                if not (expected or self.is_aborted):
                    self._inspected = error
                    self.inspect_exception(error)
                raise

        async def wait_for(result: Any) -> Any:
            with inspecting():
                return await result

        @wraps(function)
        def call(*arguments: Any) -> Any:
            with inspecting():
                result = function(*arguments)
            return wait_for(result) if inspect.isawaitable(result) else result

        return call

    def interrupt(self) -> None:
        """Cancel the invocation on Ctrl-C, unless the debugger is open, which handles it itself."""
        if not self.is_open:
            self.abort()

    def abort(self) -> None:
        """Mark the invocation as aborted, so that its response is not used.

        Switch logging off, too: a handler would log a failed task, which has not really failed.
        """
        self.is_aborted = True
        logging.disable()

    def _warn_of_skipped_breakpoint(self, frame: FrameType) -> None:
        if not self._has_warned:
            place = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
            print_message(f"s3batch: breakpoint() in {place} skipped: {_NO_TERMINAL}")
        self._has_warned = True


_NO_TERMINAL = "there is no terminal for the debugger"


@contextmanager
def enable_debugger(*, stdin_is_used: bool) -> Iterator[Debugging]:
    """Connect breakpoints, and functions that read standard input, to the terminal.

    Args:
        stdin_is_used: The event was read from standard input, so functions read from the terminal.
            Otherwise, the debugger accepts commands from a standard input that is a pipe.
    """
    terminal = None
    if stdin_is_used or (cast("Any", sys.stdin) is not None and sys.stdin.isatty()):
        terminal = _open_terminal()
    streams = terminal
    if streams is None and not stdin_is_used and _has_commands(sys.stdin):
        streams = sys.stdin, sys.stderr
    before = sys.stdin, sys.breakpointhook, logging.root.manager.disable
    debugging = Debugging(streams)
    if stdin_is_used:
        sys.stdin = terminal[0] if terminal else _NoInput()
    if not os.environ.get("PYTHONBREAKPOINT"):  # it may name another debugger
        sys.breakpointhook = debugging.stop
    try:
        with (
            patch("pdb.set_trace", debugging.stop),
            # A child process would be killed while the user works with the debugger.
            patch("s3batch_handler.handler._decorator.class_of_runner", lambda _: TaskRunner),
        ):
            yield debugging
    finally:
        sys.stdin, sys.breakpointhook, level = before
        if not debugging.is_aborted:
            logging.disable(level)
        for stream in terminal or ():
            stream.close()


def _has_commands(stream: Any) -> bool:
    """Return whether a stream may contain debugger commands: a pipe or file, not ``/dev/null``."""
    if stream is None:
        return False
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # not a real file, as in tests
        return True
    return bool(stream.isatty()) or not stat.S_ISCHR(mode)


def _open_terminal() -> tuple[TextIO, TextIO] | None:
    """Open the terminal of this process for reading and writing, if it has one."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    reader = os.fdopen(os.dup(descriptor), errors="replace")
    return reader, os.fdopen(descriptor, "w", errors="backslashreplace")


class _NoInput(io.TextIOBase):
    """A standard input that raises an error when it is read."""

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int | None = -1, /) -> NoReturn:
        raise OSError(f"standard input was read as the event, and {_NO_TERMINAL}")

    @override
    def readline(self, size: int = -1, /) -> NoReturn:  # type: ignore[override]
        self.read()


class _Debugger(Pdb):
    """A pdb that switches off the time limit of the task, because users need more time."""

    def __init__(
        self,
        stdin: TextIO,
        stdout: TextIO,
        debugging: Debugging,
        on_quit: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(stdin=stdin, stdout=stdout, nosigint=True)
        self._debugging = debugging
        self._on_quit = on_quit

    @override
    def interaction(self, *arguments: Any, **options: Any) -> None:
        with self._debugging.terminal_lock:
            lift_limit()
            self._debugging.is_open = True
            try:
                super().interaction(*arguments, **options)
            finally:
                self._debugging.is_open = False

    @override
    def do_quit(self, arg: str) -> bool | None:
        self._on_quit()
        return super().do_quit(arg)

    do_q = do_exit = do_quit

    @override
    def do_EOF(self, arg: str) -> bool | None:
        if not self.stdin.isatty():
            print_message(f"s3batch: {_NO_TERMINAL}, and standard input has ended")
        self._on_quit()
        return super().do_EOF(arg)
