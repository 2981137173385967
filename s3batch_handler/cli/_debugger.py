"""Run the debugger of ``s3batch invoke`` in the terminal, even if streams are redirected."""

from __future__ import annotations

import inspect
import io
import logging
import os
import pdb  # noqa: T100
import stat
import sys
import threading
import traceback
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast
from unittest.mock import patch

from typing_extensions import override

from s3batch_handler.cli._output import print_message
from s3batch_handler.core._errors import S3BatchError
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
        is_aborted: The user pressed Ctrl-C, or left a breakpoint by ``quit``.
        is_open: The debugger waits for a command.
        turn: Lets one thread at a time use the terminal.
    """

    def __init__(self, streams: tuple[TextIO, TextIO] | None) -> None:
        self._streams = streams
        self._has_complained = False
        self._known: Exception | None = None
        self.is_aborted = False
        self.is_open = False
        self.turn = threading.RLock()

    @property
    def is_possible(self) -> bool:
        """Return whether there is a terminal, or a pipe with commands."""
        return self._streams is not None

    def stop(self, *, header: str | None = None, **_: Any) -> None:
        """Stop where ``breakpoint()`` is called: Python's ``sys.breakpointhook``."""
        frame = cast("FrameType", inspect.currentframe()).f_back
        assert frame is not None
        if self._streams is None:
            self._complain(frame)
            return
        debugger = _Debugger(*self._streams, self, on_quit=self.abort)
        if header is not None:
            debugger.message(header)
        debugger.set_trace(frame)

    def look_into(self, error: BaseException) -> None:
        """Open the debugger where an exception was raised."""
        if self._streams is None:
            return
        debugger = _Debugger(*self._streams, self)
        ours = cast("TracebackType", error.__traceback__)
        shown = traceback.format_exception(type(error), error, ours.tb_next or ours)
        debugger.message("".join(shown))
        debugger.message("Inspect the exception here; q continues.")
        debugger.reset()
        # Python 3.13 takes the exception, to move along its chain.
        cause: Any = error if sys.version_info >= (3, 13) else error.__traceback__
        debugger.interaction(None, cause)

    def load(self, spec: str) -> Function:
        """Load a function; open the debugger on its exceptions, except this package's own."""

        def watch(runner: TaskRunner, function: Callable[[Any], Any], **options: Any) -> None:
            begin(runner, function, **options)
            vars(runner)["_function"] = self._watched(function)

        # A handler turns exceptions into failed tasks, so the user's function is watched.
        begin = TaskRunner.__init__
        with patch.object(TaskRunner, "__init__", watch):
            return self._watched(load_function(spec))

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def fails(error: Exception) -> None:
            if not (isinstance(error, S3BatchError) or error is self._known or self.is_aborted):
                self._known = error
                self.look_into(error)

        async def awaited(result: Any) -> Any:
            try:
                return await result
            except Exception as error:
                fails(error)
                raise

        @wraps(function)
        def watched(*arguments: Any) -> Any:
            try:
                result = function(*arguments)
            except Exception as error:
                fails(error)
                raise
            return awaited(result) if inspect.isawaitable(result) else result

        return watched

    def interrupt(self) -> None:
        """Record a Ctrl-C, unless the debugger is open, which handles it itself."""
        if not self.is_open:
            self.abort()

    def abort(self) -> None:
        """Mark the invocation as aborted, so that its response is not used.

        A handler turns every exception into a failed task and logs it. Logging is switched off,
        because the failure is not real.
        """
        self.is_aborted = True
        logging.disable()

    def _complain(self, frame: FrameType) -> None:
        if not self._has_complained:
            where = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
            print_message(f"s3batch: breakpoint() in {where} skipped: {_NO_TERMINAL}")
        self._has_complained = True


_NO_TERMINAL = "there is no terminal for the debugger"


@contextmanager
def debugging(*, stdin_is_used: bool) -> Iterator[Debugging]:
    """Connect breakpoints, and everything else that reads standard input, to the terminal.

    Args:
        stdin_is_used: The event was read from standard input: what a function reads comes from the
            terminal. Otherwise a debugger takes commands from a standard input that is a pipe.
    """
    terminal = None
    if stdin_is_used or _is_terminal(sys.stdin):
        terminal = _open_terminal()
    streams = terminal
    if streams is None and not stdin_is_used and _has_commands(sys.stdin):
        streams = sys.stdin, sys.stderr
    before = sys.stdin, sys.breakpointhook, logging.root.manager.disable
    talk = Debugging(streams)
    if stdin_is_used:
        sys.stdin = terminal[0] if terminal else _NoInput()
    if not os.environ.get("PYTHONBREAKPOINT"):  # it names another debugger, or none
        sys.breakpointhook = talk.stop
    try:
        with patch.object(pdb, "set_trace", talk.stop):
            yield talk
    finally:
        sys.stdin, sys.breakpointhook, level = before
        if not talk.is_aborted:
            logging.disable(level)
        for stream in terminal or ():
            stream.close()


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


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
    """Open the terminal of this process, to read and to write; ``None`` if it has none."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    return (
        open(os.dup(descriptor), errors="replace"),  # noqa: PTH123
        open(descriptor, "w", errors="backslashreplace"),  # noqa: PTH123
    )


class _NoInput(io.TextIOBase):
    """A standard input that raises an explanation when it is read."""

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int | None = -1, /) -> NoReturn:
        raise OSError(f"standard input was read as the event, and {_NO_TERMINAL}")

    @override
    def readline(self, size: int = -1, /) -> NoReturn:  # type: ignore[override]
        self.read()


class _Debugger(pdb.Pdb):
    """A pdb that switches off the time limit of the task when it opens."""

    def __init__(
        self,
        stdin: TextIO,
        stdout: TextIO,
        talk: Debugging,
        on_quit: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(stdin=stdin, stdout=stdout, nosigint=True)
        self._talk = talk
        self._on_quit = on_quit

    @override
    def interaction(self, *arguments: Any, **options: Any) -> None:
        with self._talk.turn:
            lift_limit()  # a person takes longer than a function
            self._talk.is_open = True
            try:
                super().interaction(*arguments, **options)
            finally:
                self._talk.is_open = False

    @override
    def do_quit(self, arg: str) -> bool | None:
        if self._on_quit is not None:
            self._on_quit()
        return super().do_quit(arg)

    do_q = do_exit = do_quit

    @override
    def do_EOF(self, arg: str) -> bool | None:
        if not self.stdin.isatty():
            print_message(f"s3batch: {_NO_TERMINAL}, and standard input has ended")
        if self._on_quit is not None:
            self._on_quit()
        return super().do_EOF(arg)
