"""The child process of ``isolation="process"``: run tasks until the parent closes the connection.

The process is a fork of the handler's process, so it has its own copy of everything that was
imported and created before.
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from s3batch_handler.core._error_text import describe
from s3batch_handler.handler._invocation_state import InvocationState, apply_state, forget_trace
from s3batch_handler.handler._isolation_memory import limit_memory
from s3batch_handler.handler._isolation_protocol import Answer, encode_answer, read_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.core._model import Outcome, Task

EXIT_CONNECTION_CLOSED: Final = 97
"""The exit code after a task has closed the connection."""


EXIT_OUT_OF_MEMORY: Final = 98
"""The exit code if there was no memory to answer for a task."""


class ChildSetup(NamedTuple):
    """What a child process needs.

    Attributes:
        run: Runs a task until a deadline.
        logger: The logger of the user, or ``None``.
        metrics: The metrics of the user, or ``None``.
        memory: The memory limit in megabytes, or ``None``.
        inherited: A task that cannot be pickled, or ``None``.
        has_reached_limit: Returns whether a task has reached the memory limit.
    """

    run: Callable[[Task[Any, Any], float], Outcome]
    logger: Any
    metrics: Any
    memory: int | None
    inherited: Task[Any, Any] | None
    has_reached_limit: Callable[[], bool]


def run_child(setup: ChildSetup, connection: socket.socket, life: int, crashes: int) -> NoReturn:
    """Run the child process, which never returns into the code that has forked it.

    Args:
        setup: What it needs.
        connection: The connection to the parent.
        life: The reading end of a pipe that the parent keeps open as long as it lives.
        crashes: The file for the traceback of a crash; negative if there is none.
    """
    status = 1
    try:
        os.setsid()  # the parent can kill all processes that the task starts
        # The thread that has forked this process may have blocked them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGURG, signal.SIGABRT))
        _kill_at_end_of(life)
        _close_runtime_connections()
        limit_memory(setup.memory)
        if crashes >= 0:
            faulthandler.enable(crashes)
        forget_trace()
        _clear_metrics(setup.metrics)
        pipe = os.fdopen(life, "rb", buffering=0)
        os.register_at_fork(after_in_child=lambda: _leave(connection, pipe))
        _run_tasks(setup, connection)
    except MemoryError:
        status = EXIT_OUT_OF_MEMORY
    except (EOFError, OSError):  # the parent has closed the connection, or ended
        status = 0
    finally:
        os._exit(status)


def _run_tasks(setup: ChildSetup, connection: socket.socket) -> NoReturn:
    pid, identity = os.getpid(), _identity(connection.fileno())
    state = InvocationState()
    while True:
        request = read_request(connection)
        apply_state(request.state, state, setup.logger)
        state = request.state
        task = setup.inherited if request.task is None else request.task
        if task is None:
            os._exit(1)
        answer = _answer(setup, task, request.deadline)
        del task
        _flush(setup.metrics)
        if os.getpid() != pid:  # the task has forked, and its child process returned, too
            os._exit(0)
        # A file that the task has opened may have the number of the connection now.
        if _identity(connection.fileno()) != identity:
            os._exit(EXIT_CONNECTION_CLOSED)
        connection.sendall(encode_answer(request.number, answer))


def _answer(setup: ChildSetup, task: Task[Any, Any], deadline: float) -> Answer:
    try:
        outcome = setup.run(task, deadline)
    except Exception as error:  # unexpected="raise"
        import traceback  # rarely needed

        name, module = type(error).__name__, type(error).__module__
        lines = traceback.format_exception(error)
        return Answer(None, (name, module, _text_of(error), "".join(lines)))
    return Answer(outcome, None, setup.has_reached_limit())


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # code of the user
        return describe(error)


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


# ---------------------------------------------------------------- set up


def _kill_at_end_of(pipe: int) -> None:
    """Request that the kernel kills this process group when the parent has ended.

    Otherwise, the process would notice it after its task. Only Linux can send another signal than
    SIGIO.
    """
    with suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


def _close_runtime_connections() -> None:
    """Close the connections to Lambda's runtime API: only the parent may respond to an event.

    They are replaced, because Lambda's runtime client does not know that they are closed.
    """
    host, _, port = os.environ.get("AWS_LAMBDA_RUNTIME_API", "").rpartition(":")
    if not host:
        return
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for path in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if path.is_socket() and _peer(int(path.name)) == (host, int(port)):
                    os.dup2(nothing, int(path.name), inheritable=False)


def _peer(descriptor: int) -> object:
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        peer = copy.getpeername()
    return peer[:2] if isinstance(peer, tuple) else peer


def _leave(connection: socket.socket, life: IO[bytes]) -> None:
    """Close the connection in a process that the task has forked.

    If that process forks again, its own files may have the same descriptors. Therefore objects are
    closed, not descriptors: the second time, that has no effect.
    """
    for end in (connection, life):
        with suppress(OSError):
            end.close()


# ---------------------------------------------------------------- output of the task


def _clear_metrics(metrics: Any) -> None:
    """Forget the metrics that were added in the parent, which writes them."""
    if hasattr(metrics, "clear_metrics"):
        with suppress(Exception):  # code of the user
            metrics.clear_metrics()


def _flush(metrics: Any) -> None:
    """Write what the task has printed and the metrics that it has added."""
    with suppress(BaseException):  # the task may have closed or replaced the streams
        if getattr(metrics, "metric_set", None):
            metrics.flush_metrics()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
