"""Untrusted text for reports, terminals and logs.

Keys, messages and paths may contain control characters and lone surrogates, and may be very long.
"""

from __future__ import annotations

from s3batch_handler.core._typing import Final

MAX_RESULT_STRING: Final = 1024
"""The most characters of a message in a completion report."""


def sanitize(text: str, limit: int = MAX_RESULT_STRING) -> str:
    r"""Sanitize text for a completion report: one line of at most ``limit`` characters.

    Control characters, which could control a terminal, and characters that change the direction of
    text are escaped (a line break becomes ``\n``). Lone surrogates are replaced. Other characters
    are kept, also zero-width ones, because languages and emoji need them. A text that is too long
    ends with its original length.
    """
    safe = text
    if not text.isprintable():
        import re  # usual messages do not need it, and a start of Lambda should be fast

        # Cut first, so that a megabyte is not escaped to keep a kilobyte.
        safe = re.sub(_SURROGATE, "\ufffd", text[: limit + 1]).translate(_ESCAPED)
    if len(safe) <= limit:
        return safe
    mark = f"… [cut, of {len(text):,} characters]"
    return safe[: max(0, limit - len(mark))] + mark[:limit]


# C0 and C1 control characters, the two Unicode line breaks, and the characters that embed, override
# or isolate a direction, as Python writes them.
_ESCAPED: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{code: f"\\u{code:04x}" for code in (*range(0x2028, 0x202F), *range(0x2066, 0x206A))},
    0x09: "\\t",
    0x0A: "\\n",
    0x0D: "\\r",
}
_SURROGATE: Final = "[\ud800-\udfff]"


def escape_unprintable(text: str) -> str:
    r"""Escape characters that a terminal does not show as they are: ``\x1b``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def safe_line(text: str, limit: int = 1000) -> str:
    """Truncate and escape untrusted text for a message: one line of about ``limit`` characters."""
    return escape_unprintable(sanitize(text, limit))


def short_repr(text: str, limit: int = 100) -> str:
    """Return the ``repr`` of untrusted text, of at most ``limit`` of its characters."""
    if len(text) <= limit:
        return repr(text)
    return f"{text[:limit]!r}… [cut, of {len(text):,} characters]"


def truncate(text: str, limit: int) -> str:
    """Shorten a text to ``limit`` characters, with ``…`` at the end if it was longer."""
    text = text[: 2 * limit].strip()
    return text if len(text) <= limit else f"{text[:limit]}…"


def escape_unprintable_json(text: str) -> str:
    r"""Escape unprintable characters in a JSON document, as JSON does: ``\u009b``."""
    if text.isascii() and "\x7f" not in text:  # JSON escapes all other control characters of ASCII
        return text
    import json

    return "".join(
        char if char == "\n" or char.isprintable() else json.dumps(char)[1:-1] for char in text
    )


def one_line(text: str) -> str:
    """Join the lines of a text, with single spaces between its words."""
    return " ".join(text.split())


def escape_surrogates(text: str) -> str:
    """Escape lone surrogates, which cannot be written to a stream."""
    return text.encode("utf-8", "backslashreplace").decode()
