"""How many tasks of a job may fail before the job ends."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.jobs._failure_threshold import S3_THRESHOLD, FailureThreshold

COUNTS = st.integers(0, 10**10)


@given(COUNTS, COUNTS)
def test_a_number_is_how_many_tasks_may_fail(count: int, total: int) -> None:
    """It does not depend on the other numbers of the job."""
    threshold = FailureThreshold.parse(str(count))

    assert threshold == FailureThreshold.parse(count)
    assert threshold.tolerated(total=total, run=0) == count


@given(st.integers(0, 100_000_000), COUNTS, COUNTS)
def test_a_percentage_is_of_all_tasks_of_the_job(millionths: int, total: int, run: int) -> None:
    """One more failure than tolerated is more than the percentage, and one less is not."""
    whole, decimals = divmod(millionths, 10**6)
    threshold = FailureThreshold.parse(f"{whole}.{decimals:06d}%")
    share = Fraction(millionths, 100 * 10**6)

    tolerated = threshold.tolerated(total=total, run=run)

    assert tolerated is not None
    assert tolerated <= share * total < tolerated + 1


@pytest.mark.parametrize(
    ("run", "started", "tolerated"),
    [(999, None, None), (1_000, None, 500), (1_001, None, 500), (1_000, 1_400, 700)],
)
def test_s3_tolerates_half_of_at_least_1000_tasks(
    run: int, started: int | None, tolerated: int | None
) -> None:
    """Tasks that are running count as successes."""
    assert S3_THRESHOLD.tolerated(total=10_000, run=run, started=started) == tolerated


def test_all_tasks_may_fail_with_100_percent() -> None:
    """No job has more failures than tasks."""
    assert FailureThreshold.parse("100%").tolerated(total=7, run=7) == 7


def test_a_percentage_of_an_unknown_number_never_ends_a_job() -> None:
    """The number of all tasks is known when a manifest has been read."""
    assert FailureThreshold.parse("0%").tolerated(total=None, run=7) is None


@pytest.mark.parametrize(
    "value", ["", "%", "-1", "1.5", "5 %", "5%%", "1e3", "٣", "half", "5%\n", -1, True, 1.5]
)
def test_another_form_is_refused(value: str) -> None:
    """The message names the value and both forms."""
    with pytest.raises(ValueError, match="write 10, or 5% for a percentage"):
        FailureThreshold.parse(value)


@pytest.mark.parametrize("value", ["100.000001%", "101%", "999999%"])
def test_more_than_all_tasks_is_refused(value: str) -> None:
    """A percentage is at most 100."""
    with pytest.raises(ValueError, match=f"{value} is more than all tasks: write 0% to 100%"):
        FailureThreshold.parse(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "1,200 of 2,000 tasks failed: more than half"),
        (1000, "1,200 of 2,000 tasks failed: more than 1,000"),
        ("0.50%", "1,200 of 2,000 tasks failed: more than 0.50% of all 5,000"),
    ],
)
def test_the_reason_has_the_numbers(value: str | None, reason: str) -> None:
    """It says what failed, and what was tolerated."""
    threshold = FailureThreshold.parse(value)

    assert threshold.reason(failed=1_200, total=5_000, run=2_000) == reason
