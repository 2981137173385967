"""The common form of messages that differ only in names, numbers and places."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from s3batch_handler.core._keys import is_utf8


def common_form(message: str, key: str) -> str:
    """Return the common form of messages that differ only in names, numbers and places.

    Args:
        message: The message of a task.
        key: The key of its object, which the message may contain.
    """
    return message_pattern(without_names(without_key(message, key)))


def without_key(message: str, key: str) -> str:
    """Replace a key that does not look like a word, and its file name."""
    if is_utf8(key):
        for name in (key, key.rpartition("/")[2]):
            if _NAME.search(name):
                message = message.replace(name, "…")
    return message


def without_names(message: str) -> str:
    """Replace the parts of messages that differ most, and write all digits as 0.

    This alone makes most messages equal, and DuckDB can do the same: see ``_failure_sql.py``.
    """
    return _NAMES.sub("…", message).translate(_SAME_DIGITS)


@lru_cache(maxsize=1024)
def message_pattern(message: str) -> str:
    """Return a message without the variable parts of all kinds."""
    # The part that is read is longer than the result, which therefore does not depend on the
    # lengths of names.
    return _VARIABLE.sub("…", message[:_READ_CHARACTERS])[:_PATTERN_CHARACTERS]


_READ_CHARACTERS: Final = 2_000
_PATTERN_CHARACTERS: Final = 300

# ---------------------------------------------------------------- regular expressions of DuckDB
#
# They have the same meaning in RE2 as in Python with re.ASCII, so they have no lookarounds. Where
# a quotation mark or a slash follows, \B means that no letter precedes.

NAME: Final = r"[^ ./][ ./]+[^ ./]"
_QUOTED: Final = r"""\B'[^']*'\B|"[^"]*\""""
_REQUEST_ID: Final = (
    r"(?:[Ee]xtended )?(?:(?:[Rr]equest|REQUEST|[Hh]ost|HOST)[ _-]?[Ii][Dd]|x-amz-id-2)"
    r"(?: ?[:=] ?[^\t\n\r ,;)\]]+| [^\t\n\r ,;)\]]*[0-9A-Z+/=][^\t\n\r ,;)\]]*)"
)
_ADDRESS: Final = r"""\b(?:[a-z][a-z0-9]{1,15}://|arn:aws)[^\t\n\r '",;)\]>]+"""
_UUID: Final = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_HASH: Final = r"\b(?:[0-9a-f]{12,}|[0-9A-F]{12,})\b"
NAMES: Final = f"{_QUOTED}|{_REQUEST_ID}|{_ADDRESS}|{_UUID}|{_HASH}"
OTHER_DIGITS: Final = "123456789"
_NAME: Final = re.compile(NAME)
_NAMES: Final = re.compile(NAMES, re.ASCII)
_SAME_DIGITS: Final = str.maketrans(dict.fromkeys(OTHER_DIGITS, "0"))

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
