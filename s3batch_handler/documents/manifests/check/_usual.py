"""Regular expressions for the lines of a manifest in which nothing is wrong.

They accept only lines that :mod:`_row_rules` accepts without a finding, and if asked for, lines
with a finding of :data:`COUNTABLE`, which is counted for many lines together. Property tests
compare both. A line that they do not match is examined there, so they may be stricter.
"""

from __future__ import annotations

import re
from codecs import escape_decode
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.documents.manifests._manifest import HEADER_WORDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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


# What is unencoded in UnencodedCharacters on lines that are counted: some printable ASCII. Keys
# with other characters, that may be JSON, or that begin or end with a space are examined.
_ODD: Final = r" #<>?\[\]^`{|}"

COUNTABLE: Final = {
    "DoublyEncodedKey": re.compile(rb"%25[0-9A-Fa-f]{2}[^\n]*"),
    "EmptyVersionId": re.compile(rb',(?:"")?\r?\n'),
    "AmbiguousPlus": re.compile(rb"\+[^\n]*"),
    "UnencodedCharacters": re.compile(rf'[^%+,"\r\n{UNENCODED}][^\n]*'.encode("ascii")),
}
"""By code, what matches one time on each line with the finding, if the patterns accept the line."""

# Not a bucket that is the name of a column: the line may be a header row.
_NO_HEADER: Final = rf"(?!(?:{'|'.join('-*'.join(word) for word in HEADER_WORDS)})-*[,\"\r\n])"


class LinePatterns(NamedTuple):
    """Patterns that match any number of usual lines.

    Attributes:
        fast: Does not check escapes: :func:`has_usual_escapes` does, for all lines together.
        strict: Checks escapes, and takes up to eight times as long.
        counts_doubly_encoded: Whether ``fast`` includes keys that were probably encoded twice.
    """

    fast: re.Pattern[bytes]
    strict: re.Pattern[bytes]
    counts_doubly_encoded: bool


def usual_lines(
    columns: Sequence[str],
    *,
    bucket: str | None,
    quoted: Sequence[bool],
    is_form_encoded: bool = False,
    counted: Collection[str] = (),
) -> LinePatterns:
    """Return the patterns for the lines of a manifest.

    Args:
        columns: The columns of the manifest.
        bucket: The bucket of all lines; ``None`` if there are several.
        quoted: For each column, whether its cells are in quotes.
        is_form_encoded: Keys have ``+`` for a space.
        counted: Codes of :data:`COUNTABLE`, for which :func:`number_of_lines` counts the lines.
    """
    plus = "+" if is_form_encoded or "AmbiguousPlus" in counted else ""
    may_be_empty = "EmptyVersionId" in counted and columns[-1] == "VersionId"
    forms = {
        "Bucket": f"{_NO_HEADER}{_BUCKET}" if bucket is None else _escaped(bucket),
        "VersionId": f"{_VERSION}?+" if may_be_empty else _VERSION,
        "IsDeleteMarker": "(?:false)?",
        "Ignore": f"[{UNENCODED}]*+" if counted else _IGNORED,
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
    if "UnencodedCharacters" in counted:
        fast = rf"(?![ {{\[])[%{plus}{_ODD}\x80-\xff{UNENCODED}]++(?<![ ])"
        strict = rf"(?![ {{\[])(?:[{plus}{_ODD}{UNENCODED}]++|{_ESCAPED})++(?<![ ])"
    return LinePatterns(pattern(fast), pattern(strict), "DoublyEncodedKey" in counted)


def _escaped(bucket: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in bucket.encode())


def number_of_lines(code: str, lines: bytes) -> int:
    """Return how many lines have the finding of a code that the patterns leave to be counted."""
    return len(COUNTABLE[code].findall(lines))


def has_usual_escapes(lines: bytes, *, counts_doubly_encoded: bool = False) -> bool:
    """Return whether all is UTF-8, with the escapes, and no key was probably encoded twice.

    Args:
        lines: Lines without a backslash.
        counts_doubly_encoded: Keys may be encoded twice, if those are UTF-8, too.
    """
    try:
        if not lines.isascii():
            lines.decode()
        if b"%" not in lines:
            return True
        _decode(lines)
        if b"%25" not in lines or not _DOUBLY_ENCODED.search(lines):
            return True
        if counts_doubly_encoded:
            _decode(_DOUBLY_ENCODED.sub(b"%", lines))
            return True
    except ValueError:
        pass
    return False


def _decode(lines: bytes) -> None:
    # As in core/_keys.py: %41 is \x41 in a bytes literal, whose decoder is C code.
    escape_decode(lines.replace(b"%", rb"\x"))[0].decode()


_DOUBLY_ENCODED: Final = re.compile(rb"%25(?=[0-9A-Fa-f]{2})")
