"""Types of options that are sizes and times: ``5MB``, ``7d``, ``2024-01-31``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import click


def size(value: str) -> int:
    """Read a number of bytes: ``500``, ``5MB`` (5,000,000), ``5MiB`` (5,242,880).

    Raises:
        BadParameter: It is not a size.
    """
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is not a size: write bytes, or 5MB, 2GB, 64MiB")
    return round(float(match[1]) * _BYTES[match[2].lower()])


_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(|b|[kmgt]i?b)", re.IGNORECASE | re.ASCII)
_BYTES: Final[dict[str, int]] = {
    "": 1,
    "b": 1,
    **{f"{unit}b": 1000**power for power, unit in enumerate("kmgt", 1)},
    **{f"{unit}ib": 1024**power for power, unit in enumerate("kmgt", 1)},
}


class PointInTime(NamedTuple):
    """A time, or an age.

    Attributes:
        text: What the user wrote.
        time: The time; ``None`` for an age.
        age: The age; zero for a time.
    """

    text: str
    time: datetime | None
    age: timedelta = timedelta()

    def at(self, now: datetime) -> datetime:
        """Return the time, of an age the time so long before ``now``."""
        return self.time or now - self.age


def point_in_time(value: str) -> PointInTime:
    """Read a date, a time (without a zone: UTC), or an age such as ``7d``.

    Raises:
        BadParameter: It is not a time.
    """
    text = value.strip()
    try:
        if age := _AGE.fullmatch(text):
            length = timedelta(**{_AGES[age[2].lower()]: float(age[1])})
            _ = datetime.now(UTC) - length
            return PointInTime(text, None, length)
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is not a time: write 2024-01-31, 2024-01-31T12:00Z, or an age such as 7d, "
            "12h or 30m"
        ) from None
    return PointInTime(text, time if time.tzinfo is not None else time.replace(tzinfo=UTC))


_AGES: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])", re.IGNORECASE | re.ASCII)
