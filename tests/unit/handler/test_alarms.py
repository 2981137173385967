"""Time limits together with alarms of the user."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._time_limit import call_within
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, sleep

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Limit the time of a block by an alarm, as many helpers do."""

    def ring(signum: int, frame: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_task_that_used_an_alarm_is_interrupted() -> None:
    def work(_: object) -> None:
        with at_most(0.5):
            pass
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


def test_a_later_alarm_of_the_task_does_not_change_the_limit() -> None:
    def work(_: object) -> None:
        with at_most(LONG):
            sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


def test_an_earlier_alarm_of_the_task_works() -> None:
    def work(_: object) -> None:
        with at_most(0.05):
            sleep()

    with soon(), pytest.raises(TimeoutError, match=r"more than 0\.05 s"):
        call_within(LONG, work, None)


def test_a_task_that_disables_alarms_and_timers_is_interrupted() -> None:
    def work(_: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        sleep()

    earlier = signal.getsignal(signal.SIGALRM)
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)
    signal.signal(signal.SIGALRM, earlier)


def test_an_alarm_around_a_call_continues() -> None:
    """Its handler and interval do not change during the call and after it."""
    count = []
    earlier = signal.signal(signal.SIGALRM, lambda *_: count.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:

        def go_on(_: object) -> None:
            enough = len(count) + 3
            while len(count) < enough:
                time.sleep(0.01)

        with soon():
            call_within(LONG, go_on, None)
            with pytest.raises(OutOfTime):
                call_within(LIMIT, sleep, None)
            go_on(None)
        assert signal.getitimer(signal.ITIMER_REAL)[1] == pytest.approx(0.02, abs=0.005)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
