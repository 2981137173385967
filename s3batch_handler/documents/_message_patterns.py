"""The common form of messages that differ only in names, numbers and places."""

from __future__ import annotations

import re
from typing import Final


def message_pattern(message: str) -> str:
    """Return the common form of messages that differ only in names, numbers and places."""
    # The part that is read is longer than the result, which therefore does not depend on the
    # lengths of names.
    return _VARIABLE.sub("…", message[:_READ_CHARACTERS])[:_PATTERN_CHARACTERS]


def without_key(message: str, key: str) -> str:
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
