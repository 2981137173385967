"""How commands show jobs to people: statuses in color, counts, durations, relative times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from rich.text import Text

    from s3batch_handler.jobs._status import Progress

SUCCEEDED: Final = "green"
FAILED: Final = "bold red"
WARNING: Final = "yellow"
MUTED: Final = "bright_black"
"""Styles of Rich, for all commands."""

_STYLES: Final = {
    JobStatus.COMPLETE: SUCCEEDED,
    JobStatus.FAILED: FAILED,
    JobStatus.FAILING: FAILED,
    JobStatus.CANCELLED: MUTED,
    JobStatus.CANCELLING: MUTED,
    JobStatus.SUSPENDED: WARNING,
    JobStatus.PAUSING: WARNING,
    JobStatus.PAUSED: WARNING,
}
_STYLE_OF_OTHERS: Final = "cyan"  # the job is working


def status_style(status: JobStatus, *, failed: int = 0) -> str:
    """Return the style of a status. A complete job with failed tasks is not green."""
    if status is JobStatus.COMPLETE and failed:
        return WARNING
    return _STYLES.get(status, _STYLE_OF_OTHERS)


def status_text(status: JobStatus, *, failed: int = 0) -> Text:
    """Return a status for a Rich table: its word, in color where there are colors."""
    from rich.text import Text

    return Text(status.value, style=status_style(status, failed=failed))


# ---------------------------------------------------------------- numbers


def percentage(part: int, whole: int) -> str:
    """Return a share such as ``12.5%``. Only nothing is ``0%``, and only all is ``100%``."""
    if part <= 0 or whole <= 0:
        return "0%"
    if part >= whole:
        return "100%"
    share = 100 * part / whole
    if share < 0.1:
        return "<0.1%"
    if share > 99.9:
        return ">99.9%"
    return f"{share:.1f}%"


def task_counts(progress: Progress) -> str:
    """Return the counts of a job: ``990 succeeded, 10 failed (1.0%) of 1,000``."""
    failed = f"{progress.failed:,} failed"
    if progress.failed:
        failed += f" ({percentage(progress.failed, progress.total or progress.done)})"
    counts = f"{progress.succeeded:,} succeeded, {failed}"
    return counts if progress.total is None else f"{counts} of {progress.total:,}"


# ---------------------------------------------------------------- times


def duration(seconds: float) -> str:
    """Return a duration in at most two units: ``8.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s".replace(".0 s", " s")
    left = round(seconds)
    if left < _MINUTE:
        return f"{left} s"
    for size, unit, smaller_size, smaller_unit in _UNITS:
        if left >= size:
            large, rest = divmod(left, size)
            small = rest // smaller_size
            return f"{large} {unit} {small} {smaller_unit}" if small else f"{large} {unit}"
    raise AssertionError("a minute is the smallest unit")


_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_UNITS: Final = (
    (_DAY, "d", _HOUR, "h"),
    (_HOUR, "h", _MINUTE, "min"),
    (_MINUTE, "min", 1, "s"),
)


def relative_time(moment: datetime, now: datetime | None = None) -> str:
    """Return a time as seen from now: ``3 min ago``, ``in 2 h``; a date if it is long ago."""
    age = ((now or datetime.now(UTC)) - _with_zone(moment)).total_seconds()
    if abs(age) < _JUST_NOW:
        return "just now"
    if abs(age) >= _SHOWN_AS_DATE:
        return moment.date().isoformat()
    text = _whole_units(abs(age))
    return f"{text} ago" if age > 0 else f"in {text}"


def exact_time(moment: datetime) -> str:
    """Return a time to the second, with its time zone: ``2026-11-03 12:00:00+00:00``."""
    return moment.isoformat(" ", "seconds")


_JUST_NOW: Final = 2
_SHOWN_AS_DATE: Final = 60 * _DAY


def _whole_units(seconds: float) -> str:
    for size, unit in ((_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")):
        if (number := int(seconds // size)) >= 1:
            return f"{number} {unit}s" if unit == "day" and number > 1 else f"{number} {unit}"
    return "0 s"


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
