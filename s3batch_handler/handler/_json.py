"""Serialize the return value of a user's function to JSON.

Values of the standard library are converted without pydantic. pydantic serializes its own models
and types. A user who returns one has loaded pydantic.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from s3batch_handler.handler._json_values import (
    NOT_FINITE,
    InvalidKey,
    NotSerializable,
    standard_key,
    standard_value,
)
from s3batch_handler.handler._pydantic import pydantic_is_loaded, require_pydantic
from s3batch_handler.handler._result_errors import InvalidReturnValue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


JSON_ERRORS: Final = (TypeError, ValueError, RecursionError, OverflowError)


def compact_json(value: object, returned: object = None) -> str:
    """Return a value as JSON; errors name the type of ``returned``, if it is another object."""
    try:
        try:
            return _ENCODER.encode(value)
        except TypeError:  # possibly because of a key, which the encoder cannot convert
            return _ENCODER.encode(_with_json_keys(value))
    except JSON_ERRORS as error:
        raise_for(value if returned is None else returned, error)


def raise_for(value: object, error: Exception) -> NoReturn:
    """Raise the exception for a value that cannot be serialized, or the exceptions in it."""
    if pydantic_is_loaded() and _pydantic_values(value).is_from_user_serializer(error):
        raise error
    failures = [*_exceptions_in(value)]
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise BaseExceptionGroup("the function returned several exceptions", failures)
    reason = str(error)
    if reason.startswith("Out of range float values"):
        reason = NOT_FINITE
    raise InvalidReturnValue(
        "the function ended without an error, but JSON cannot represent its return value "
        f"({type(value).__name__}): {reason}"
    ) from error


def _exceptions_in(value: object) -> Iterator[BaseException]:
    """Yield the exceptions in lists and dicts, as from ``gather(…, return_exceptions=True)``."""
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, BaseException):
            yield item
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(reversed([*item.values()] if isinstance(item, dict) else item))


def json_layer(value: object) -> Any:
    """Return a value with its outermost layer converted to a JSON type, such as a model or a date.

    The encoder calls this function again for nested values.
    """
    if pydantic_is_loaded():
        pydantic_values = _pydantic_values(value)
        dump = pydantic_values.dump_function(value)
        if dump is not None:
            return dump(mode="json", by_alias=True, fallback=pydantic_values.fallback)
    try:
        layer = standard_value(value)
    except NotSerializable:
        return _pydantic_values(value).json_value(value)
    # The value of an enum may have any type.
    return layer if layer is None or isinstance(layer, _JSON_TYPES) else json_layer(layer)


_JSON_TYPES: Final = (str, int, float, dict, list, tuple)


def python_layer(value: object) -> Any:
    """Return one layer of a value like :func:`json_layer`, but keep the enums in models."""
    dump = _pydantic_values(value).dump_function(value) if pydantic_is_loaded() else None
    return standard_value(value) if dump is None else dump()


def _pydantic_values(value: object) -> ModuleType:
    """Return the module that serializes values of pydantic, if this may be one.

    Raises:
        TypeError: It is not one, or it needs a pydantic that is not installed.
    """
    if not pydantic_is_loaded():
        if not hasattr(type(value), "__get_pydantic_core_schema__"):
            raise NotSerializable(value)
        try:
            require_pydantic("it")
        except ImportError as error:
            raise TypeError(str(error)) from error
    from s3batch_handler.handler import _pydantic_values  # imports pydantic

    return _pydantic_values


def _with_json_keys(value: object) -> object:
    """Return a copy of the value in which JSON can represent all keys."""
    if isinstance(value, dict):
        return {_key(key): _with_json_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_json_keys(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return _with_json_keys(json_layer(value))


def _key(key: object) -> str | float | None:
    """Return a key of a JSON object; other types are converted as in a pydantic model."""
    try:
        text = standard_key(key)
    except NotSerializable:
        text = _pydantic_values(key).json_key(key)
    if text is None or isinstance(text, str | int | float):
        return text
    raise InvalidKey(key)


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=json_layer
)
