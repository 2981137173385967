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
from s3batch_handler.handler._time_limit import call_within, deadline_of
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


def test_the_deadline_is_the_time_left_minus_the_reserve(subtests: pytest.Subtests) -> None:
    """It may be in the past."""
    for left, seconds in [(5000, 4.0), (5000.5, 4.0), (1000, 0.0), (0, -1.0), (-1, -1.0)]:
        with subtests.test(left=left):
            before = time.monotonic()
            until = deadline_of(Context(left), reserve=1.0)
            after = time.monotonic()

            assert before + seconds - 0.001 <= until <= after + seconds + 0.001


def test_a_context_without_a_valid_time_means_no_deadline(subtests: pytest.Subtests) -> None:
    cases: list[object] = [
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
    ]
    for context in cases:
        with subtests.test(context=context):
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
def test_blocking_calls_are_interrupted(block: Callable[[Any], object]) -> None:
    """They are sleeps, reads, locks, child processes and endless loops."""
    silent, peer = socket.socketpair()
    with silent, peer, soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, block, silent)


def test_a_blocking_builtin_is_interrupted() -> None:
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, time.sleep, LONG)


def test_a_function_that_ends_in_time_is_not_affected() -> None:
    """It returns its value or raises its exception."""
    assert call_within(LONG, str.upper, "done") == "DONE"
    with pytest.raises(KeyError):
        call_within(LONG, dict[str, str]().__getitem__, "a")


def test_the_shortest_limit_holds(subtests: pytest.Subtests) -> None:
    for seconds in [1e-9, 1e-6, 0.0001]:
        with subtests.test(seconds=seconds), soon(), pytest.raises(OutOfTime):
            call_within(seconds, sleep, None)


def test_a_limit_that_no_timer_can_keep_is_no_limit(subtests: pytest.Subtests) -> None:
    for seconds in [math.inf, 1e300, sys.maxsize / 1000, 1e8]:
        with subtests.test(seconds=seconds):
            assert call_within(seconds, str.upper, "done") == "DONE"


def test_an_exception_before_the_limit_is_raised_unchanged() -> None:
    def work(_: object) -> None:
        raise ValueError("something failed")

    with pytest.raises(ValueError, match="something failed"):
        call_within(LONG, work, None)


def test_nothing_is_interrupted_after_a_call() -> None:
    call_within(0.3, str, 1)
    with pytest.raises(OutOfTime):
        call_within(0.05, sleep, None)

    time.sleep(0.7)


def test_a_call_that_ends_at_its_limit_has_one_outcome() -> None:
    """It returns its value or raises OutOfTime."""
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
