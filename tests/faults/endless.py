"""Faults: tasks that take longer than their time limit."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import os
import queue
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING

from tests.faults.fault import OUT_OF_TIME, TIMEOUT, fault

if TYPE_CHECKING:
    from s3batch_handler import Task

LONG = 30
"""Seconds that a task takes unless it is ended. All that it starts must end by itself, too."""


@fault(OUT_OF_TIME)
def sleep(task: Task) -> None:
    """Sleep beyond the time limit."""
    time.sleep(LONG)


@fault(OUT_OF_TIME)
def busy_loop(task: Task) -> None:
    """Loop in Python code."""
    while True:
        pass


@fault(OUT_OF_TIME)
def bare_except(task: Task) -> None:
    """Catch every exception in an endless loop."""
    while True:
        try:
            time.sleep(LONG)
        except BaseException:
            continue


@fault(OUT_OF_TIME)
def hanging_finally(task: Task) -> None:
    """Hang in a `finally` block after the interruption."""
    try:
        time.sleep(LONG)
    finally:
        time.sleep(LONG)


@fault(OUT_OF_TIME)
def retry_library(task: Task) -> None:
    """Retry after every exception, as a retry library that is configured for all exceptions."""
    for _ in range(1000):
        with suppress(BaseException):
            time.sleep(LONG)
        time.sleep(0.01)


@fault(OUT_OF_TIME)
def nested_thread_pools(task: Task) -> None:
    """Wait for thread pools in a thread pool."""
    with ThreadPoolExecutor(2) as outer, ThreadPoolExecutor(2) as inner:
        parts = [outer.submit(inner.submit(time.sleep, LONG).result) for _ in range(2)]
        for part in parts:
            part.result()


@fault(OUT_OF_TIME)
def socket_read(task: Task) -> None:
    """Read from a connection on which nothing arrives."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).recv(1)


@fault(OUT_OF_TIME)
def deadlock(task: Task) -> None:
    """Acquire a lock twice."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@fault(OUT_OF_TIME)
def empty_queue(task: Task) -> None:
    """Wait for an item of a queue that stays empty."""
    queue.Queue[int]().get()


@fault(OUT_OF_TIME)
def wait_for_program(task: Task) -> None:
    """Wait for a program with `subprocess.run()`."""
    subprocess.run(["sleep", str(LONG)], check=True)


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def system_call(task: Task) -> None:
    """Wait for a program with `os.system()`, which does not check for signals."""
    os.system(f"sleep {LONG}")


@fault(OUT_OF_TIME)
def import_(task: Task) -> None:
    """Import a module that hangs."""
    importlib.import_module("tests.faults.hanging_module")


@fault(OUT_OF_TIME)
def regular_expression(task: Task) -> None:
    """Match a regular expression that backtracks for hours, in C."""
    re.match(r"(a+)+$", "a" * 64 + "b")


@fault(OUT_OF_TIME)
def huge_number(task: Task) -> None:
    """Compute a power with a billion digits, in C."""
    pow(3, 2_000_000_000)


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def endless_sum(task: Task) -> None:
    """Sum an endless iterator, in C code that holds the interpreter."""
    sum(repeat(0))


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def sum_of_range(task: Task) -> None:
    """Sum a trillion numbers, in C code that holds the interpreter."""
    sum(range(10**12))


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def hash_rounds(task: Task) -> None:
    """Compute a hash with two billion rounds, in C code without the interpreter."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def compression(task: Task) -> None:
    """Compress data that is slow to compress, in C code without the interpreter."""
    zlib.compress(os.urandom(1 << 20).translate(bytes(range(2)) * 128) * 10, 9)


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def query(task: Task) -> None:
    """Run an endless query of SQLite, in C code without the interpreter."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT sum(i) FROM n"
    sqlite3.connect(":memory:").execute(numbers).fetchall()


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def signals_blocked(task: Task) -> None:
    """Block all signals of the thread, then sleep."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(LONG)


@fault(OUT_OF_TIME)
def signals_blocked_in_loop(task: Task) -> None:
    """Block all signals of the thread, then loop in Python code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass


@fault(signal=TIMEOUT, process=OUT_OF_TIME)
def signals_ignored(task: Task) -> None:
    """Ignore SIGALRM and SIGURG, then sleep."""
    for number in (signal.SIGALRM, signal.SIGURG):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(LONG)


@fault(OUT_OF_TIME)
def signal_handlers_replaced(task: Task) -> None:
    """Install signal handlers for SIGALRM and SIGURG that do nothing, then sleep."""
    for number in (signal.SIGALRM, signal.SIGURG):
        signal.signal(number, lambda *_: None)
    time.sleep(LONG)


@fault(OUT_OF_TIME)
def timers_disarmed(task: Task) -> None:
    """Disarm the timers of the process, then sleep."""
    signal.alarm(0)
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    time.sleep(LONG)


@fault(OUT_OF_TIME)
def clock_replaced(task: Task) -> None:
    """Replace `time.monotonic` by a clock that stands still, then loop."""
    now = time.monotonic()
    time.monotonic = lambda: now
    while True:
        pass


@fault(OUT_OF_TIME)
def trace_function(task: Task) -> None:
    """Loop under a trace function, as a debugger or a coverage tool sets it."""
    sys.settrace(lambda *_: None)
    while True:
        pass


@fault(OUT_OF_TIME)
async def blocked_event_loop(task: Task) -> None:
    """Block the event loop of an async function with a sleep."""
    time.sleep(LONG)


@fault(OUT_OF_TIME)
async def stubborn_coroutine(task: Task) -> None:
    """Catch every cancellation in an endless loop of an async function."""
    while True:
        with suppress(BaseException):
            await asyncio.sleep(LONG)


@fault(OUT_OF_TIME)
async def executor_of_event_loop(task: Task) -> None:
    """Wait in an async function for a blocking call in a thread."""
    await asyncio.to_thread(time.sleep, LONG)


@fault(OUT_OF_TIME)
def forked_child_hangs(task: Task) -> None:
    """Fork a child process that hangs, and wait for it."""
    child = os.fork()
    if child == 0:
        time.sleep(LONG)
        os._exit(0)
    os.waitpid(child, 0)
