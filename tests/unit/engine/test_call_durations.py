"""How long calls take."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.engine.run._call_durations import CallDurations

DURATIONS = st.lists(st.floats(1e-6, 900.0), min_size=1, max_size=200)


@given(DURATIONS)
def test_percentiles_are_at_most_5_percent_off(seconds: list[float]) -> None:
    """They are those of the nearest rank. Average and maximum are exact but for rounding."""
    calls = CallDurations()
    calls.add(seconds)

    found = calls.durations()

    assert found is not None
    ordered = sorted(seconds)
    for percent, value in ((50, found["p50"]), (90, found["p90"]), (99, found["p99"])):
        exact = ordered[math.ceil(len(ordered) * percent / 100) - 1]
        assert math.isclose(value, exact, rel_tol=0.05)
    assert math.isclose(found["maximum"], ordered[-1], rel_tol=0.001)
    assert math.isclose(found["average"], sum(seconds) / len(seconds), rel_tol=0.001)


@given(DURATIONS)
def test_the_histogram_counts_all_calls(seconds: list[float]) -> None:
    """Each call is in the bucket of its duration."""
    calls = CallDurations()
    calls.add(seconds)

    found = calls.durations()

    assert found is not None
    assert sum(count for _, count in found["histogram"]) == found["calls"] == len(seconds)
    bounds = [bound for bound, _ in found["histogram"]]
    assert bounds == sorted(bounds)
    assert max(seconds) <= bounds[-1] * 1.001


@given(DURATIONS, DURATIONS)
def test_durations_continue_from_facts(before: list[float], after: list[float]) -> None:
    """Facts go through JSON, as in the journal."""
    whole, first = CallDurations(), CallDurations()
    whole.add(before)
    whole.add(after)
    first.add(before)

    second = CallDurations(json.loads(json.dumps(first.facts())))
    second.add(after)

    assert second.durations() == whole.durations()


def test_without_a_call_there_are_no_durations() -> None:
    """There is nothing to show."""
    assert CallDurations().durations() is None


def test_calls_of_any_duration_are_counted() -> None:
    """A clock may return the same time twice, and a function may run for days."""
    calls = CallDurations()
    calls.add([0.0, 1e-9, 3e6])

    found = calls.durations()

    assert found is not None
    assert found["calls"] == 3
    assert found["maximum"] == 3e6
