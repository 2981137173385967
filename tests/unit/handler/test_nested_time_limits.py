"""Calls within a time limit inside other such calls."""

from __future__ import annotations

import contextlib
import re
import time

import pytest

from s3batch_handler import Task, task_handler
from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._time_limit import call_within
from s3batch_handler.testing import FakeClock, make_context, make_task
from tests.support.handlers import LONG, soon
from tests.support.time_limits import IN_SLEEP, LIMIT, sleep


def test_an_earlier_inner_limit_ends_the_inner_call() -> None:
    """The outer limit holds after it."""
    seen = []

    def outer(_: object) -> None:
        with pytest.raises(OutOfTime):
            call_within(LIMIT, sleep, None)
        seen.append("inner")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(1.0, outer, None)

    assert seen == ["inner"]


def test_an_earlier_outer_limit_ends_both_calls() -> None:
    seen = []

    def outer(_: object) -> None:
        try:
            call_within(LONG, sleep, None, 1.0, IN_SLEEP)
        except OutOfTime:
            seen.append("inner")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, outer, None, 1.0, IN_SLEEP)

    assert seen == ["inner"]


def test_a_call_after_an_interruption_ends_within_the_reserve() -> None:
    times = []

    def outer(_: object) -> str:
        with contextlib.suppress(OutOfTime):
            sleep()
        began = time.monotonic()
        with contextlib.suppress(OutOfTime):
            call_within(LONG, sleep, None, 2.0)
        times.append(time.monotonic() - began)
        return "done"

    with contextlib.suppress(OutOfTime):
        call_within(LIMIT, outer, None, 2.0, IN_SLEEP)

    assert times[0] < LONG / 4


def test_a_task_without_a_limit_of_its_own_is_stopped_by_that_of_its_caller() -> None:
    """Its message names no seconds: it may use all the time that the caller has."""

    @task_handler(time_reserve=20)  # the caller can use most of it before it is interrupted, too
    def handler(task: Task) -> str:
        if task.key == "outer":
            return handler.run(make_task("inner")).message
        clock.advance(41)
        return "not stopped"

    with FakeClock() as clock:
        outcome = handler.run(make_task("outer"), make_context(timeout=60))

    assert re.fullmatch(r"stopped in handler\(\), line \d+: out of time", outcome.message)
