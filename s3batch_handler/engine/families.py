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

    def add(self, error_code: str, message: str, key: str) -> None:
        """Count a failed task, whose message may contain the key of its object."""
        name = (error_code, message_family(_without_key(message, key)))
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
    """Return the common form of messages that differ only in names, numbers and places."""
    # Longer than the result, so that names of different lengths do not change where it ends.
    return _PARTICULAR.sub("…", message[:_READ])[:_TELLING]


def _without_key(message: str, key: str) -> str:
    """Replace a key with spaces, and a file name made of it; others are recognised without it."""
    for name in (key, key.rpartition("/")[2]):
        if len(name.split()) > 1:
            message = message.replace(name, "…")
    return message


_READ: Final = 2_000
_TELLING: Final = 300  # characters at the beginning of a message
_PARTICULAR: Final = re.compile(
    r"""(?<!\w) '[^']*' (?!\w) | "[^"]*"     # what is quoted; not the apostrophes of "can't"
      | \b request\ id\ [^\s,)]+          # of AWS
      | (?<![\w+.-]) [\w+.-]{1,40} :// [^\s'",;)\]>]+     # addresses
      | (?<![\w.:+/<-]) (?: ~? | \.{1,2} | [A-Za-z]: ) [/\\] [^\s'",:;)\]>]+    # paths from a root
      | (?<![\w.+/-]) [\w.+-]+ (?: / [\w.+-]+ )* / [\w+-]+ (?: \. [\w+-]+ )+  # paths to files
      | \b arn:aws[\w-]*: [^\s'",;)\]>]+
      | \b 0x [0-9a-fA-F]+                # places in memory
      | (?<![0-9a-zA-Z]) [0-9a-fA-F]{8} (?: -? [0-9a-fA-F]{4} ){3} -? [0-9a-fA-F]{12}  # UUIDs
      | (?: \b (?: Mon|Tue|Wed|Thu|Fri|Sat|Sun ) [a-z]* ,? \s+ )?
        (?: \b \d{1,2} [ /-] )? \b (?: Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec ) [a-z]*
        [ /-] \d{1,4} (?: ,? [ ] \d\d:[\d:.,]+ )? (?: [ ] \d{4} )? (?: [ ] (?: GMT | UTC ) )?
      | \b \d{4} [-/] \d\d [-/] \d\d
        (?: [T ] \d\d:[\d:.,]+ (?: Z | [ ]?[+-]\d\d:?\d\d | [ ]UTC )? )?       # times
      | \b (?= [a-fA-F]* \d ) [0-9a-fA-F]{8,} \b             # digests, hexadecimal ids
      | \b [0-9a-fA-F]{2} (?: : [0-9a-fA-F]{2} ){5,} \b         # fingerprints
      | \b (?= (?: [A-Za-z_-]* \d ){3} ) [\w-]{16,}            # other ids
      | \d+ (?: [.,:] \d+ )* (?: [eE] [+-]? \d+ \b )?           # numbers
    """,
    re.VERBOSE,
)
