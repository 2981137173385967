"""Ranges of keys, which are listed at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(slots=True)
class KeyRange:
    """The keys with a prefix that come after one key, up to another one.

    Attributes:
        number: Identifies the range in a listing.
        prefix: The beginning of all keys.
        after: The key before the range; ``""`` to begin with the first key.
        last: The last possible key of the range; ``None`` without a limit. It becomes smaller when
            the range is split.
        cursor: The last key that was listed, at first ``after``.
        version_cursor: The last version of that key that was listed, in a listing of versions.
        is_done: Everything was listed.
        folder: The prefix whose folders are the next places to split the range; ``None`` if it
            has none.
        pages: The number of pages that were listed.
        splits: How often the range may be split before it has listed another page.
        is_examined: A thread looks for places to split the range.
        is_split_off: The range was a part of another one. It is perhaps small, so it is split only
            after its second page.
    """

    number: int
    prefix: str
    after: str = ""
    last: str | None = None
    cursor: str = ""
    version_cursor: str | None = None
    is_done: bool = False
    folder: str | None = None
    pages: int = 0
    splits: int = 0
    is_examined: bool = False
    is_split_off: bool = False

    def __post_init__(self) -> None:
        self.cursor = self.cursor or self.after

    def contains(self, key: str) -> bool:
        return self.last is None or key <= self.last

    def is_inside(self, key: str) -> bool:
        """Return whether the range can be split at a key."""
        return self.cursor < key and (self.last is None or key < self.last)

    def descend(self) -> None:
        """Set :attr:`folder` to the next folder on the path of the cursor."""
        if self.folder is not None:
            found = self.cursor.startswith(self.folder)
            slash = self.cursor.find("/", len(self.folder)) if found else -1
            self.folder = self.cursor[: slash + 1] if slash >= 0 else None


def without_overlaps(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Return prefixes in their order, without those whose keys another one includes."""
    unique = dict.fromkeys(prefixes)
    return tuple(
        prefix
        for prefix in unique
        if not any(prefix.startswith(other) for other in unique if other != prefix)
    )


def middle(low: str, high: str | None, prefix: str = "") -> str | None:
    """Return a text between two keys, about in the middle of the usual keys between them.

    Keys are compared by their UTF-8 bytes in S3, which is the order of text in Python.

    Args:
        low: A key, which is less than the result.
        high: A greater key; ``None`` for the last key with the prefix.
        prefix: The beginning of both keys.
    """
    if not low.startswith(prefix):
        low = prefix
    if high is not None and low >= high:
        return None
    same = len(prefix) if high is None else _same_characters(low, high)
    for place in range(same, len(low) + 1):
        below = ord(low[place]) if place < len(low) else _LOWEST
        above = ord(high[place]) if high is not None and place == same else _HIGHEST
        if below >= _HIGHEST and above == _HIGHEST:
            above = _LAST  # not ASCII
        if above - below >= 2:
            return low[:place] + chr(_without_surrogates((below + above) // 2))
    return None


def _same_characters(one: str, other: str) -> int:
    """Return the number of characters with which both begin."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _without_surrogates(code: int) -> int:
    return 0xD7FF if 0xD800 <= code <= 0xDFFF else code


_LOWEST: Final = 0x1F  # the characters of most keys are between these two
_HIGHEST: Final = 0x7F
_LAST: Final = 0x110000


def evenly(items: Sequence[str], number: int) -> Sequence[str]:
    """Return at most so many of the items, evenly distributed."""
    return items[:: max(1, -(-len(items) // number))]
