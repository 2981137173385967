"""The standard library gives values the text that pydantic gives them, without pydantic."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import json
import pathlib
import re
from typing import Any, NamedTuple
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import to_json

from s3batch_handler.handler import _json


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any
    y: Any = None


@dataclasses.dataclass(slots=True)
class Slots:
    x: Any


class Pair(NamedTuple):
    left: Any
    right: Any = None


class Day(dt.date, enum.Enum):
    FIRST = 2026, 1, 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


def _member(value: object) -> Any:
    color: Any = enum.Enum("color", {"RED": value})
    return color.RED


OFFSETS = st.timedeltas(dt.timedelta(hours=-24, microseconds=1), dt.timedelta(hours=23, minutes=59))
ZONES = st.none() | st.builds(dt.timezone, OFFSETS) | st.timezones()
# pydantic writes complex numbers without an exponent, and so does Python, unless they are small.
QUARTERS = st.integers(-1000, 1000).map(lambda number: number / 4)
ADDRESSES = st.ip_addresses()
TEXTS = st.text("ab1é%/{}", max_size=4)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e15, 1e15).filter(lambda number: number == 0 or abs(number) > 1e-4)
    | TEXTS
    | st.dates()
    | st.datetimes(timezones=ZONES)
    | st.times(timezones=ZONES)
    | st.timedeltas()
    | st.timedeltas(dt.timedelta(days=-800), dt.timedelta(days=800))
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.fractions()
    | st.builds(complex, QUARTERS, QUARTERS)
    | st.uuids()
    | ADDRESSES
    | ADDRESSES.map(ipaddress.ip_interface)
    | ADDRESSES.map(ipaddress.ip_network)
    | st.timezones()
    | st.builds(pathlib.Path, TEXTS)
    | TEXTS.map(re.escape).map(re.compile)
    | st.sampled_from([*Day, *Rights, Rights.READ | Rights.WRITE])
)
ENUMS = SCALARS.map(_member)
# The json module writes the key None as null, pydantic as None.
KEYS = (
    SCALARS.filter(lambda key: key is not None)
    | ENUMS
    | st.tuples(SCALARS, ENUMS)
    | st.builds(Pair, TEXTS, st.dates())
)
VALUES = st.recursive(
    SCALARS | ENUMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(Point, inner, inner)
        | st.builds(Slots, inner)
        | st.lists(inner, max_size=3).map(collections.deque)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.dictionaries(TEXTS, inner, max_size=3).map(collections.OrderedDict)
        | inner.map(lambda value: _member([value]))
    ),
    max_leaves=5,
) | st.sets(SCALARS, max_size=3)


@given(VALUES)
def test_values_of_the_standard_library_have_the_text_that_pydantic_gives_them(value: Any) -> None:
    with mock.patch.object(_json, "pydantic_is_loaded", return_value=False):
        text = _json.compact_json(value)

    assert json.loads(text) == json.loads(to_json(value, fallback=_by_type))


def _by_type(value: object) -> object:
    """Serialize values of the types that pydantic knows only as the type of a field."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")
