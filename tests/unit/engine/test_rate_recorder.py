"""How many tasks end in each interval, and how fast."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.engine.run._rate_recorder import MAX_INTERVALS, RateRecorder, RecentRates

STEPS = st.lists(
    st.tuples(st.floats(0.0, 40.0), st.integers(0, 500), st.integers(0, 50)), max_size=100
)


def recorded(steps: list[tuple[float, int, int]], recorder: RateRecorder) -> RateRecorder:
    known = recorder.facts()
    seconds, succeeded, failed = known["seconds"], known["succeeded"], known["failed"]
    for time, good, bad in steps:
        seconds, succeeded, failed = seconds + time, succeeded + good, failed + bad
        recorder.add(seconds, succeeded, failed)
    return recorder


@given(STEPS)
def test_no_task_is_lost_and_the_number_of_intervals_is_limited(
    steps: list[tuple[float, int, int]],
) -> None:
    """However long a job takes, every task is in one interval, and the intervals reach the end."""
    history = recorded(steps, RateRecorder()).history()

    total = (sum(step[1] for step in steps), sum(step[2] for step in steps))
    if history is None:
        assert total == (0, 0)
        return
    assert (sum(history["succeeded"]), sum(history["failed"])) == total
    assert min(history["succeeded"]) >= 0
    assert len(history["succeeded"]) == len(history["failed"]) <= MAX_INTERVALS
    end = history["seconds"] * len(history["succeeded"])
    assert end - history["seconds"] <= sum(time for time, _, _ in steps) + 1e-6 < end + 2e-6


@given(STEPS, STEPS)
def test_a_history_continues_from_facts(
    before: list[tuple[float, int, int]], after: list[tuple[float, int, int]]
) -> None:
    """Facts go through JSON, as in the journal."""
    first = recorded(before, RateRecorder())
    resumed = RateRecorder(json.loads(json.dumps(first.facts())))

    assert recorded(after, resumed).history() == recorded(after, first).history()


def test_a_constant_rate_is_shown_as_constant() -> None:
    """Samples are not taken at the bounds of intervals, so tasks are distributed to both sides."""
    recorder = RateRecorder()
    for step in range(1, 101):
        recorder.add(step * 0.11, step * 110, 0)

    history = recorder.history()

    assert history is not None
    assert history["seconds"] == 0.5
    assert all(abs(count - 500) <= 1 for count in history["succeeded"][:-1])


def test_intervals_are_merged_with_their_neighbors() -> None:
    """After 240 intervals, each becomes twice as long and has the tasks of two."""
    recorder = RateRecorder()
    for step in range(1, 241):
        recorder.add(step * 0.5 - 0.25, step, 0)
    assert recorder.history() == {"seconds": 0.5, "succeeded": [1] * 240, "failed": [0] * 240}

    recorder.add(120.1, 241, 0)

    history = recorder.history()
    assert history is not None
    assert history["seconds"] == 1.0
    assert history["succeeded"] == [2] * 120 + [1]


def test_a_job_without_a_history_gets_a_constant_one() -> None:
    """The journal of an older version has only the counts."""
    history = RateRecorder(seconds=10.0, succeeded=200, failed=20).history()

    assert history is not None
    assert sum(history["succeeded"]) == 200
    assert sum(history["failed"]) == 20
    assert max(history["succeeded"]) <= 21


def test_the_time_left_is_a_range() -> None:
    """A job that became slower ends between the time by its average and by its recent rate."""
    rates = RecentRates()
    for second in range(1, 61):
        rates.add(second, 100 * second)
    for second in range(1, 21):
        rates.add(60 + second, 6_000 + 10 * second)

    assert rates.now == pytest.approx(10)
    assert rates.average == pytest.approx(6_200 / 80)
    assert rates.time_left(1_000) == pytest.approx((1_000 / (6_200 / 80), 100))


@pytest.mark.parametrize(("seconds", "number"), [(0.0, 0), (1.0, 1_000), (60.0, 3)])
def test_the_time_left_is_unknown_at_first(seconds: float, number: int) -> None:
    """A rate over a moment, or of a few tasks, says nothing about the rest."""
    rates = RecentRates()
    rates.add(seconds, number)

    assert rates.time_left(1_000) is None


def test_a_job_without_progress_has_no_current_rate() -> None:
    """Its average remains, and the time left is estimated with it."""
    rates = RecentRates()
    rates.add(10.0, 100)
    for second in range(11, 40):
        rates.add(second, 100)

    assert rates.now is None
    assert rates.average == pytest.approx(100 / 39)
    assert rates.time_left(100) is not None
