"""Hypothesis strategies for what a function may return for a task."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.testing.strategies._exceptions import exceptions

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def results() -> SearchStrategy[Any]:
    """Generate everything that a function may return for a task.

    They include ``None``, texts, JSON, models, dataclasses, dates and numbers, outcomes in all
    forms, AWS's own results and responses, returned exceptions, and values that cannot be
    represented as JSON, such as bytes and plain objects.
    """
    return st.one_of(
        st.none(),
        _TEXTS,
        _values(),
        _outcomes(),
        _aws_results(),
        _responses(),
        exceptions(),
        _NOT_JSON,
    )


_TEXTS: Final = st.text(max_size=60) | st.sampled_from(
    [
        "",
        "done",
        "x" * 2000,
        "two\nlines",
        "\x1b[31mred",
        *ResultCode,
        '{"resultCode": "Succeeded"}',
    ]
)
_CODES: Final = st.sampled_from(ResultCode)
_WRONG_CODES: Final = st.sampled_from(["succeeded", "Failed", "", None, 0, True])


class _Color(enum.Enum):
    RED = "red"
    BLUE = 2


@dataclass
class _Size:
    width: Any
    height: Any = None


_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.decimals(),
    st.dates(),
    st.datetimes(),
    st.uuids(),
    st.timedeltas(),
    st.sampled_from([_Color.RED, _Color.BLUE, PurePosixPath("a/b"), decimal.Decimal("NaN")]),
    st.just(dt.UTC),
)


_KEYS: Final = st.one_of(
    st.text(max_size=10),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.uuids(),
    st.sampled_from(_Color),
    st.tuples(st.integers()),
)


def _values() -> SearchStrategy[Any]:
    """Generate values that are JSON or can be represented as JSON, nested in each other."""
    return st.recursive(
        _SCALARS | _outcomes(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(_KEYS, inner, max_size=3),
            st.tuples(inner, inner),
            st.builds(_Size, inner, inner),
            _models(inner),
        ),
        max_leaves=5,
    )


def _models(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Generate pydantic's models, if it is installed."""
    if find_spec("pydantic") is None:
        return st.nothing()
    from pydantic import create_model

    size = create_model("Size", width=(Any, ...), height=(Any, None))
    return st.builds(size, width=inner, height=inner)


def _outcomes() -> SearchStrategy[Any]:
    messages = st.text(max_size=10) | st.none()
    return st.one_of(
        st.builds(Outcome, _CODES, st.text(max_size=10)),
        _CODES,
        st.tuples(_CODES),
        st.tuples(_CODES, messages),
        st.tuples(_CODES, messages, messages),
        st.fixed_dictionaries({"code": _CODES, "message": messages}),
    )


def _aws_results() -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"resultCode": _CODES.map(str) | _WRONG_CODES},
        optional={
            "taskId": st.text(max_size=5) | st.none(),
            "resultString": st.text(max_size=10) | st.none() | st.integers(),
        },
    )


def _responses() -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"results": st.lists(_aws_results(), max_size=2) | _SCALARS},
        optional={
            "invocationSchemaVersion": st.sampled_from(["1.0", "2.0", "3.0"]),
            "invocationId": st.text(max_size=5),
            "treatMissingKeysAs": _CODES.map(str) | _WRONG_CODES,
            "statusCode": st.just(200),
        },
    )


_NOT_JSON: Final = st.one_of(
    st.binary(max_size=10),
    st.complex_numbers(),
    st.sets(st.integers(), max_size=3),
    st.builds(object),
    st.just(...),
    st.sampled_from([int, Exception, print]),
    st.builds(iter, st.lists(st.integers(), max_size=3)),
)
