"""A regular expression for the lines of a manifest in which nothing is wrong.

It accepts only lines that :mod:`_row_rules` accepts without a finding; a property test compares
both. A line that it does not match is examined there, so it may be stricter.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

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
_KEY: Final = rf"(?:[{UNENCODED}]++|{_ESCAPED})++"
_FORM_ENCODED_KEY: Final = rf"(?:[+{UNENCODED}]++|{_ESCAPED})++"

_BUCKET: Final = (
    r"(?=[a-z0-9.-]{3,63}+(?![a-z0-9.-]))[a-z0-9](?:[a-z0-9-]++|\.(?!\.))++(?<=[a-z0-9])"
)

# At least five characters, because None and NULL are probably missing values.
_VERSION: Final = "(?:null|[A-Za-z0-9._~-]{5,1024}+)"

# Of an ignored column: printable ASCII without quotes and commas.
_IGNORED: Final = r"[ !#-+\--~]*+"


def usual_lines(
    columns: Sequence[str],
    *,
    bucket: str | None,
    quoted: Sequence[bool],
    is_form_encoded: bool = False,
) -> re.Pattern[bytes]:
    """Return a pattern that matches any number of usual lines.

    Args:
        columns: The columns of the manifest.
        bucket: The bucket of all lines; ``None`` if there are several.
        quoted: For each column, whether its cells are in quotes.
        is_form_encoded: Keys have ``+`` for a space.
    """
    forms = {
        "Bucket": _BUCKET if bucket is None else re.escape(bucket),
        "Key": _FORM_ENCODED_KEY if is_form_encoded else _KEY,
        "VersionId": _VERSION,
        "IsDeleteMarker": "(?:false)?",
        "Ignore": _IGNORED,
    }
    cells = [
        f'"{forms[name]}"' if has_quotes else forms[name]
        for name, has_quotes in zip(columns, quoted, strict=True)
    ]
    return re.compile(rf"(?:{','.join(cells)}(?<![ ])\r?+\n)*+".encode("ascii"))
