"""Code that continues after an interruption is interrupted again."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._interruption import CallLimit
from s3batch_handler.handler._time_limit import call_within
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


def nested_pools(depth: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        if depth:
            nested_pools(depth - 1)
        else:
            pool.submit(threading.Event().wait, 5).result()


def retry(_: object) -> None:
    for _ in range(20):
        try:
            sleep()
        except BaseException:
            time.sleep(0.001)


def swallow_for_ever(_: object = None) -> None:
    while True:
        try:
            time.sleep(LONG)
        except BaseException:
            continue


def swallow_while_computing(_: object) -> None:
    while True:
        try:
            sum(range(1000))
        except BaseException:
            continue


def suppress_for_ever(_: object) -> None:
    while True:
        with contextlib.suppress(BaseException):
            sleep()


def swallow_in_a_generator(_: object) -> None:
    def numbers() -> Iterator[int]:
        while True:
            try:
                yield 1
                time.sleep(LONG)
            except BaseException:
                pass

    for _ in numbers():
        pass


def swallow_on_all_levels(_: object) -> None:
    while True:
        try:
            swallow_while_computing(None)
        except BaseException:
            pass
        finally:
            swallow_for_ever()


STUBBORN: list[Callable[[Any], object]] = [
    lambda _: nested_pools(8),
    retry,
    swallow_for_ever,
    swallow_while_computing,
    suppress_for_ever,
    swallow_in_a_generator,
    swallow_on_all_levels,
]


@pytest.mark.parametrize("work", STUBBORN)
def test_code_that_always_continues_ends_within_the_reserve(work: Callable[[Any], object]) -> None:
    reserve = 1.0

    def seconds() -> float:
        began = time.monotonic()
        with pytest.raises(OutOfTime):
            call_within(LIMIT, work, None, reserve)
        return time.monotonic() - began

    assert any(seconds() < LIMIT + reserve for _ in range(3))  # a busy machine may stop for a while
    assert sys.exception() is None
    with pytest.raises(IndexError) as caught:
        [].pop()
    assert caught.value.__context__ is None


def test_pauses_between_interruptions_become_shorter(subtests: pytest.Subtests) -> None:
    """The first one is half of the reserve."""
    for reserve in [0.0, 0.5, 2.0, 8.0]:
        with subtests.test(reserve=reserve):
            limit = CallLimit(100.0, reserve, None)
            spread = max(reserve, 0.1) * 0.9
            times = []

            def interrupt(now: float) -> None:
                with contextlib.suppress(OutOfTime):
                    limit.interrupt(sys._getframe(), now)
                    pytest.fail("nothing was interrupted")

            now = 100.0
            while now < 100 + spread * 0.7:
                call_within(math.inf, interrupt, now)
                times.append(now)
                now = limit.next
            pauses = [later - earlier for earlier, later in itertools.pairwise(times)]

            assert pauses[0] == pytest.approx(spread / 2)
            assert pauses == sorted(pauses, reverse=True)
            assert len(times) >= 4


def spin_in_a_loop(_: object) -> None:
    """Loop without an end; before Python 3.13 its interruption is postponed by an instruction."""
    try:
        while True:
            pass
    finally:
        pass


@pytest.mark.parametrize("work", [swallow_for_ever, spin_in_a_loop])
def test_the_trace_function_of_the_user_is_kept(work: Callable[[object], None]) -> None:
    """A debugger or a coverage tool continues after the call."""

    def trace(frame: FrameType, event: str, argument: object) -> None:
        """Trace nothing."""

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(OutOfTime):
            call_within(LIMIT, work, None, 0.2)
        found = sys.gettrace()
    finally:
        sys.settrace(earlier)

    assert found is trace


def test_a_generator_continues_after_its_interruption() -> None:
    began = []

    def numbers() -> Iterator[int]:
        began.append(True)
        with contextlib.suppress(BaseException):
            sleep()
        yield 2
        yield 3

    generator = numbers()

    while not began:  # on a busy machine, the time may be over before
        with soon(), contextlib.suppress(OutOfTime):
            call_within(0.01, next, generator, 0.0)

    assert call_within(LONG, list, generator) in ([3], [])
