"""Text from strangers, made fit for where it goes: a report, a terminal, a log.

Keys, messages and paths may hold anything: control characters, half a surrogate pair, a megabyte.
"""

from __future__ import annotations

import json
import re
from typing import Final

MAX_RESULT_STRING: Final = 1024
"""Characters of a result string that reach the completion report."""


def sanitize(text: str, limit: int = MAX_RESULT_STRING) -> str:
    r"""Make text safe for a completion report: one line of at most ``limit`` characters.

    Control characters, which could steer a terminal, and those that turn the direction of the text
    around them are escaped (a line break becomes ``\n``); lone surrogates are replaced. All else
    stays, zero-width characters too: languages and emoji need them. A text that is too long
    ends in a mark that tells how long it was.
    """
    safe = text
    if not text.isprintable():
        # Cut before escaping: nobody wants a megabyte escaped to keep a kilobyte of it.
        safe = _SURROGATE.sub("\ufffd", text[: limit + 1]).translate(_ESCAPED)
    if len(safe) <= limit:
        return safe
    mark = f"… [cut, of {len(text):,} characters]"
    return safe[: max(0, limit - len(mark))] + mark[:limit]


# C0 and C1 control characters, the two Unicode line breaks, and what embeds, overrides or isolates
# a direction, spelled as in Python.
_ESCAPED: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{code: f"\\u{code:04x}" for code in (*range(0x2028, 0x202F), *range(0x2066, 0x206A))},
    0x09: "\\t",
    0x0A: "\\n",
    0x0D: "\\r",
}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def escape_unprintable(text: str) -> str:
    r"""Make text for a terminal: escape what would not be seen as it is, like ``\x1b``, ``\u202e``.

    It must neither steer the terminal nor look like lines of ours.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def safe_line(text: str, limit: int = 1000) -> str:
    """Truncate and escape untrusted text for a message: one line of about ``limit`` characters."""
    return escape_unprintable(sanitize(text, limit))


def short_repr(text: str, limit: int = 100) -> str:
    """Quote untrusted text for a message, as ``repr`` does, but at most ``limit`` characters."""
    if len(text) <= limit:
        return repr(text)
    return f"{text[:limit]!r}… [cut, of {len(text):,} characters]"


def truncate(text: str, limit: int) -> str:
    """Strip a text, and cut it after ``limit`` characters, marked by ``…``."""
    text = text[: 2 * limit].strip()
    return text if len(text) <= limit else f"{text[:limit]}…"


def escape_unprintable_json(text: str) -> str:
    r"""Escape unprintable characters in a JSON document, as JSON does: ``\u009b``."""
    if text.isascii():
        return text
    return "".join(
        char if char == "\n" or char.isprintable() else json.dumps(char)[1:-1] for char in text
    )


def one_line(text: str) -> str:
    """Make one line of a text of several."""
    return " ".join(text.split())


def escape_surrogates(text: str) -> str:
    """Make text that any stream takes: half of a surrogate pair is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
