"""Count findings that are on many lines, without creating them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from s3batch_handler.documents.manifests.check._usual import COUNTABLE, number_of_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.documents.manifests.check._finding import Finding


class CountedFindings:
    """Decides which findings are only counted, and counts them.

    Args:
        details: How many findings of a code are created first; ``None`` for all.

    Attributes:
        codes: The codes that are only counted from now on.
        counts: How many findings were only counted, by code.
    """

    def __init__(self, details: int | None) -> None:
        self.codes: frozenset[str] = frozenset()
        self.counts: Counter[str] = Counter()
        self._details = details
        self._created: Counter[str] = Counter()

    def has_enough(self, found: Iterable[Finding]) -> bool:
        """Add findings that were created; return whether there are enough of another code."""
        if self._details is None:
            return False
        codes = {each.code for each in found} & COUNTABLE.keys() - self.codes
        self._created.update(codes)
        enough = {code for code in codes if self._created[code] >= self._details}
        self.codes |= enough
        return bool(enough)

    def add_lines(self, lines: bytes) -> None:
        """Count the findings of lines that match the patterns for these codes."""
        for code in self.codes:
            self.counts[code] += number_of_lines(code, lines)
