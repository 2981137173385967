"""Faults: tasks that change the state of their process and return."""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._typing import override
from tests.faults.fault import TIMEOUT, fault, permanent, succeeded

if TYPE_CHECKING:
    from s3batch_handler import Task


@fault(succeeded("flooded"))
def flooded_output(task: Task) -> str:
    """Write 20 MB to standard output and standard error."""
    for stream in (sys.stdout, sys.stderr):
        for _ in range(100):
            print("x" * 100_000, file=stream)
    return "flooded"


@fault(succeeded("closed"))
def streams_closed(task: Task) -> str:
    """Close `sys.stdout` and `sys.stderr`."""
    sys.stdout.close()
    sys.stderr.close()
    return "closed"


@fault(succeeded("closed"))
def streams_closed_below(task: Task) -> str:
    """Close the file descriptors 0, 1 and 2."""
    for stream in range(3):
        with suppress(OSError):
            os.close(stream)
    return "closed"


@fault(succeeded("removed"))
def directory_removed(task: Task) -> str:
    """Change to a directory and remove it."""
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()
    return "removed"


@fault(succeeded("cleared"))
def environment_cleared(task: Task) -> str:
    """Remove all environment variables."""
    os.environ.clear()
    return "cleared"


@fault(succeeded("replaced"))
def functions_replaced(task: Task) -> str:
    """Replace clocks, `json.dumps`, `signal.signal` and `threading.Thread.start`."""

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("replaced by a task")

    time.monotonic = fail
    json.dumps = fail
    signal.signal = fail
    threading.Thread.start = fail  # type: ignore[method-assign]
    return "replaced"


@fault(signal=succeeded("blocked", then=TIMEOUT), process=succeeded("blocked"))
def signals_left_blocked(task: Task) -> str:
    """Leave all signals of the thread blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return "blocked"


@fault(succeeded("ignored"))
def signals_left_ignored(task: Task) -> str:
    """Leave all signals ignored that can be."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        with suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    return "ignored"


@fault(succeeded("raise"))
def logging_broken(task: Task) -> str:
    """Add a handler to the root logger that raises SystemExit, and turn warnings into errors."""

    class Broken(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            raise SystemExit

    logging.getLogger().addHandler(Broken())
    logging.getLogger().setLevel(0)
    warnings.simplefilter("error")
    return "loggers raise"


@fault(succeeded("set"))
def interpreter_settings(task: Task) -> str:
    """Disable the garbage collector, and lower the recursion limit to 100."""
    gc.disable()
    sys.setswitchinterval(1)
    sys.setrecursionlimit(100)
    return "set"


@fault(permanent("raised by a trace function"))
def broken_trace_function(task: Task) -> None:
    """Set a trace function and a profile function that raise an exception."""

    def fail(*_: object) -> None:
        raise RuntimeError("raised by a trace function")

    sys.setprofile(fail)
    sys.settrace(fail)


@fault(succeeded("lowered"))
def open_files_limited(task: Task) -> str:
    """Lower the limit of open files to those that are open, and the timeout of sockets to 1 ms."""
    limit = max(map(int, (file.name for file in Path("/proc/self/fd").iterdir()))) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    socket.setdefaulttimeout(0.001)
    return "lowered"
