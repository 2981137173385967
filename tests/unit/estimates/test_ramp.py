"""The duration of a job, compared with a simulation of each execution environment."""

from __future__ import annotations

import heapq
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._typing import override
from s3batch_handler.estimates._ramp import Ramp

seconds = st.decimals("0.001", "900", places=3)
inits = st.decimals("0", "30", places=3)
concurrencies = st.integers(1, 3500)


def simulate(tasks: int, ramp: Ramp) -> Decimal:
    """Run each task in the environment that finishes it first; return the time of the last."""
    period = max(ramp.duration, Decimal("0.1"))
    ends = [
        number // 1000 * 10 + ramp.init + period for number in range(ramp.concurrency)
    ]  # of the next task of each environment
    heapq.heapify(ends)
    end = Decimal(0)
    for _ in range(tasks):
        end = ends[0]
        heapq.heapreplace(ends, end + period)
    return end


@given(st.integers(1, 5000), seconds, inits, concurrencies)
def test_the_duration_is_that_of_a_simulation(
    tasks: int, duration: Decimal, init: Decimal, concurrency: int
) -> None:
    """The search for the end has the same result as running each task."""
    ramp = Ramp(concurrency=concurrency, duration=duration, init=init)

    assert ramp.seconds_for(tasks) == simulate(tasks, ramp)


@given(st.integers(1, 10**12), st.integers(1, 10**6), seconds, inits, st.integers(1, 10**5))
def test_more_objects_never_take_less_time(
    tasks: int, more: int, duration: Decimal, init: Decimal, concurrency: int
) -> None:
    """The duration is monotonic in the number of objects."""
    ramp = Ramp(concurrency=concurrency, duration=duration, init=init)

    assert ramp.seconds_for(tasks) <= ramp.seconds_for(tasks + more)


@given(st.integers(1, 10**12), seconds, inits, st.integers(1, 10**5))
def test_no_job_is_faster_than_all_environments_at_full_speed(
    tasks: int, duration: Decimal, init: Decimal, concurrency: int
) -> None:
    """The duration is at least the tasks divided by the speed of all environments."""
    ramp = Ramp(concurrency=concurrency, duration=duration, init=init)

    # A microsecond: the number of environments per second is not always a finite decimal.
    assert ramp.seconds_for(tasks) >= tasks / ramp.tasks_per_second - Decimal("0.000001")


@given(st.integers(1, 10**9), seconds, concurrencies, st.decimals("0.1", "1000", places=1))
def test_a_measured_rate_limits_the_speed(
    tasks: int, duration: Decimal, concurrency: int, rate: Decimal
) -> None:
    """S3 may start fewer tasks than the environments could run."""
    limited = Ramp(concurrency=concurrency, duration=duration, rate=rate)
    unlimited = Ramp(concurrency=concurrency, duration=duration)

    assert limited.seconds_for(tasks) >= max(tasks / rate, unlimited.seconds_for(tasks))


@given(st.integers(1, 10**9), seconds, inits, st.integers(1, 10**5))
def test_all_tasks_are_finished_at_the_end_and_not_before(
    tasks: int, duration: Decimal, init: Decimal, concurrency: int
) -> None:
    """The end is the first microsecond in which all tasks are finished."""
    ramp = Ramp(concurrency=concurrency, duration=duration, init=init)

    end = ramp.seconds_for(tasks)

    assert ramp.finished(end) >= tasks
    assert ramp.finished(end - Decimal("0.000001")) < tasks


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (10_000_000, Decimal(2000)),  # 1,000 environments with 5 tasks per second each
        (1000, Decimal("0.2")),
        (1001, Decimal("0.4")),
    ],
)
def test_the_default_concurrency_needs_no_ramp(tasks: int, expected: Decimal) -> None:
    """Lambda creates 1,000 environments at once."""
    ramp = Ramp(concurrency=1000, duration=Decimal("0.2"))

    assert ramp.seconds_for(tasks) == expected


def test_short_tasks_run_ten_times_a_second() -> None:
    """An environment gets at most 10 requests in a second, however short they are."""
    ramp = Ramp(concurrency=1000, duration=Decimal("0.001"))

    assert ramp.tasks_per_second == 10_000


def test_a_thousand_environments_are_created_every_ten_seconds() -> None:
    """After 10 seconds, there are twice as many environments."""
    ramp = Ramp(concurrency=2000, duration=Decimal(1))

    assert ramp.finished(Decimal(10)) == 10_000
    assert ramp.finished(Decimal(11)) == 12_000
    assert ramp.seconds_to_full_speed == 10


def test_the_environments_are_those_that_ran_a_task() -> None:
    """A job that ends before Lambda creates more environments does not pay for them."""
    ramp = Ramp(concurrency=5000, duration=Decimal(1))

    assert ramp.environments(3, ramp.seconds_for(3)) == 3
    assert ramp.environments(5000, ramp.seconds_for(5000)) == 1000
    assert ramp.environments(10**6, ramp.seconds_for(10**6)) == 5000


def test_billions_of_objects_are_estimated_with_few_steps() -> None:
    """The number of steps depends on the digits of the duration, not on the objects."""
    calls = 0

    class CountingRamp(Ramp):
        @override
        def _finished(self, time: int) -> int:
            nonlocal calls
            calls += 1
            return super()._finished(time)

    CountingRamp(concurrency=1000, duration=Decimal(900)).seconds_for(20_000_000_000)

    assert calls < 200
