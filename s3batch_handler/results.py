"""What a user's function may return."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from s3batch_handler.errors import PermanentFailure
from s3batch_handler.model import Outcome, ResultCode
from s3batch_handler.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Awaitable


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
        return Outcome(_SUCCEEDED, str.__str__(value))  # a subclass may print otherwise
    if inspect.isawaitable(value):
        raise NotAwaited(value)
    return Outcome(_SUCCEEDED, _compact_json(value))


class NotAwaited(Exception):
    """A function returned something to await, such as a coroutine, instead of a value."""

    def __init__(self, awaitable: Awaitable[object]) -> None:
        super().__init__("the function returned something that was never awaited")
        self.awaitable = awaitable


# Nearly all outcomes are made here. The look-up in the enum shows, and so does NamedTuple's
# constructor: this is what it comes down to, at half its price.
_SUCCEEDED: Final = ResultCode.SUCCEEDED
_new_tuple: Final = tuple.__new__
_NOTHING_TO_SAY: Final = Outcome(_SUCCEEDED)


def _checked(outcome: Outcome) -> Outcome:
    """Check what a user has put into an outcome: a type checker may not have."""
    try:
        code = ResultCode(outcome.code)
    except ValueError as error:
        raise PermanentFailure(f"the function returned an Outcome, but {error}") from error
    message = outcome_of(outcome.message).message
    if code is not _SUCCEEDED:  # it describes a failure; what a success returns is its result
        message = redact(message[:_LONGEST])
    return Outcome(code, message)


_LONGEST: Final = 10_000  # characters; a report keeps 1,024


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
        raise TypeError("it was never awaited; await it in an `async def` function")
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
