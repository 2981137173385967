"""Failed tasks that are alike, counted together: what a summary tells of thousands of failures."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class FailureFamily:
    """Failed tasks of one error code, whose messages differ in names and numbers at most.

    Attributes:
        message: What their messages have in common; all of it where they are the same.
    """

    error_code: str
    message: str
    count: int
    example: str


class FailureFamilies:
    """Counts failed tasks by error code and by what their messages have in common.

    Args:
        facts: What another one had counted before: its :attr:`facts`.
    """

    def __init__(self, facts: Iterable[list[Any]] = ()) -> None:
        self._families = {(code, text): _Family(*rest) for code, text, *rest in facts}

    def add(self, error_code: str, message: str) -> None:
        """Count a failed task."""
        name = (error_code, message_family(message))
        if name not in self._families and len(self._families) >= _MOST:
            name = (error_code, "other messages")
        family = self._families.setdefault(name, _Family(message))
        family.count += 1
        family.differs |= family.example != message

    @property
    def facts(self) -> list[list[Any]]:
        """All that was counted, as JSON can hold it."""
        return [[*name, *astuple(family)] for name, family in self._families.items()]

    def most_frequent(self) -> tuple[FailureFamily, ...]:
        """Give the most frequent ones first, and only a few."""
        frequent = sorted(self._families.items(), key=lambda item: -item[1].count)
        return tuple(
            FailureFamily(
                error_code=code,
                message=text if family.differs else family.example,
                count=family.count,
                example=family.example,
            )
            for (code, text), family in frequent[:_SHOWN]
        )


@dataclass(slots=True)
class _Family:
    """How often a kind of failure was seen; ``differs``: not always in the same words."""

    example: str
    count: int = 0
    differs: bool = False


_MOST: Final = 500
_SHOWN: Final = 10


def message_family(message: str) -> str:
    """Give what messages have in common that differ in names and numbers only."""
    return _PARTICULAR.sub("…", message[:_TELLING])


_TELLING: Final = 300  # characters at the beginning of a message
_PARTICULAR: Final = re.compile(
    r"""'[^']*' | "[^"]*"                   # what is quoted
      | \b request\ id\ [^\s,)]+          # of AWS
      | \b [0-9a-fA-F]{8} (?:-[0-9a-fA-F]{4,}){4}   # UUIDs
      | \b \d{4}-\d\d-\d\dT[\d:.]+Z?     # points in time
      | \b (?=[a-fA-F]*\d) [0-9a-fA-F]{16,} \b   # digests
      | \d+ (?:[.,:]\d+)*                 # numbers
    """,
    re.VERBOSE,
)
