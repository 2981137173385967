"""A function in a child process. The keys name what a task does to its process."""

import _thread
import contextlib
import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable

from s3batch_handler import Task, task_handler


def crash() -> None:
    ctypes.string_at(0)


def hold_the_interpreter() -> None:
    sum(itertools.repeat(0))


def exit_process() -> None:
    os._exit(3)


def end_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def abort() -> None:
    os.abort()


def use_memory() -> None:
    bytearray(1 << 40)


def wait_for_a_lock() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    lock = _thread.allocate_lock()
    lock.acquire()
    lock.acquire()


def stop_process() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def ignore_signals() -> None:
    for number in (signal.SIGURG, signal.SIGTERM, signal.SIGABRT):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(60)


def close_descriptors() -> None:
    os.closerange(3, 4096)


def write_to_all_descriptors() -> None:
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\0\0\0\7nothing")


def fork() -> None:
    """Start a process that waits, and another one that returns from the function, too."""
    os.fork()
    if os.fork() == 0:
        time.sleep(60)


def fork_without_python() -> None:
    """Fork as a C library does, so that no code of Python runs in the new process."""
    ctypes.PyDLL(None).fork()


def daemonize() -> None:
    """Leave a process that keeps all descriptors and has left the process group, and crash."""
    if ctypes.PyDLL(None).fork() == 0:
        os.setsid()
        time.sleep(2)
        os._exit(0)
    crash()


def print_much() -> None:
    for _ in range(100):
        sys.stdout.write("x" * 9_999 + "\n")


FAULTS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        crash,
        hold_the_interpreter,
        exit_process,
        end_by_signal,
        abort,
        use_memory,
        wait_for_a_lock,
        stop_process,
        ignore_signals,
        close_descriptors,
        write_to_all_descriptors,
        fork,
        fork_without_python,
        daemonize,
        print_much,
    )
}


def work(task: Task) -> str:
    """Do what the key names, and return the IDs of this process and of its parent."""
    FAULTS.get(task.key, lambda: None)()
    return f"{os.getpid()} {os.getppid()}"


# A busy machine may need more than one second for the response.
handler = task_handler(isolation="process", task_timeout=2, time_reserve=2)(work)
