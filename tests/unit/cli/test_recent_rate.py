"""The rate of recent seconds, and the time that is left."""

from __future__ import annotations

import pytest

from s3batch_handler.cli.terminal._recent_rate import RecentRate, rate_text, time_left
from s3batch_handler.engine.run._run_progress import RunProgress


def rate_of(*samples: tuple[float, int], longest_gap: float = 5.0) -> float | None:
    rate = RecentRate(longest_gap)
    for now, number in samples:
        rate.add(now, number)
    return rate.per_second


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    """The job was slow before."""
    slow = [(float(second), second) for second in range(30)]
    fast = [(30.0 + second, 30 + 100 * second) for second in range(15)]

    assert rate_of(*slow, *fast) == pytest.approx(100)


def test_the_rate_of_slow_tasks_is_that_of_the_last_20() -> None:
    """One task a minute: in most intervals of ten seconds no task ends."""
    samples = [(float(second), second // 60) for second in range(0, 3600, 2)]

    assert rate_of(*samples) == pytest.approx(1 / 60, rel=0.1)


def test_the_rate_starts_again_after_a_suspension() -> None:
    """The process was stopped for an hour (Ctrl-Z)."""
    before = [(float(second), 100 * second) for second in range(5)]
    after = [(3600.0 + second, 400 + 100 * second) for second in range(3)]

    assert rate_of(*before, *after) == pytest.approx(100)


@pytest.mark.parametrize("samples", [[], [(1.0, 5)], [(1.0, 5), (4.0, 5)]])
def test_without_growth_the_rate_is_unknown(samples: list[tuple[float, int]]) -> None:
    """At the start, and while a job is paused."""
    assert rate_of(*samples) is None


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (12345.6, "12,346 tasks/s"),
        (2.54, "2.5 tasks/s"),
        (0.05, "3 tasks/min"),
        (0.001, "3.6 tasks/h"),
        (0.00001, "0.036 tasks/h"),
    ],
)
def test_a_rate_has_a_unit_in_which_it_can_be_read(per_second: float, text: str) -> None:
    assert rate_text(per_second) == text


def test_the_time_left_counts_tasks_that_wait_for_a_retry() -> None:
    """After a resume, the rate is that of this process, and tasks of earlier ones are done."""
    progress = RunProgress(1_000, 800, 80, 60, waiting=20, answers=50)

    assert time_left(progress, 2.0) == "about 1 min left"


def test_a_job_that_is_done_has_no_time_left() -> None:
    assert time_left(RunProgress(10, 10, 0), 2.0) is None
    assert time_left(RunProgress(None, 10, 0), 2.0) is None
