"""A set of numbers that is stored as ranges, so that its size depends on the number of gaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class NumberRanges:
    """A set of numbers that is stored as sorted ranges ``(first, end)``, excluding ``end``.

    Adjacent ranges are merged, so consecutive numbers that are added in any order form one range.

    Attributes:
        changed: The ranges that are new or longer since :meth:`saved`, by their first number.
        removed: The first numbers of ranges that were merged into others since then.

    Args:
        ranges: The first ranges, in order, with gaps between them.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._ends: list[int] = []
        for first, end in ranges:
            self._firsts.append(first)
            self._ends.append(end)
        self.changed: dict[int, int] = {}
        self.removed: set[int] = set()

    def update(self, numbers: Iterable[int]) -> None:
        """Add numbers, in any order."""
        first = end = -1
        for number in sorted(numbers):
            if number == end:
                end += 1
                continue
            if first >= 0:
                self.add(first, end)
            first, end = number, number + 1
        if first >= 0:
            self.add(first, end)

    def add(self, first: int, end: int) -> None:
        """Add the numbers from ``first``, before ``end``: at least one."""
        low = bisect_left(self._ends, first)  # ranges from here on end after it, or touch it
        high = bisect_right(self._firsts, end)  # ranges before here start before it, or touch it
        if low < high:
            first = min(first, self._firsts[low])
            end = max(end, self._ends[high - 1])
            for merged in self._firsts[low:high]:
                self.changed.pop(merged, None)
                self.removed.add(merged)
        self._firsts[low:high] = [first]
        self._ends[low:high] = [end]
        self.removed.discard(first)
        self.changed[first] = end

    def saved(self) -> None:
        """Clear the record of changes, because they were saved."""
        self.changed.clear()
        self.removed.clear()

    def __contains__(self, number: int) -> bool:
        """Return whether a number is in the set."""
        index = bisect_right(self._firsts, number) - 1
        return index >= 0 and number < self._ends[index]

    def missing(self, first: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges of numbers from ``first``, before ``end``, that are not in the set."""
        found = []
        index = bisect_right(self._ends, first)
        while first < end and index < len(self._firsts) and self._firsts[index] < end:
            if first < self._firsts[index]:
                found.append((first, self._firsts[index]))
            first = self._ends[index]
            index += 1
        if first < end:
            found.append((first, end))
        return found

    @property
    def end(self) -> int:
        """The number after the greatest number; 0 for an empty set."""
        return self._ends[-1] if self._ends else 0

    def __len__(self) -> int:
        """Return the number of numbers in the set."""
        return sum(self._ends) - sum(self._firsts)
