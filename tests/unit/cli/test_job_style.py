"""How commands show counts, durations and times of jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from s3batch_handler.cli.terminal._job_style import (
    duration,
    percentage,
    relative_time,
    status_style,
    status_text,
    task_counts,
)
from s3batch_handler.jobs._status import JobStatus, Progress

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=1), "just now"),
        (timedelta(seconds=-1), "just now"),
        (timedelta(seconds=59.9), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=60), "2026-10-01"),
        (timedelta(hours=-2), "in 2 h"),
    ],
)
def test_a_relative_time_has_one_unit_and_an_old_one_is_a_date(age: timedelta, text: str) -> None:
    assert relative_time(NOW - age, NOW) == text


def test_a_time_without_a_zone_is_utc() -> None:
    assert relative_time(NOW.replace(tzinfo=None) - timedelta(hours=1), NOW) == "1 h ago"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0%"),
        (0, 0, "0%"),
        (10, 10, "100%"),
        (1, 8, "12.5%"),
        (1, 5_000_000, "<0.1%"),
        (4_999_999, 5_000_000, ">99.9%"),
    ],
)
def test_a_share_is_rounded_neither_to_nothing_nor_to_all(part: int, whole: int, text: str) -> None:
    assert percentage(part, whole) == text


def test_counts_name_the_share_of_failed_tasks() -> None:
    assert task_counts(Progress(1000, 990, 10)) == "990 succeeded, 10 failed (1.0%) of 1,000"
    assert task_counts(Progress(None, 0, 0)) == "0 succeeded, 0 failed"


def test_every_status_has_its_word_and_a_style() -> None:
    """The word is shown, too: not everybody sees colors."""
    for status in JobStatus:
        assert status_text(status).plain == status.value
        assert status_style(status)


def test_a_complete_job_with_failed_tasks_looks_different() -> None:
    """AWS calls it complete, but its user has something to do."""
    assert status_style(JobStatus.COMPLETE) != status_style(JobStatus.COMPLETE, failed=1)
