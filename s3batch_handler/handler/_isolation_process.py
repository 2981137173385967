"""A child process that runs tasks, from the side of its parent."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import sys
import threading
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, ClassVar, Final

from s3batch_handler.core._errors import OutOfTime, TaskCrashed, TemporaryFailure
from s3batch_handler.core._model import ResultCode
from s3batch_handler.handler._isolation_child import (
    EXIT_CONNECTION_CLOSED,
    EXIT_OUT_OF_MEMORY,
    ChildSetup,
    run_child,
)
from s3batch_handler.handler._isolation_protocol import (
    Answer,
    AnswerReader,
    InvalidAnswer,
    Request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECK_INTERVAL: Final = 0.1
"""Seconds between checks whether a process has ended without closing its connection."""

END_SECONDS: Final = 1.0
"""Maximum seconds to wait for the end of a process that was killed between tasks."""

_SHORT_SECONDS: Final = 0.05
"""Maximum seconds to wait for the traceback of a process whose task is out of time, and again for
the end of that process."""

_EXIT_SECONDS: Final = 0.5
"""Maximum seconds between the end of a connection and the end of its process."""


class TaskProcess:
    """A child process that runs one task at a time.

    Raises:
        TemporaryFailure: The system cannot start another process.

    Attributes:
        starting: The lock for creating a process. Otherwise, another process that is forked at the
            same time would keep the connection of this one open.
        is_usable: Whether it can run another task.
    """

    starting: ClassVar = threading.Lock()

    def __init__(self, setup: ChildSetup, source: str | None) -> None:
        self._memory = setup.memory
        self._source = source
        self.is_usable = True
        self._status: int | None = None
        with self.starting, ExitStack() as on_error, ExitStack() as ends_of_child:
            try:
                self._connection, other = socket.socketpair()
                on_error.callback(self._connection.close)
                ends_of_child.callback(other.close)
                life, self._life = os.pipe()
                on_error.callback(os.close, self._life)
                ends_of_child.callback(os.close, life)
                self._crashes = _create_file()
                on_error.callback(_close, self._crashes)
                self._pid = _fork(lambda: self._run_in_child(setup, other, life))
            except OSError as error:
                raise TemporaryFailure(f"not started: cannot start a process: {error}") from error
            on_error.pop_all()
            _processes.add(self)
        self._idle = select.poll()
        self._idle.register(self._connection, select.POLLIN)

    def _run_in_child(self, setup: ChildSetup, connection: socket.socket, life: int) -> None:
        crashes, self._crashes = self._crashes, -1
        self.forget()
        run_child(setup, connection, life, crashes)

    def has_ended(self) -> bool:
        """Return whether the process has ended, or has sent data, while it had no task."""
        return not self.is_usable or bool(self._idle.poll(0))

    def run(self, request: Request, encoded: bytes, grace: float) -> Answer:
        """Run a task and return the answer.

        Args:
            request: The task and its deadline.
            encoded: The request as bytes.
            grace: Seconds after the deadline until the process is killed.

        Raises:
            OutOfTime: There was no answer in time, so the process was killed.
            TaskCrashed: The process ended, or sent data that is not an answer.
        """
        self.is_usable = False
        answer: Answer | None = None
        try:
            answer = self._run(request, encoded, request.deadline + grace)
        finally:
            # After its deadline, a task may have been interrupted anywhere.
            if answer is None or answer.is_last or monotonic() > request.deadline:
                self.kill(min(grace / 10, _SHORT_SECONDS))
            else:
                self.is_usable = True
        return answer

    def _run(self, request: Request, encoded: bytes, kill_at: float) -> Answer:
        reader = AnswerReader(request.number)
        try:
            self._connection.settimeout(max(min(kill_at - monotonic(), _LONGEST_WAIT), 0.01))
            self._connection.sendall(encoded)
            while (left := kill_at - monotonic()) > 0:
                self._connection.settimeout(min(left, _CHECK_INTERVAL))
                try:
                    data = self._connection.recv(_CHUNK)
                except TimeoutError:
                    if self._wait(0) is not None:
                        break
                    continue
                if not data:
                    break
                answer = reader.feed(data)
                if answer is not None:
                    return answer
        except InvalidAnswer:
            raise TaskCrashed(
                "the process of the task sent invalid data: the task wrote to a file descriptor "
                "that it did not open"
            ) from None
        except TimeoutError:
            pass
        except OSError:  # the connection is broken
            raise self._crash(kill_at) from None
        if monotonic() >= kill_at:
            raise self._out_of_time()
        raise self._crash(kill_at)

    # ------------------------------------------------------------ the end

    def kill(self, seconds: float = END_SECONDS) -> None:
        """Kill the process with the processes that its tasks have started, and forget it.

        Args:
            seconds: Maximum number of seconds to wait for its end.
        """
        self.is_usable = False
        if self not in _processes:  # it is forgotten already
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._status is None:
            with suppress(ProcessLookupError):  # it may not have its own group yet
                os.kill(self._pid, signal.SIGKILL)
        if self._wait(seconds) is None:  # much memory is freed, or it waits for a device
            _ending.add(self._pid)
        self.forget()

    def forget(self) -> None:
        """Close this side of the connection, in a process that is not the parent."""
        self.is_usable = False
        _processes.discard(self)
        self._connection.close()
        _close(self._life)
        _close(self._crashes)

    def _wait(self, seconds: float) -> int | None:
        """Return the exit status of the process, or ``None`` if it does not end in time."""
        give_up_at = monotonic() + seconds
        while self._status is None:
            try:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:  # other code has waited for it
                pid, status = self._pid, _UNKNOWN_STATUS
            if pid:
                self._status = status
            elif monotonic() > give_up_at:
                break
            else:
                sleep(0.001)
        return self._status

    def _out_of_time(self) -> OutOfTime:
        error = OutOfTime()
        error.place = self._abort()
        self._add_dump(error)
        return error

    def _crash(self, kill_at: float) -> TaskCrashed:
        """Return the exception for a process that has ended or closed its connection."""
        status = self._wait(min(_EXIT_SECONDS, kill_at - monotonic()))
        if status is None:
            place = self._abort()
            return TaskCrashed(
                f"the task closed the connection of its process{place}, {_HOW_CLOSED}"
            )
        if status == _UNKNOWN_STATUS:
            return TaskCrashed("the process of the task ended")
        code = os.waitstatus_to_exitcode(status)
        if code == EXIT_CONNECTION_CLOSED:
            return TaskCrashed(f"the task closed the connection of its process, {_HOW_CLOSED}")
        if code == EXIT_OUT_OF_MEMORY:
            return TaskCrashed(
                f"the process of the task has reached its memory limit of {self._memory} MB",
                code=ResultCode.TEMPORARY_FAILURE,
            )
        if code >= 0:
            return TaskCrashed(f"the process of the task exited with code {code}", exit_code=code)
        return self._killed(-code)

    def _killed(self, number: int) -> TaskCrashed:
        name = _signal_name(number)
        text = f"the process of the task was ended by {name}{self._place()}"
        if number == signal.SIGKILL:
            text += ", probably because memory ran out"
            if self._memory is not None:
                text += f": it may use {self._memory:g} MB"
        error = TaskCrashed(text, signal=name)
        if number in _SIGNALS_FROM_OUTSIDE:
            error.code = ResultCode.TEMPORARY_FAILURE
        self._add_dump(error)
        return error

    def _abort(self) -> str:
        """End the process with SIGABRT, so that it writes its traceback, and return the place."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGABRT)
            os.kill(self._pid, signal.SIGCONT)  # it may be stopped
        self._wait(_SHORT_SECONDS)
        return self._place()

    def _dump(self) -> str:
        if self._crashes < 0:
            return ""
        return os.pread(self._crashes, _LONGEST_DUMP, 0).decode(errors="replace")

    def _add_dump(self, error: BaseException) -> None:
        """Add the tracebacks of the process to an exception, without the callers of the task."""
        lines, is_caller = [], False
        for line in self._dump().splitlines():
            is_caller = bool(line) and (is_caller or _PACKAGE in line)
            if not is_caller:
                lines.append(line)
        if lines:
            error.add_note("\n".join(lines))

    def _place(self) -> str:
        """Return the innermost function and line in the file of the user's function."""
        # The task may have written to the file, too. Lines are matched from their start, because a
        # search in a long line would take seconds.
        for file, line, name in re.findall(_FRAME, self._dump(), re.MULTILINE):
            if file == self._source:
                return f" in {name}(), line {line}"
        return ""


_HOW_CLOSED: Final = "for example with os.closerange()"
_PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
_FRAME: Final = r'^  File "(.*)", line (\d+) in (.*)$'
_CHUNK: Final = 1 << 16
_LONGEST_DUMP: Final = 1 << 16
_LONGEST_WAIT: Final = 1e6
_UNKNOWN_STATUS: Final = -1
_SIGNALS_FROM_OUTSIDE: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_processes: Final = set[TaskProcess]()
_ending: Final = set[int]()
"""Processes that were killed and had not ended yet."""


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        with suppress(OSError):
            os.close(descriptor)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _create_file() -> int:
    """Create a file for the traceback of a crash; return -1 if there is no place for it."""
    with suppress(OSError):
        if hasattr(os, "memfd_create"):
            return os.memfd_create("s3batch-crash")
        import tempfile

        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    return -1


def reap(seconds: float = 0) -> None:
    """Wait for the processes that were killed, for at most ``seconds`` altogether."""
    give_up_at = monotonic() + seconds
    while _ending:
        for pid in list(_ending):
            try:
                has_ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:  # other code has waited for it
                has_ended = pid
            if has_ended:
                _ending.discard(pid)
        if monotonic() >= give_up_at:
            return
        sleep(0.001)


def _fork(run_in_child: Callable[[], None]) -> int:
    reap()
    for stream in (sys.stdout, sys.stderr):  # or else both processes write what is in the buffers
        with suppress(Exception):
            stream.flush()
    with warnings.catch_warnings():
        # "This process is multi-threaded": the threads are those of the time limit and of the
        # user. If a lock of another thread is held, the task exceeds its time limit, and the next
        # process is probably forked at a better moment.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            run_in_child()
        finally:
            os._exit(1)
    return pid


def _forget_all() -> None:
    for process in list(_processes):
        process.forget()
    _ending.clear()
    TaskProcess.starting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
