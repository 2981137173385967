"""A plot of the progress of a job as lines of text."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from math import floor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.estimates._timing import Timing


def plot_lines(timing: Timing, labels: Sequence[str], *, width: int, marks: str) -> Iterator[str]:
    """Yield a plot of the finished tasks over time.

    Args:
        timing: The progress.
        labels: The texts below the beginning, the middle and the end of the time.
        width: The number of characters of a line.
        marks: The characters for a cell, from empty to full.
    """
    columns = max(width - len(_AXIS), len(" ".join(labels)))
    shares = [_share(timing, (column + 1) / Decimal(columns)) for column in range(columns)]
    for row in reversed(range(_ROWS)):
        axis = {_ROWS - 1: "100% ", 0: "  0% "}.get(row, " 50% " if row * 2 == _ROWS else "     ")
        cells = (_mark(share * _ROWS - row, marks) for share in shares)
        yield f"{axis}{''.join(cells)}".rstrip()
    yield " " * len(_AXIS) + _spread(labels, columns)


_ROWS: Final = 8
_AXIS: Final = "100% "


def _share(timing: Timing, at: Decimal) -> Decimal:
    """Return the share of the tasks that are finished, at a share of the time."""
    moment = timing.seconds * at
    index = bisect_right(timing.points, moment, key=lambda point: point[0]) - 1
    return Decimal(timing.points[index][1]) / timing.points[-1][1]


def _mark(height: Decimal, marks: str) -> str:
    """Return the character for a cell that is filled up to a height; 1 is a full cell."""
    most = len(marks) - 1
    return marks[max(0, min(most, floor(height * most)))]


def _spread(labels: Sequence[str], width: int) -> str:
    """Return three texts at the left, in the middle, and at the right of a line."""
    first, middle, last = labels
    line = first.ljust((width - len(middle)) // 2) + middle
    return line + last.rjust(width - len(line))
