"""Helpers for the tables of the other modules, and for masking parts of a text."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "***"
"""The replacement for a value that was removed."""

ENCODED: Final = r"%(?:25){0,3}"
"""A pattern for the beginning of a URL-encoded character, which may be encoded again."""

QUOTE: Final = rf"""\\{{0,8}}['"]|&quot;|&\#0?3[49];|{ENCODED}2[27]"""
"""A pattern for a quote, also within JSON, HTML and URLs."""


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text: a compact form for long tables."""
    return (*text.split(),)


@cache
def pattern(expression: str) -> re.Pattern[str]:
    """Return a compiled expression. It is compiled on first use, to keep cold starts fast."""
    return re.compile(expression)


def mask_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace parts of a text, which are in order, by ``***``."""
    kept: list[str] = []
    done = 0
    for begin, end in spans:
        kept += [text[done:begin], MASK]
        done = end
    return "".join([*kept, text[done:]])


def closing_quote(text: str, begin: int, quote: str) -> int:
    r"""Return the end of a quoted value, or the end of the text if the quote is not closed.

    In ``'it\'s'`` the quote in the middle is escaped; in ``\"it\'s\"``, which is JSON within JSON,
    those around the value are.
    """
    end = begin
    while (end := text.find(quote, end)) >= 0:
        backslashes = count_backslashes(text, begin, end)
        if backslashes == 0 or (backslashes % 2 == 0 and quote in ("'", '"')):
            return end
        end += 1
    return len(text)


def count_backslashes(text: str, begin: int, end: int) -> int:
    """Return the number of backslashes directly before ``end``, at most 16."""
    before = text[max(begin, end - 16) : end]
    return len(before) - len(before.rstrip("\\"))


def end_of_value(text: str, begin: int, *, stop_at_comma: bool) -> int:
    """Return where a value in Python's or JSON's notation ends: at a bracket that closes another.

    Brackets and commas within quotes and within brackets are part of the value.
    """
    depth, position = 0, begin
    while (part := pattern(_PART_OF_VALUE).search(text, position)) is not None:
        position = part.end()
        if part["quote"]:
            position = closing_quote(text, position, part["quote"]) + len(part["quote"])
        elif part[0] in "([{<":
            depth += 1
        elif part[0] == ",":
            if stop_at_comma and depth == 0:
                return part.start()
        elif depth > 0:
            depth -= 1
        elif part[0] != ">":
            return part.start()
    return len(text)


_PART_OF_VALUE: Final = rf"(?i)(?<!\w)[bru]{{0,2}}(?P<quote>{QUOTE})|[\[\](){{}}<>,]"
