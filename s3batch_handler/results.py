"""What a user's function may return, and what a completion report can show of it."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from s3batch_handler.errors import PermanentFailure
from s3batch_handler.model import Outcome, ResultCode

MAX_RESULT_STRING: Final = 1024
"""Characters of a result string that reach the completion report."""


def outcome_of(value: object) -> Outcome:
    """Turn what a function returned into an outcome.

    ==============================  =================================================
    ``None``                        Succeeded, without a message
    ``str``                         Succeeded, with that message
    ``Outcome``                     itself
    ``ResultCode``                  that code, without a message
    a pydantic model, ``dict``, …   Succeeded, with the value as compact JSON
    ==============================  =================================================

    Raises:
        PermanentFailure: JSON cannot hold the value (NaN, bytes, a generator, a circle).
    """
    if type(value) is str:
        return _new_tuple(Outcome, (_SUCCEEDED, value))
    if value is None:
        return _NOTHING_TO_SAY
    if isinstance(value, Outcome):
        return _checked(value)
    if isinstance(value, ResultCode):
        return Outcome(value)
    if isinstance(value, str):
        return Outcome(_SUCCEEDED, str.__str__(value))  # whatever the subclass makes of itself
    return Outcome(_SUCCEEDED, _compact_json(value))


# Nearly all outcomes are made here. The look-up in the enum shows, and so does NamedTuple's
# constructor: this is what it comes down to, at half its price.
_SUCCEEDED: Final = ResultCode.SUCCEEDED
_new_tuple: Final = tuple.__new__
_NOTHING_TO_SAY: Final = Outcome(_SUCCEEDED)


def _checked(outcome: Outcome) -> Outcome:
    """Make sure of what a user, or no type checker, has put into an outcome."""
    try:
        code = ResultCode(outcome.code)
    except ValueError as error:
        raise PermanentFailure(f"the function returned an Outcome, but {error}") from error
    return Outcome(code, outcome_of(outcome.message).message)


def _compact_json(value: object) -> str:
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise PermanentFailure(
            "the function did its work, but returned something that JSON cannot hold "
            f"({type(value).__name__}): {error}"
        ) from error


def _jsonable(value: object) -> Any:
    """Give what JSON has for a value that it does not know itself: a model, a date, a path.

    One layer of it: the encoder asks again for what is inside.
    """
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if inspect.iscoroutine(value):
        value.close()  # or Python would complain that nobody awaited it
        raise TypeError("it was never awaited; make the function an `async def`")
    if isinstance(value, bytes | bytearray | memoryview) or hasattr(value, "__next__"):
        raise TypeError(f"{type(value).__name__} is no JSON")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet | Sequence):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        raise TypeError(f"{type(value).__name__} is no JSON") from None


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_jsonable
)


def result_string(text: str, limit: int = MAX_RESULT_STRING) -> str:
    r"""Make text safe for a completion report: one line of at most ``limit`` characters.

    Control characters, which could steer a terminal, and those that turn the direction of the text
    around them are escaped (a line break becomes ``\n``); lone surrogates are replaced. All else
    stays, also what has no width: languages and emoji are written with it. A text that is too long
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
