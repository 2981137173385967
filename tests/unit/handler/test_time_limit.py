"""Calls within a time limit, in the main thread."""

from __future__ import annotations

import decimal
import math
import queue
import random
import select
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._time_limit import (
    call_within,
    deadline_of,
)
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, sleep

if TYPE_CHECKING:
    from collections.abc import Callable


class Context:
    def __init__(self, left: Any) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> Any:
        if isinstance(self.left, Exception):
            raise self.left
        return self.left


@pytest.mark.parametrize(
    ("left", "seconds"), [(5000, 4.0), (5000.5, 4.0), (1000, 0.0), (0, -1.0), (-1, -1.0)]
)
def test_deadline(left: float, seconds: float) -> None:
    """The deadline is what Lambda says is left, less the reserve; nothing left is no mistake."""
    before = time.monotonic()
    until = deadline_of(Context(left), reserve=1.0)
    after = time.monotonic()

    assert before + seconds - 0.001 <= until <= after + seconds + 0.001


@pytest.mark.parametrize(
    "context",
    [
        None,
        object(),
        {},
        MagicMock(),
        Context(None),
        Context("5000"),
        Context(decimal.Decimal(5000)),
        Context(math.nan),
        Context(math.inf),
        Context(10**400),
        Context(RuntimeError("this fake cannot tell")),
        Context(AttributeError("nor can this")),
        MagicMock(get_remaining_time_in_millis=5000),
    ],
)
def test_context_that_cannot_tell(context: object) -> None:
    """A context that cannot tell its time, whatever it is, means that there is no deadline."""
    assert deadline_of(context, reserve=1.0) == math.inf


def receive(connection: socket.socket) -> None:
    connection.recv(1)


def spin(_: object) -> None:
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        pass


def wait_in_pool(_: object) -> None:
    free = threading.Event()
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                pool.submit(free.wait, LONG).result()
            finally:
                free.set()
    finally:
        free.set()


BLOCKING: list[Callable[[Any], object]] = [
    sleep,
    receive,
    spin,
    wait_in_pool,
    lambda _: threading.Lock().acquire() and threading.Event().wait(LONG),
    lambda _: queue.Queue[None]().get(timeout=LONG),
    lambda _: select.select([], [], [], LONG),
    lambda _: subprocess.run(["/bin/sleep", str(LONG)], check=True),
    lambda _: sum(1 for _ in iter(int, 1)),
]


@pytest.mark.parametrize("block", BLOCKING)
def test_blocking_call(block: Callable[[Any], object]) -> None:
    """Sleeps, reads, locks, child processes and endless loops are ended when the time is over."""
    silent, peer = socket.socketpair()
    with silent, peer, soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, block, silent)


def test_blocking_builtin() -> None:
    """It need not be a function written in Python."""
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, time.sleep, LONG)


def test_function_that_is_quick() -> None:
    """What is done in time is not disturbed: neither its value, nor its exception."""
    assert call_within(LONG, str.upper, "done") == "DONE"
    with pytest.raises(KeyError):
        call_within(LONG, dict[str, str]().__getitem__, "a")


@pytest.mark.parametrize("seconds", [1e-9, 1e-6, 0.0001])
def test_hardly_any_time(seconds: float) -> None:
    """The shortest of limits is a limit."""
    with soon(), pytest.raises(OutOfTime):
        call_within(seconds, sleep, None)


@pytest.mark.parametrize("seconds", [math.inf, 1e300, sys.maxsize / 1000, 1e8])
def test_all_the_time_there_is(seconds: float) -> None:
    """Limits that no timer could keep are none."""
    assert call_within(seconds, str.upper, "done") == "DONE"


def test_failure_before_the_end() -> None:
    """What fails in time is no matter of time."""

    def work(_: object) -> None:
        raise ValueError("something failed")

    with pytest.raises(ValueError, match="something failed"):
        call_within(LONG, work, None)


def test_nothing_comes_late() -> None:
    """After a call nothing is interrupted."""
    call_within(0.3, str, 1)
    with pytest.raises(OutOfTime):
        call_within(0.05, sleep, None)

    time.sleep(0.7)


def test_end_and_interruption_at_once() -> None:
    """However close the two come: a value or OutOfTime, and nothing is left behind."""
    values = random.Random(0)
    ended = {True: 0, False: 0}

    def work(seconds: float) -> float:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        return seconds

    for _ in range(400):
        seconds = values.uniform(0.0009, 0.0013)
        try:
            ended[call_within(0.0011, work, seconds) == seconds] += 1
        except OutOfTime:
            ended[False] += 1

    assert ended[True]
    assert ended[False]
