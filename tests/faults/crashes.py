"""Faults: tasks that end their process, or damage it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from tests.faults.fault import TIMEOUT, by_way, exits, fault, permanent, succeeded, temporary

if TYPE_CHECKING:
    from s3batch_handler import Task

MEMORY: Final = 256
"""The megabytes that a task may use."""


@fault(signal=exits("exit status 3"), process=permanent("3"))
def exit_of_process(task: Task) -> None:
    """End the process with `os._exit(3)`."""
    os._exit(3)


@fault(signal=exits("without providing a reason|exit status 0"), process=permanent("0"))
def exit_without_error(task: Task) -> None:
    """End the process with `os._exit(0)`."""
    os._exit(0)


@fault(permanent("SystemExit"))
def sys_exit(task: Task) -> None:
    """Raise SystemExit with `sys.exit(3)`."""
    sys.exit(3)


@fault(permanent("KeyboardInterrupt"))
def keyboard_interrupt(task: Task) -> None:
    """Raise KeyboardInterrupt."""
    raise KeyboardInterrupt


@fault(signal=exits("segmentation fault"), process=permanent("SIGSEGV"))
def segmentation_fault(task: Task) -> None:
    """Read from address 0 with ctypes."""
    ctypes.string_at(0)


@fault(signal=exits("abort"), process=permanent("SIGABRT"))
def abort(task: Task) -> None:
    """Abort the process, as C code does at a failed assertion."""
    os.abort()


@fault(signal=exits("terminated"), process=temporary("SIGTERM"))
def sigterm(task: Task) -> None:
    """Send SIGTERM to the process."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)


@fault(signal=exits("killed"), process=temporary("SIGKILL"))
def sigkill(task: Task) -> None:
    """Send SIGKILL to the process."""
    os.kill(os.getpid(), signal.SIGKILL)


@fault(signal=permanent("MemoryError"), process=temporary("memory limit"))
def memory_error(task: Task) -> None:
    """Request more memory at once than any machine has."""
    bytearray(1 << 62)


@fault(signal=exits("killed"), process=temporary("memory limit"))
def memory_beyond_limit(task: Task) -> None:
    """Use more memory than the function has; Lambda then kills the process."""
    used = []
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < (MEMORY + 32) * 1024:
        used.append(b"x" * (16 << 20))
    # The emulator has no limit, so the task itself does what the kernel does in Lambda.
    os.kill(os.getpid(), signal.SIGKILL)


@fault(permanent("RecursionError"))
def recursion(task: Task) -> None:
    """Call a function that calls itself without an end."""
    recursion(task)


@fault(succeeded("forked"))
def forked_child_exits(task: Task) -> str:
    """Fork a child process that ends with `os._exit()`, and wait for it."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "forked"


@fault(succeeded("parent"))
def forked_child_returns(task: Task) -> str:
    """Fork a child process that returns from the task, too."""
    child = os.fork()
    if child == 0:
        return "child"
    time.sleep(0.5)  # the child returns first
    return "parent"


@fault(succeeded("left"))
def thread_left_running(task: Task) -> str:
    """Return while a thread of the task is still running."""
    threading.Thread(target=time.sleep, args=(30,)).start()
    return "left a thread"


@fault(succeeded("failed"))
def thread_that_fails(task: Task) -> str:
    """Start a thread that raises SystemExit, and one that raises an exception."""
    for target in (sys.exit, int):
        thread = threading.Thread(target=target, args=("x",))
        thread.start()
        thread.join()
    return "two threads failed"


@fault(
    signal=by_way(succeeded("closed"), TIMEOUT, exits("killed")),
    process=permanent("closed the connection"),
)
def files_closed(task: Task) -> str:
    """Close all file descriptors of the process but the standard streams."""
    os.closerange(3, 65536)
    return "closed"
