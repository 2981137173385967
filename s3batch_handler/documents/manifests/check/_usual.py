"""Regular expressions for the lines of a manifest in which nothing is wrong.

They accept only lines that :mod:`_row_rules` accepts without a finding; a property test compares
both. A line that they do not match is examined there, so they may be stricter.
"""

from __future__ import annotations

import re
from codecs import escape_decode
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEX: Final = "[0-9A-Fa-f]"
_NEXT_BYTE: Final = f"%[89ABab]{_HEX}"

# The escapes of a character in UTF-8 (RFC 3629), except for a % that begins an escape: %25 and two
# hexadecimal digits may be a key that was encoded twice.
_ESCAPED: Final = (
    "%(?:"
    f"[013-7]{_HEX}"
    f"|2(?:[0-46-9A-Fa-f]|5(?!{_HEX}{_HEX}))"
    f"|[Cc][2-9A-Fa-f]{_NEXT_BYTE}"
    f"|[Dd]{_HEX}{_NEXT_BYTE}"
    f"|[Ee](?:0%[ABab]{_HEX}{_NEXT_BYTE}"
    f"|[1-9A-Ca-cEeFf]{_NEXT_BYTE}{_NEXT_BYTE}"
    f"|[Dd]%[89]{_HEX}{_NEXT_BYTE})"
    f"|[Ff](?:0%[9ABab]{_HEX}{_NEXT_BYTE}{_NEXT_BYTE}"
    f"|[1-3]{_NEXT_BYTE}{_NEXT_BYTE}{_NEXT_BYTE}"
    f"|4%8{_HEX}{_NEXT_BYTE}{_NEXT_BYTE})"
    ")"
)

# What may be in the path of a URL as it is (RFC 3986, section 3.3), except for + and the comma.
UNENCODED: Final = "A-Za-z0-9_.~/!$&'()*;=:@-"

_BUCKET: Final = (
    r"(?=[a-z0-9.-]{3,63}+(?![a-z0-9.-]))[a-z0-9](?:[a-z0-9-]++|\.(?!\.))++(?<=[a-z0-9])"
)

# At least five characters, because None and NULL are probably missing values.
_VERSION: Final = "(?:null|[A-Za-z0-9._~-]{5,1024}+)"

# Of an ignored column: printable ASCII without quotes, commas, % and backslashes.
_IGNORED: Final = r"[ !#$&-+\--\[\]-~]*+"


class LinePatterns(NamedTuple):
    """Patterns that match any number of usual lines.

    Attributes:
        fast: Does not check escapes: :func:`has_usual_escapes` does, for all lines together.
        strict: Checks escapes, and takes up to eight times as long.
    """

    fast: re.Pattern[bytes]
    strict: re.Pattern[bytes]


def usual_lines(
    columns: Sequence[str],
    *,
    bucket: str | None,
    quoted: Sequence[bool],
    is_form_encoded: bool = False,
) -> LinePatterns:
    """Return the patterns for the lines of a manifest.

    Args:
        columns: The columns of the manifest.
        bucket: The bucket of all lines; ``None`` if there are several.
        quoted: For each column, whether its cells are in quotes.
        is_form_encoded: Keys have ``+`` for a space.
    """
    plus = "+" if is_form_encoded else ""
    forms = {
        "Bucket": _BUCKET if bucket is None else re.escape(bucket),
        "VersionId": _VERSION,
        "IsDeleteMarker": "(?:false)?",
        "Ignore": _IGNORED,
    }

    def pattern(key: str) -> re.Pattern[bytes]:
        cells = [
            f'"{form}"' if has_quotes else form
            for name, has_quotes in zip(columns, quoted, strict=True)
            for form in [forms.get(name, key)]
        ]
        return re.compile(rf"(?:{','.join(cells)}(?<![ ])\r?+\n)*+".encode("ascii"))

    fast = f"[%{plus}{UNENCODED}]++"
    strict = rf"(?:[{plus}{UNENCODED}]++|{_ESCAPED})++"
    return LinePatterns(pattern(fast), pattern(strict))


def has_usual_escapes(lines: bytes) -> bool:
    """Return whether all escapes are UTF-8, and no key was probably encoded twice.

    Args:
        lines: Lines without a backslash.
    """
    if b"%" not in lines:
        return True
    try:
        # As in core/_keys.py: %41 is \x41 in a bytes literal, whose decoder is C code.
        escape_decode(lines.replace(b"%", rb"\x"))[0].decode()
    except ValueError:
        return False
    return b"%25" not in lines or not _DOUBLY_ENCODED.search(lines)


_DOUBLY_ENCODED: Final = re.compile(rb"%25[0-9A-Fa-f]{2}")
