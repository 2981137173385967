"""What a function may return, and what of it reaches the completion report."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import types
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel
from typing_extensions import override

from s3batch_handler import Outcome, PermanentFailure, ResultCode
from s3batch_handler.results import NotAwaited, outcome_of
from s3batch_handler.text import MAX_RESULT_STRING, result_string

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


class Thumbnail(BaseModel):
    key: str
    made_at: dt.datetime = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    width: int = Field(default=640, serialization_alias="widthInPixels")


class Sizes(RootModel[list[float]]):
    pass


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = None


class Colour(str, enum.Enum):  # noqa: UP042  that is the point
    RED = "red"


class Size(enum.IntEnum):
    SMALL = 3


class Loud(str):  # noqa: SLOT000
    @override
    def __str__(self) -> str:
        return self.upper()


def test_none() -> None:
    """A function that returns nothing has succeeded and has nothing to say."""
    assert outcome_of(None) == Outcome(SUCCEEDED, "")


@pytest.mark.parametrize("text", ["", "done", "été 🌻", Loud("done"), Colour.RED])
def test_text(text: str) -> None:
    """Text is the message as it is, also that of a subclass with ideas of its own."""
    outcome = outcome_of(text)

    assert outcome.code is SUCCEEDED
    assert outcome.message == text
    assert type(outcome.message) is str


@pytest.mark.parametrize("code", ResultCode)
def test_code(code: ResultCode) -> None:
    """A bare code is an outcome without a message."""
    assert outcome_of(code) == Outcome(code)


@pytest.mark.parametrize("code", ResultCode)
def test_outcome(code: ResultCode) -> None:
    """An outcome is itself, whatever its code."""
    assert outcome_of(Outcome(code, "so be it")) == Outcome(code, "so be it")


@pytest.mark.parametrize(
    ("sloppy", "outcome"),
    [
        (("PermanentFailure", "no"), Outcome(PERMANENT, "no")),
        ((SUCCEEDED, None), Outcome(SUCCEEDED, "")),
        ((SUCCEEDED, {"a": 1}), Outcome(SUCCEEDED, '{"a":1}')),
        ((SUCCEEDED, Loud("done")), Outcome(SUCCEEDED, "done")),
    ],
)
def test_sloppy_outcome(sloppy: Any, outcome: Outcome) -> None:
    """A code spelled as AWS spells it will do, and a message that can be made text."""
    made = outcome_of(Outcome(*sloppy))

    assert made == outcome
    assert type(made.code) is ResultCode


@pytest.mark.parametrize("code", ["Done", None, 1, []])
def test_outcome_that_is_none(code: Any) -> None:
    """A code that S3 does not know never leaves the function."""
    with pytest.raises(PermanentFailure, match="not a valid ResultCode"):
        outcome_of(Outcome(code))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"size": 12, "name": "été 🌻"}, '{"size":12,"name":"été 🌻"}'),
        ({1: None, False: 2.5}, '{"1":null,"false":2.5}'),
        ([1, "a", None, [True]], '[1,"a",null,[true]]'),
        ((1, 2), "[1,2]"),
        (True, "true"),
        (0, "0"),
        (1.5, "1.5"),
        ({}, "{}"),
        (Thumbnail(key="a"), '{"key":"a","made_at":"2026-01-02T00:00:00Z","widthInPixels":640}'),
        ([Sizes([1.5])], "[[1.5]]"),
        (Point(1, Sizes([2.0])), '{"x":1,"y":[2.0]}'),
        ({"seen": {3}}, '{"seen":[3]}'),
        (range(3), "[0,1,2]"),
        (collections.deque([1]), "[1]"),
        (collections.OrderedDict(a=1), '{"a":1}'),
        (types.MappingProxyType({"a": Point(1)}), '{"a":{"x":1,"y":null}}'),
        (dt.date(2026, 1, 2), '"2026-01-02"'),
        (dt.timedelta(hours=1), '"PT1H"'),
        (decimal.Decimal("1.50"), '"1.50"'),
        (pathlib.PurePosixPath("a/b"), '"a/b"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Size.SMALL, "3"),
        ([Colour.RED], '["red"]'),
    ],
)
def test_json(value: Any, message: str) -> None:
    """Whatever JSON can hold becomes compact JSON, models and dates included."""
    outcome = outcome_of(value)

    assert outcome == Outcome(SUCCEEDED, message)


def circle() -> Any:
    items: list[Any] = []
    items.append(items)
    return items


def deep() -> Any:
    items: list[Any] = []
    for _ in range(200_000):
        items = [items]
    return items


class Bytes(BaseModel):
    data: bytes
    model_config = {"ser_json_bytes": "utf8"}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: float("nan"), "float"),
        (lambda: {"size": float("inf")}, "dict"),
        (lambda: Sizes([float("nan")]), "Sizes"),
        (lambda: b"raw", "bytes is no JSON"),
        (lambda: {"a": [b"raw"]}, "bytes is no JSON"),
        (lambda: Point(b"raw"), "bytes is no JSON"),
        (lambda: {"a": {b"raw"}}, "bytes is no JSON"),
        (lambda: bytearray(b"raw"), "bytearray is no JSON"),
        (lambda: memoryview(b"raw"), "memoryview is no JSON"),
        (lambda: Bytes(data=b"\xff"), "Bytes"),
        (circle, "ircular"),
        (deep, "recursion"),
        (lambda: (number for number in [1]), "generator is no JSON"),
        (lambda: map(str, [1]), "map is no JSON"),
        (lambda: {(1, 2): 3}, "keys must be"),
        (lambda: 10**5000, "int"),
        (object, "object is no JSON"),
        (lambda: object, "type is no JSON"),
        (lambda: print, "is no JSON"),
    ],
)
def test_no_json(make: Any, says: str) -> None:
    """What JSON cannot hold fails the task, and the message says why."""
    with pytest.raises(PermanentFailure, match=says) as caught:
        outcome_of(make())

    assert str(caught.value).startswith("the function did its work, but returned something")


def test_a_coroutine_is_handed_back() -> None:
    """What has to be awaited first is no outcome yet: the caller gets it to await it."""

    async def work() -> str:
        return "done"

    coroutine = work()

    with pytest.raises(NotAwaited) as caught:
        outcome_of(coroutine)

    assert caught.value.awaitable is coroutine
    coroutine.close()


def test_a_coroutine_within_a_value_is_refused() -> None:
    """Nobody awaits what is part of a value; the text says what to do about it."""

    async def work() -> str:
        return "done"

    with pytest.raises(PermanentFailure, match="it was never awaited"):
        outcome_of([work()])


# ---------------------------------------------------------------- the text in the report


@pytest.mark.parametrize("text", ["", "x" * 1023, "x" * 1024, "🌻" * 1024, 'a"b\\c', "été\u00a0🌻"])
def test_text_that_fits(text: str) -> None:
    """Text of up to 1,024 visible characters stays as it is."""
    assert result_string(text) == text


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
def test_text_that_is_cut(text: str, mark: str) -> None:
    """Longer text is cut to 1,024 characters, with a mark that tells how long it was."""
    cut = result_string(text)

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
    """The mark has the length of the text before it was escaped, and gives way last."""
    assert result_string(text, limit) == cut


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
def test_unsafe_characters(text: str, safe: str) -> None:
    """What steers a terminal or turns text becomes visible, half a surrogate pair a mark."""
    assert result_string(text) == safe


@given(st.text(), st.integers(min_value=0, max_value=60))
def test_any_text(text: str, limit: int) -> None:
    """Whatever the text, it ends up short, encodable, and on one line."""
    safe = result_string(text, limit)

    assert len(safe) <= limit
    safe.encode()
    assert len(safe.splitlines()) <= 1
    assert not any(ord(character) < 32 for character in safe)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=3)
    | st.complex_numbers()
    | st.datetimes()
    | st.decimals()
    | st.uuids()
    | st.builds(object)
    | st.builds(Outcome, st.sampled_from([*ResultCode, "Succeeded", "bad", 0]), st.text()),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
        | st.builds(Point, inner)
        | st.builds(iter, st.lists(inner))
        | st.tuples(inner, inner)
    ),
    max_leaves=5,
)


@given(VALUES)
def test_any_value(value: Any) -> None:
    """Any value is an outcome with a text, or fails the task: nothing else can happen."""
    try:
        outcome = outcome_of(value)
    except PermanentFailure:
        return
    assert type(outcome) is Outcome
    assert type(outcome.code) is ResultCode
    assert type(outcome.message) is str


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_json_there_and_back(value: Any) -> None:
    """JSON values can be read back from the message."""
    assert json.loads(outcome_of(value).message) == value
