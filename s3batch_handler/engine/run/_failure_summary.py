"""Count failed tasks by error code and message, for the summary of a job."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed tasks with the same error code, whose messages differ only in names and numbers.

    Attributes:
        message: The common form of their messages; the message itself if all are the same.
        example: The message of the first task.
    """

    error_code: str
    message: str
    count: int
    example: str


class FailureCounts:
    """Counts failed tasks by error code and by the common form of their messages.

    Args:
        facts: The :attr:`facts` from which to continue.
    """

    def __init__(self, facts: Iterable[list[Any]] = ()) -> None:
        self._groups = {(code, text): _Group(*rest) for code, text, *rest in facts}

    def add(self, error_code: str, message: str, key: str) -> None:
        """Count a failed task, whose message may contain the key of its object."""
        name = (error_code, message_pattern(_without_key(message, key)))
        if name not in self._groups and len(self._groups) >= _MAX_GROUPS:
            name = (error_code, "other messages")
        group = self._groups.setdefault(name, _Group(message))
        group.count += 1
        group.differs |= group.example != message

    @property
    def facts(self) -> list[list[Any]]:
        """All counts, in a form that JSON can represent."""
        return [[*name, *astuple(group)] for name, group in self._groups.items()]

    def most_frequent(self) -> tuple[FailureGroup, ...]:
        """Return the most frequent groups, the most frequent first."""
        frequent = sorted(self._groups.items(), key=lambda item: -item[1].count)
        return tuple(
            FailureGroup(code, text if group.differs else group.example, group.count, group.example)
            for (code, text), group in frequent[:_SHOWN]
        )


@dataclass(slots=True)
class _Group:
    """The count of a group; ``differs`` if its messages are not all the same."""

    example: str
    count: int = 0
    differs: bool = False


_MAX_GROUPS: Final = 500
_SHOWN: Final = 10


def message_pattern(message: str) -> str:
    """Return the common form of messages that differ only in names, numbers and places."""
    # The part that is read is longer than the result, which therefore does not depend on the
    # lengths of names.
    return _VARIABLE.sub("…", message[:_READ_CHARACTERS])[:_PATTERN_CHARACTERS]


def _without_key(message: str, key: str) -> str:
    """Replace a key with spaces, and its file name. Other keys match :data:`_VARIABLE`."""
    for name in (key, key.rpartition("/")[2]):
        if len(name.split()) > 1:
            message = message.replace(name, "…")
    return message


_READ_CHARACTERS: Final = 2_000
_PATTERN_CHARACTERS: Final = 300

# ---------------------------------------------------------------- variable parts of messages
#
# Regular expressions in verbose form. Each must take linear time: messages are untrusted.

_OFFSET: Final = r"[+-]\d\d:?\d\d (?! :?\d )"
_ZONE_NAMES: Final = (
    "UTC|GMT|[BHIJK]ST|[ECMP][SD]T|[CEW]ES?T|A[CEKW][SD]T|NZ[SD]T|SAST|MSK|HKT|SGT|PHT|WIB"
)
_ZONE: Final = rf"""
    (?: Z \b
      | [ ]? (?: GMT | UTC )? {_OFFSET} (?: [ ] \( [A-Z] [A-Za-z ]* \) )?  # with a comment: email
      | [ ]? (?: {_ZONE_NAMES} ) \b )
"""
_AM_PM: Final = r"[ ]? (?: [AaPp][Mm] \b | [ap]\.m\. )"
_TIME: Final = rf"""
    (?: \d{{1,2}} (?: :\d\d ){{1,2}} (?: [.,]\d+ )? (?! [.,:]?\d ) (?: {_AM_PM} )? {_ZONE}?
      | \d{{1,2}} {_AM_PM} )
"""
_DURATION: Final = r"""
    \b \d+ [ ] days? , [ ] \d{1,2} :\d\d :\d\d (?: \.\d+ )?        # of Python
  | \b (?: \d+ (?: \.\d+ )? (?: [hms] | ms | [uµn]s ) ){1,5} \b    # 1h2m3.5s
"""
_WEEKDAY: Final = (
    r"\b (?: Mon(?:day)? | Tue(?:s|sday)? | Wed(?:nesday)? | Thu(?:rs|rsday)? | Fri(?:day)?"
    r" | Sat(?:urday)? | Sun(?:day)? ) \b"
)
_MONTH: Final = (
    r"\b (?: Jan(?:uary)? | Feb(?:ruary)? | Mar(?:ch)? | Apr(?:il)? | May | June? | July?"
    r" | Aug(?:ust)? | Sep(?:t|tember)? | Oct(?:ober)? | Nov(?:ember)? | Dec(?:ember)? ) \b"
)
_DATE: Final = rf"""
    \b (?= [A-Z\d] )
    (?: {_WEEKDAY} ,? [ ]{{1,2}} )?
    (?: (?: \b \d{{1,2}} [ /-] )? {_MONTH} \.? (?: [ ]{{1,2}} | [/-] ) \d{{1,4}} \b
        (?: ,? [ ] \d{{4}} \b )?
      | \b \d{{4}} [/-] \d\d? [/-] \d\d? (?! \d )
      | \b \d{{1,2}} [/.-] \d{{1,2}} [/.-] \d{{4}} \b )
    (?: (?: ,? [ ] (?: at [ ] )? | [T:] ) {_TIME} (?: [ ] \d{{4}} \b )? )?  # date(1): a year
"""
_AWS_REQUEST: Final = r"""
    (?= [EeRrHhXx] ) (?<! [^\W_] )
    (?i: (?: extended [ ] )? request [ _-]? id | host [ _-]? id | x-amz-id-2 )
    (?: [ ]? [:=] [ ]? | [ ] (?! [a-z]+ (?: [\s,;)] | $ ) ) )   # not "request id is missing"
    [^\s,;)\]]+
"""
_PATH: Final = r"""
    (?<! [\w.+/<-] ) (?: ~[\w.-]* | \.{1,2} | [A-Za-z]: )? [/\\] [^\s'",:;)\]>]+   # from a root
  | (?<! [\w.+/-] ) [\w.+-]+ (?: / [\w.+-]+ )* / [\w+-]+ (?: \. [\w+-]+ )+         # to a file
"""
_FINGERPRINT: Final = r"\b [0-9a-fA-F]{2} (?: : [0-9a-fA-F]{2} ){5,} \b"
_IPV6: Final = r"""
    (?<! [\w:] ) (?= [a-fA-F:]* \d ) (?: [0-9a-fA-F]{0,4} : ){2,7} [0-9a-fA-F]{0,4}
    (?! [\w:] | [.,]\d )
"""
_HEXADECIMAL: Final = r"""
    (?<! [^\W_] ) [0-9a-fA-F]{8} (?: -? [0-9a-fA-F]{4} ){3} -? [0-9a-fA-F]{12}   # UUIDs
    (?! [0-9a-fA-F] )
  | \b 0 (?: [xX] [0-9a-fA-F]+ | [bB] [01]+ \b | [oO] [0-7]+ \b )                 # memory addresses
  | \b \d+ (?: [.,] \d+ )* [eE] [+-]? \d+ \b                    # a number, such as 1000e-5
  | (?<! [^\W_] ) (?= \d* [a-fA-F] ) (?= [a-fA-F]* \d )         # letters and digits, but
    (?! (?: [A-Z] \d{3,6} | \d{3,6} [bB] ) \b )                 # not E1001 or 1024B
    [0-9a-fA-F]{4,} (?! [^\W_] )
  | (?<! [^\W_] ) (?! (?i: acceded | defaced | effaced ) \b )   # English has no longer words
    (?: [a-f]{7,} | [A-F]{7,} ) (?! [^\W_] )                    # of these letters
"""
_VARIABLE: Final = re.compile(
    rf"""(?<!\w) '[^']*' (?!\w) | "[^"]*"     # quoted text, but not the apostrophe of "can't"
      | {_AWS_REQUEST}
      | (?<![\w+.-]) [\w+.-]{{1,40}} :// [^\s'",;)\]>]+         # addresses
      | {_PATH}
      | \b arn:aws[\w-]*: [^\s'",;)\]>]+
      | {_DATE}
      | {_FINGERPRINT}
      | {_DURATION}
      | \b {_TIME}
      | (?= [0-9a-fA-F:] ) {_IPV6}
      | (?= [0-9a-fA-F] ) (?: {_HEXADECIMAL} )
      | \b (?= (?: [A-Za-z_-]* \d ){{3}} ) [\w-]{{16,}}         # other ids
      | \d+ (?: [.,] \d+ | : \d++ (?! \w ) )* (?: [eE] [+-]? \d+ \b )?   # numbers
    """,
    re.VERBOSE,
)
