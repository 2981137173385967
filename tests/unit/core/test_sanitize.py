"""Texts for the ``resultString`` of a task."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3batch_handler.core._sanitize import (
    MAX_RESULT_STRING,
    escape_surrogates,
    escape_unprintable,
    escape_unprintable_json,
    one_line,
    safe_line,
    sanitize,
    short_repr,
    truncate,
)


@pytest.mark.parametrize("text", ["", "x" * 1023, "x" * 1024, "🌻" * 1024, 'a"b\\c', "été\u00a0🌻"])
def test_short_text_is_unchanged(text: str) -> None:
    """Up to 1,024 visible characters."""
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("x" * 1025, "… [cut, of 1,025 characters]"),
        ("🌻" * 100_000, "… [cut, of 100,000 characters]"),
        ("\n" * 1024, "… [cut, of 1,024 characters]"),
        ("\u00a0" * 1025, "… [cut, of 1,025 characters]"),
        ("x\n" + "y" * 2_000_000, "… [cut, of 2,000,002 characters]"),
    ],
)
def test_long_text_is_cut_to_1024_characters(text: str, mark: str) -> None:
    """It ends with a mark that has the original length."""
    cut = sanitize(text)

    assert len(cut) == MAX_RESULT_STRING == 1024
    assert cut.endswith(mark)
    assert cut[:10] == text[:10].replace("\n", "\\n")[:10]


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("x" * 100, 100, "x" * 100),
        ("x" * 101, 100, "x" * 74 + "… [cut, of 101 characters]"),
        ("x" * 100, 27, "x" + "… [cut, of 100 characters]"),
        ("x" * 100, 26, "… [cut, of 100 characters]"),
        ("x" * 100, 25, "… [cut, of 100 characters"),
        ("x" * 100, 1, "…"),
        ("x" * 100, 0, ""),
        ("x" * 1_234_567, 33, "x" + "… [cut, of 1,234,567 characters]"),
        ("\n" * 20, 40, "\\n" * 20),
        ("\n" * 20, 39, "\\n" * 7 + "… [cut, of 20 characters]"),
        ("\n" + "x" * 99, 40, "\\n" + "x" * 12 + "… [cut, of 100 characters]"),
        ("\ud83c" * 41, 40, "\ufffd" * 15 + "… [cut, of 41 characters]"),
        ("\u00a0" * 41, 40, "\u00a0" * 15 + "… [cut, of 41 characters]"),
    ],
)
def test_the_mark_of_a_cut_text_tells_its_length(text: str, limit: int, cut: str) -> None:
    """It is the length of the text before escaping."""
    assert sanitize(text, limit) == cut


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("line\nbreak\r\n\ttab", "line\\nbreak\\r\\n\\ttab"),
        ("\x00\x1b[31mred\x7f\x85", "\\x00\\x1b[31mred\\x7f\\x85"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202egpj.exe \u2066x\u2069", "\\u202egpj.exe \\u2066x\\u2069"),
        ("no\u200bwidth, 👩\u200d🚀\n", "no\u200bwidth, 👩\u200d🚀\\n"),
        ("half \ud83c, other half \udf3b", "half \ufffd, other half \ufffd"),
        ("caf\udce9", "caf\ufffd"),
    ],
)
def test_unsafe_characters_are_escaped(text: str, safe: str) -> None:
    """Control characters become visible, and half of a surrogate pair becomes a mark."""
    assert sanitize(text) == safe


@given(st.text())
@example("\x7f")
def test_json_has_no_unprintable_characters(text: str) -> None:
    """It is still the same value, also for text that is ASCII except for a control character."""
    for ensure_ascii in (False, True):
        document = escape_unprintable_json(json.dumps(text, ensure_ascii=ensure_ascii))

        assert document.isprintable()
        assert json.loads(document) == text


@given(st.text(), st.integers(min_value=0, max_value=60))
def test_any_text_becomes_one_short_line(text: str, limit: int) -> None:
    """The result of any text is short, encodable, and one line."""
    safe = sanitize(text, limit)

    assert len(safe) <= limit
    safe.encode()
    assert len(safe.splitlines()) <= 1
    assert not any(ord(character) < 32 for character in safe)


def test_characters_that_a_terminal_does_not_show_are_escaped() -> None:
    """Printable text is unchanged."""
    assert escape_unprintable("a\x1b[31m\u202e\nb") == "a\\x1b[31m\\u202e\\nb"
    assert escape_unprintable("été 🌻") == "été 🌻"
    assert escape_unprintable("été 🌻\n") == "été 🌻\\n"


def test_a_safe_line_has_at_most_1000_characters() -> None:
    """Zero-width characters, which reports keep, are escaped, too."""
    assert safe_line("x" * 1000) == "x" * 1000
    assert safe_line("x" * 1001) == "x" * 972 + "… [cut, of 1,001 characters]"
    assert safe_line("a\u200bb", limit=10) == "a\\u200bb"
    assert safe_line("x" * 40, limit=30) == "x" * 5 + "… [cut, of 40 characters]"


def test_a_short_repr_has_at_most_100_characters_of_the_text() -> None:
    assert short_repr("x\n" * 50) == repr("x\n" * 50)
    assert short_repr("x" * 101) == f"'{'x' * 100}'… [cut, of 101 characters]"
    assert short_repr("x" * 1_234, limit=3) == "'xxx'… [cut, of 1,234 characters]"


def test_truncated_text_ends_with_an_ellipsis() -> None:
    """White space around the text does not count."""
    assert truncate("x" * 10, 10) == "x" * 10
    assert truncate(" \n" + "x" * 10 + "\n", 10) == "x" * 10
    assert truncate("x" * 11, 10) == "x" * 10 + "…"


def test_unprintable_characters_in_json_are_escaped_as_in_json() -> None:
    """Line breaks remain, because a JSON document has them between its values."""
    text = '{"é": "\u009b\u2028",\n "a": 1}'

    escaped = escape_unprintable_json(text)

    assert escaped == '{"é": "\\u009b\\u2028",\n "a": 1}'
    assert json.loads(escaped) == json.loads(text)


def test_lines_are_joined_with_single_spaces() -> None:
    assert one_line(" a\n  b\tc ") == "a b c"


def test_lone_surrogates_are_escaped_for_a_stream() -> None:
    assert escape_surrogates("caf\udce9 été") == "caf\\udce9 été"
