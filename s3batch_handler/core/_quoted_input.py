"""Input that libraries quote in their messages, which is masked.

The rule: what an SDK, a database or a library for validation quotes of a record, a statement or a
request is masked. What Python's standard library quotes is kept, because such a message names no
field: without ``'x'``, ``invalid literal for int()`` does not say what failed. What it quotes of an
address or an INI file is masked, because it may be a part of a password. Names of fields,
parameters, buckets and keys are kept, too.

The run time is linear in the length of the text.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._patterns import (
    MASK,
    count_backslashes,
    end_of_value,
    mask_spans,
    pattern,
)
from s3batch_handler.core._quoted_input_table import (
    JSONSCHEMA_WORDS,
    QUOTED_BEFORE,
    QUOTED_BEFORE_BY_JSONSCHEMA,
    QUOTED_INPUT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def mask_quoted_input(text: str, longest: int | None = None) -> str:
    """Replace input that libraries quote by ``***``, and cut a text that is longer.

    The words after a value, which show that it is input, may be beyond the cut.
    """
    if longest is not None and len(text) > longest:
        text = mask_before_sentences(text)[:longest]
    for hint, before, after in QUOTED_INPUT:
        if hint in text:
            text = _between(before, after).sub(rf"\1{MASK}", text)
    text = mask_before_sentences(text)
    if " error:" in text or ") did not validate " in text:
        text = mask_sentences_of_schema(text)
    if "loc" in text and "msg" in text and pattern(r"""['"]loc\\{0,8}['"][ ]?:""").search(text):
        text = mask_spans(text, _spans_in_pydantic_errors(text))
    return text


@cache
def _between(before: str, after: str) -> re.Pattern[str]:
    return re.compile(rf"({before}).*?(?={after}|\Z)", re.DOTALL)


def mask_before_sentences(text: str, *, of_jsonschema: bool = False) -> str:
    """Replace input that precedes the words of a library.

    Some words are masked only in a text of jsonschema, which is known to the caller, or recognized
    by its other words or by several of its messages in a row.
    """
    for after in QUOTED_BEFORE:
        if after in text:
            text = mask_spans(text, _spans_before(text, after))
    ambiguous = [after for after in QUOTED_BEFORE_BY_JSONSCHEMA if after in text]
    if ambiguous and (of_jsonschema or _is_of_jsonschema(text)):
        for after in ambiguous:
            text = mask_spans(text, _spans_before(text, after))
    return text


def mask_sentences_of_schema(text: str, *, is_known: bool = False) -> str:
    """Replace input that the library ``schema`` quotes, whose words may also be a user's own.

    Its text is known to the caller, or recognized by its other lines.
    """
    if is_known or pattern(_LINE_OF_SCHEMA).search(text) is not None:
        for sentence, replacement in _SENTENCES_OF_SCHEMA:
            text = pattern(sentence).sub(replacement, text)
    return text


_LINE_OF_SCHEMA: Final = (
    r"\bKey [^\n]{1,200}? error:(?:\n|\\{1,8}n)"
    r"|(?<![\w.])[A-Z]\w{0,60}\([^\n]{1,1000}?\) did not validate "
)
_SENTENCES_OF_SCHEMA: Final = (  # of one line each: the values are in Python's notation
    (r"(\) did not validate )[^\n]+", rf"\1{MASK}"),
    (r"(?<![^\n])[^\n]+( does not match )[^\n]+", rf"{MASK}\1{MASK}"),
    (r"(?<![^\n])([^(\n]{1,200}\()[^\n]+(\) should evaluate to)", rf"\1{MASK}\2"),
    (r"(?<![^\n])([^(\n]{1,200}\()[^\n]+?\) raised [^\n]+", rf"\1{MASK})"),
    (r"((?:Wrong|Forbidden) key[^\n]{1,200}? in )\{[^\n]+", rf"\1{MASK}"),
)


# ---------------------------------------------------------------- jsonschema


def _is_of_jsonschema(text: str) -> bool:
    if any(words in text for words in JSONSCHEMA_WORDS):
        return True
    # As when a user formats the path and the message of an error: "$.a.b: 'x' is too long".
    if pattern(r"""(?<![\w$])\$[\w.'\[\]-]{0,200}: (?=['"\[{\d-])""").search(text) is not None:
        return True
    messages = list(islice(pattern(_JSONSCHEMA_MESSAGE).finditer(text), 20))
    values = {message["value"] for message in messages}
    if len(messages) < 2:
        return False
    # Otherwise, as in "'title' is too long; 'text' is too short", they may be names.
    return len(values) < len(messages) or any(message["expression"] for message in messages)


# One of several messages, as in "; ".join(error.message for error in errors).
_JSONSCHEMA_MESSAGE: Final = (
    r"""(?:(?<![^\n])|[;,|:][ ]|[\[(])(?:\\{0,4}['"](?=['"\[{]))?"""
    r"""(?P<value>'[^'\n]{0,1000}'|"[^"\n]{0,1000}"|\[[^\n]{0,1000}?\]|\{[^\n]{0,1000}?\})[ ]"""
    r"""(?:does[ ]not[ ]match[ ]['"](?P<expression>\^|[^'"\n]{0,300}[\\$\]])?"""
    r"""|is[ ]not[ ]a[ ]'\w|(?:is[ ]too[ ](?:long|short)|should[ ]be[ ]non-empty"""
    r"""|is[ ]expected[ ]to[ ]be[ ]empty)(?![\w ]))"""
)


# ---------------------------------------------------------------- values before words


def _spans_before(text: str, after: str) -> Iterator[tuple[int, int]]:
    """Yield the values that precede a text, such as ``'x'`` in ``'x' is not of type``."""
    done = 0
    while (end := text.find(after, done)) >= 0:
        begin = _begin_of_value(text, done, end)
        if begin < end:
            yield begin, end
        done = end + len(after)


def _begin_of_value(text: str, floor: int, end: int) -> int:
    """Return where a value begins that ends at a place, in the same line."""
    line = max(floor, text.rfind("\n", floor, end) + 1)
    if text.endswith(MASK, line, end):
        return end - len(MASK)
    last = text[end - 1] if end > line else " "
    if last in "'\"`":
        return _opening_quote(text, line, end - 1)
    if last in ")]}>":
        opening = text.find("([{<"[")]}>".index(last)], line, end)
        return opening if opening >= 0 else line
    return max(line, text.rfind(" ", line, end) + 1, text.rfind("(", line, end) + 1)


def _opening_quote(text: str, floor: int, closing: int) -> int:
    # Quotes within the value have more backslashes before them.
    level = count_backslashes(text, floor, closing)
    opening = closing
    while (opening := text.rfind(text[closing], floor, opening)) >= 0:
        backslashes = count_backslashes(text, floor, opening)
        if backslashes <= level:
            return opening - backslashes
    return floor


# ---------------------------------------------------------------- pydantic


def _spans_in_pydantic_errors(text: str) -> Iterator[tuple[int, int]]:
    """Yield the input in what ``errors()`` and ``json()`` of a ValidationError return."""
    done = 0
    while (field := pattern(_PYDANTIC_FIELD).search(text, done)) is not None:
        if field["key"]:
            begin, end = _begin_of_value(text, done, field.start()), field.start()
        else:
            begin = field.end()
            end = end_of_value(text, begin, stop_at_comma=True)
        if begin < end:
            yield begin, end
        done = max(end, field.end())


_PYDANTIC_FIELD: Final = (
    r"""(?P<quote>\\{0,8}['"])(?:input|tag|given|discriminator_value)(?P=quote)[ ]?:[ ]?"""
    r"""|(?P<key>,\s{0,40}\\{0,8}['"]\[key\])"""
)
