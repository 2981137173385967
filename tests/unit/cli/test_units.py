"""Options that are sizes and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from s3batch_handler.cli._units import point_in_time, size

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("500", 500), ("5MB", 5_000_000), ("1.5 kib", 1536), ("2TiB", 2 << 40), ("7B", 7)],
)
def test_sizes_have_decimal_or_binary_units(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "-1", "5 apples", "1e3", "5MBit", "\u0665"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size"):
        size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T12:30Z", datetime(2024, 1, 31, 12, 30, tzinfo=UTC)),
        ("2024-01-31T12:30+02:00", datetime(2024, 1, 31, 10, 30, tzinfo=UTC)),
        ("7d", NOW - timedelta(days=7)),
        ("1.5H", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(days=14)),
    ],
)
def test_times_are_dates_or_ages(text: str, expected: datetime) -> None:
    """An age is relative to a time that the caller passes: a resumed listing has its first one."""
    assert point_in_time(text).at(NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "-1d", "31.01.2024", "99999999999w"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time"):
        point_in_time(text)
