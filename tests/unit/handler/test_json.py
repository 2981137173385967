"""JSON values become the message of a task; other values fail the task."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import math
import numbers
import pathlib
import types
import uuid
from typing import Any
from unittest import mock

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import override

from s3batch_handler import ObjectRef, Outcome, PermanentFailure, ResultCode
from s3batch_handler.handler._results import outcome_of

Color = enum.Enum("Color", {"RED": "red"}, type=str)


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


class Size(enum.IntEnum):
    SMALL = 3


def test_values_become_compact_json(subtests: pytest.Subtests) -> None:
    """Models and dates are included."""
    cases: list[tuple[Any, str]] = [
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
        (ObjectRef(bucket="b", key="k"), '{"bucket":"b","key":"k","version_id":null}'),
        (Size.SMALL, "3"),
        ([Color.RED], '["red"]'),
    ]
    for value, message in cases:
        with subtests.test(value=value):
            outcome = outcome_of(value)

            assert outcome == Outcome(ResultCode.SUCCEEDED, message)


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


def test_a_value_that_is_not_json_is_refused(subtests: pytest.Subtests) -> None:
    """The message says why."""
    cases: list[tuple[Any, str]] = [
        (lambda: float("nan"), "float"),
        (lambda: {"size": float("inf")}, "dict"),
        (lambda: Sizes([float("nan")]), "Sizes"),
        (lambda: b"raw", "type 'bytes' is not JSON"),
        (lambda: {"a": [b"raw"]}, "type 'bytes' is not JSON"),
        (lambda: Point(b"raw"), "type 'bytes' is not JSON"),
        (lambda: {"a": {b"raw"}}, "type 'bytes' is not JSON"),
        (lambda: bytearray(b"raw"), "type 'bytearray' is not JSON"),
        (lambda: memoryview(b"raw"), "type 'memoryview' is not JSON"),
        (lambda: Bytes(data=b"\xff"), "Bytes"),
        (circle, "ircular"),
        (deep, "recursion"),
        (lambda: (number for number in [1]), "type 'generator' is not JSON"),
        (lambda: map(str, [1]), "type 'map' is not JSON"),
        (lambda: {frozenset({1}): 3}, "keys must be"),
        (lambda: {b"raw": 3}, "keys must be"),
        (lambda: 10**5000, "int"),
        (object, "type 'object' is not JSON"),
        (lambda: object, "type 'type' is not JSON"),
        (lambda: print, "is not JSON"),
    ]
    for make, says in cases:
        with subtests.test(make=make):
            with pytest.raises(PermanentFailure, match=says) as caught:
                outcome_of(make())

            assert str(caught.value).startswith("the function ended without an error, but JSON")


def test_a_refused_value_is_named_by_its_type(subtests: pytest.Subtests) -> None:
    """It is the type of what the function returned, or of the item of a list."""
    for value, kind in [
        (Point(object()), "Point"),
        (types.MappingProxyType({"a": object()}), "mappingproxy"),
        ([object()], "object"),
    ]:
        with subtests.test(value=value), pytest.raises(PermanentFailure, match=rf"\({kind}\): "):
            outcome_of(value)


class AsDict:
    def asdict(self) -> dict[str, Any]:  # as the classes of Powertools have it
        raise NotImplementedError


def dataclass_of(**fields: Any) -> Any:
    return dataclasses.make_dataclass("Some", fields, bases=(AsDict,))(**fields)


def test_responses_of_powertools_in_a_value_have_the_names_of_aws(
    subtests: pytest.Subtests,
) -> None:
    """Other dataclasses keep the names of their fields."""
    for value, message in [
        (
            dataclass_of(result_code="Succeeded"),
            {"taskId": None, "resultCode": "Succeeded", "resultString": None},
        ),
        (dataclass_of(invocation_id="i", results=[1]), {"invocationId": "i", "results": [1]}),
        (dataclass_of(invocation_id="i"), {"invocation_id": "i"}),
        (dataclass_of(results=[1]), {"results": [1]}),
    ]:
        with subtests.test(value=value):
            assert json.loads(outcome_of({"sent": value}).message) == {"sent": message}


@numbers.Integral.register
class WholeNumber:
    def __int__(self) -> int:
        return 7


@numbers.Real.register
class RealNumber:
    def __init__(self, value: float = 1.5) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Index:
    def __index__(self) -> int:
        return 7


class Array:
    """The common interface of arrays in numpy, torch and pandas."""

    def __init__(self, value: Any, size: Any = 1) -> None:
        self.value, self.size = value, size

    def tolist(self) -> Any:
        return self.value


class LongDouble(Array):
    @override
    def tolist(self) -> LongDouble:
        return self

    def __float__(self) -> float:
        return 1.5


def test_numbers_of_other_libraries_are_numbers(subtests: pytest.Subtests) -> None:
    """They may be values, items of lists and keys."""
    cases: list[tuple[Any, str]] = [
        (WholeNumber(), "7"),
        (RealNumber(), "1.5"),
        (Index(), "7"),
        (Array(4), "4"),
        (Array(True), "true"),
        (Array([[1, 2.5], [None]]), "[[1,2.5],[null]]"),
        (Array([Array(1), RealNumber()], size=10_000), "[1,1.5]"),
        (LongDouble(None), "1.5"),
        ({"rows": WholeNumber(), "all": [(RealNumber(),)]}, '{"rows":7,"all":[[1.5]]}'),
        ({WholeNumber(): 1, RealNumber(): 2}, '{"7":1,"1.5":2}'),
        (Point(WholeNumber()), '{"x":7,"y":null}'),
        (fractions.Fraction(1, 3), '"1/3"'),
        (decimal.Decimal("1E+3"), '"1E+3"'),
    ]
    for value, message in cases:
        with subtests.test(value=value):
            assert outcome_of(value) == Outcome(ResultCode.SUCCEEDED, message)


class Loose(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    value: Any


def test_numbers_of_other_libraries_in_a_model_are_numbers() -> None:
    """pydantic does not check such fields."""
    assert outcome_of(Loose(value={"a": [WholeNumber(), Array([1])]})) == Outcome(
        ResultCode.SUCCEEDED, '{"value":{"a":[7,[1]]}}'
    )


def test_nan_infinity_and_huge_arrays_are_refused(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, str]] = [
        (math.nan, "NaN and infinity are not JSON numbers"),
        ([-math.inf], "NaN and infinity are not JSON numbers"),
        ({math.nan: 1}, "NaN and infinity are not JSON numbers"),
        ({RealNumber(math.nan): 1}, "NaN and infinity are not JSON numbers"),
        (RealNumber(math.inf), "NaN and infinity are not JSON numbers"),
        (decimal.Decimal("NaN"), "NaN and infinity are not JSON numbers"),
        ([decimal.Decimal("-Infinity")], "NaN and infinity are not JSON numbers"),
        (Array(math.nan), "NaN and infinity are not JSON numbers"),
        (Array([1], size=10_001), "has 10,001 items; return a summary"),
        (mock.MagicMock(), "'MagicMock' is not JSON"),
    ]
    for value, says in cases:
        with subtests.test(value=value), pytest.raises(PermanentFailure, match=says):
            outcome_of(value)


def test_numbers_of_numpy_are_numbers() -> None:
    np = pytest.importorskip("numpy")
    times = np.array(["2026-01-02T03:04:05.123456789", "NaT"], dtype="M8[ns]")

    value = {
        "int": np.arange(4).sum(),
        "float32": np.float32(1.5),
        "longdouble": np.longdouble(1.5),
        "bool": np.bool_(True),
        "array": np.eye(2),
        "zero dimensions": np.array(5),
        "day": np.datetime64("2026-01-02"),
        "times": times,
        "seconds": np.timedelta64(5_000_000_000, "ns"),
        np.int64(1): np.int64(2),
    }

    assert outcome_of(value).message == (
        '{"int":6,"float32":1.5,"longdouble":1.5,"bool":true,"array":[[1.0,0.0],[0.0,1.0]],'
        '"zero dimensions":5,"day":"2026-01-02","times":["2026-01-02T03:04:05.123456",null],'
        '"seconds":"PT5S","1":2}'
    )


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
def test_any_value_is_an_outcome_or_refused(value: Any) -> None:
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
def test_json_can_be_read_back_from_the_message(value: Any) -> None:
    """Values that look like results of AWS are left out here."""
    words = ("resultCode", "result_code", "results", "treatMissingKeysAs", "code", *ResultCode)
    assume(not any(word in json.dumps(value) for word in words))

    assert json.loads(outcome_of(value).message) == value
