"""Serialize the return value of a user's function to JSON."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python

from s3batch_handler.core._errors import PermanentFailure
from s3batch_handler.core._response_forms import response_as_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class InvalidReturnValue(PermanentFailure):
    """A function returned a value that is neither a result nor an outcome of its task.

    It is logged with a traceback, unlike a PermanentFailure that the user raises.
    """


JSON_ERRORS: Final = (TypeError, ValueError, RecursionError, OverflowError)
_NOT_FINITE: Final = "NaN and infinity are not JSON numbers; return None or text in their place"


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
    if _is_from_user_serializer(error):
        raise error
    failures = [*_exceptions_in(value)]
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise BaseExceptionGroup("the function returned several exceptions", failures)
    reason = str(error)
    if reason.startswith("Out of range float values"):
        reason = _NOT_FINITE
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


def _is_from_user_serializer(error: Exception) -> bool:
    """Return whether a serializer of the user's model raised the error."""
    return isinstance(error, PydanticSerializationError) and error.__cause__ is not None


def json_layer(value: object) -> Any:
    """Return a value with its outermost layer converted to a JSON type, such as a model or a date.

    The encoder calls this function again for nested values. pydantic serializes all values that it
    can. Its warnings about values of a wrong type are disabled, because they quote the values.
    """
    dump = _pydantic_dump(value)
    if dump is not None:
        return dump(mode="json", by_alias=True, fallback=_fallback, warnings=False)
    with contextlib.suppress(_NotSerializable):
        return _converted(value)
    try:
        return to_jsonable_python(value, by_alias=True, fallback=_fallback)
    except (PydanticSerializationError, _NotSerializable):
        return _with_type_adapter(value)


def python_layer(value: object) -> Any:
    """Return one layer of a value like :func:`json_layer`, but keep the enums in models."""
    dump = _pydantic_dump(value)
    return _converted(value) if dump is None else dump(warnings=False)


def _pydantic_dump(value: object) -> Callable[..., Any] | None:
    """Return the function that serializes a model, or a dataclass with pydantic's fields."""
    if isinstance(value, BaseModel):
        return value.model_dump
    if is_dataclass(value) and not isinstance(value, type):
        adapter = _adapter_of_dataclass(type(value))
        return None if adapter is None else functools.partial(adapter.dump_python, value)
    return None


class _NotSerializable(TypeError):
    """A value of a type that cannot be serialized to JSON."""

    def __init__(self, value: object) -> None:
        super().__init__(f"Object of type {type(value).__name__!r} is not JSON serializable")


def _fallback(value: object) -> Any:
    """Return a JSON value for a value in a model that pydantic cannot serialize."""
    try:
        return _converted(value)
    except _NotSerializable:
        return _with_type_adapter(value)


def _converted(value: object) -> Any:
    """Return a JSON value for one layer of a value that pydantic cannot serialize.

    Raises:
        _NotSerializable: This function cannot serialize it either.
    """
    if inspect.iscoroutine(value):
        value.close()  # avoids Python's warning "was never awaited"
        raise TypeError("it was never awaited; await it in an `async def` function")
    if isinstance(value, bytes | bytearray | memoryview) or hasattr(value, "__next__"):
        raise TypeError(str(_NotSerializable(value)))
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet | Sequence) and not isinstance(value, str):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if is_dataclass(value) and not isinstance(value, type):
        spelled = response_as_dict(value)
        if spelled is not None:
            return spelled
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return _number(value)


def _number(value: object) -> Any:
    """Return a number of another library, such as numpy, as a number of Python."""
    import numbers  # rarely needed
    from decimal import Decimal

    kind = type(value)
    if hasattr(kind, "tolist"):
        return _array_as_list(value)
    if kind.__name__ in ("NAType", "NaTType") and kind.__module__.startswith("pandas"):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Rational):
        return str(value)  # as pydantic does it
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(_NOT_FINITE)
    if hasattr(kind, "__index__") and not hasattr(kind, "__iter__"):  # not a mock
        return int(value)  # type: ignore[call-overload]
    raise _NotSerializable(value)


_MAX_ARRAY: Final = 10_000
"""Maximum number of items of an array; a report keeps 1,024 characters."""


def _array_as_list(array: Any) -> Any:
    """Return a numpy scalar or array, or a similar object, as numbers and lists."""
    size = getattr(array, "size", 1)
    if isinstance(size, int) and size > _MAX_ARRAY:
        raise ValueError(f"{type(array).__name__} has {size:,} items; return a summary of them")
    unit = str(getattr(getattr(array, "dtype", None), "str", ""))  # such as <M8[ns]
    if unit.endswith(("ns]", "ps]", "fs]", "as]")):
        # Times in nanoseconds would become integers, because Python has only microseconds.
        array = array.astype("datetime64[us]" if "M8[" in unit else "timedelta64[us]")
    plain = array.tolist()
    # tolist() does not convert a longdouble.
    return float(plain) if type(plain) is type(array) else plain


def _with_type_adapter(value: object) -> Any:
    """Serialize a value that pydantic supports by its type, such as an IP address."""
    try:
        cls: Any = type(value)
        return _adapter_of(cls).dump_python(value, mode="json", fallback=_converted, warnings=False)
    except Exception as error:
        if _is_from_user_serializer(error):
            raise
        raise _NotSerializable(value) from None  # pydantic may raise any exception


@functools.lru_cache(maxsize=256)
def _adapter_of(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


@functools.lru_cache(maxsize=256)
def _adapter_of_dataclass(cls: type) -> TypeAdapter[Any] | None:
    """Return the serializer of a pydantic dataclass, or of a dataclass with pydantic's fields.

    Raises:
        TypeError: It has pydantic's fields, which may be excluded, but pydantic cannot read them.
    """
    if not (hasattr(cls, "__pydantic_serializer__") or _has_pydantic_settings(cls)):
        return None
    try:
        adapter = TypeAdapter[Any](cls)
        if not adapter.pydantic_complete:
            adapter.rebuild()
    except Exception as error:
        raise TypeError(f"pydantic cannot serialize {cls.__name__!r}: {error}") from error
    return adapter


def _has_pydantic_settings(cls: type) -> bool:
    """Return whether a dataclass has settings of pydantic for its fields."""
    own = [value for base in cls.__mro__ for value in vars(base).values()]
    own.extend(field.default for field in fields(cls))
    if hasattr(cls, "__pydantic_config__") or any(map(_is_from_pydantic, own)):
        return True
    return any(
        _is_pydantic_hint(base, name, hint)
        for base in cls.__mro__
        for name, hint in inspect.get_annotations(base).items()
    )


def _is_pydantic_hint(cls: type, name: str, hint: object) -> bool:
    alone = type(cls.__name__, (), {"__annotations__": {name: hint}, "__module__": cls.__module__})
    try:
        (resolved,) = get_type_hints(alone, localns=vars(cls), include_extras=True).values()
    except Exception:  # a name that is imported for type checkers only
        return "Annotated" in str(hint)
    return _has_pydantic_metadata(resolved)


def _has_pydantic_metadata(hint: object) -> bool:
    metadata = getattr(hint, "__metadata__", ())
    return any(map(_is_from_pydantic, metadata)) or any(map(_has_pydantic_metadata, get_args(hint)))


def _is_from_pydantic(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pydantic"


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
    if key is None or isinstance(key, str | int | float):
        return key
    if not isinstance(key, bytes | frozenset | BaseModel):
        with contextlib.suppress(_NotSerializable):
            key = _number(key)
            if isinstance(key, int | float):
                return key
        try:
            ((text, _),) = to_jsonable_python({key: None}, fallback=_converted).items()
        except JSON_ERRORS:
            text = _with_type_adapter(key)
        if isinstance(text, str | int | float):
            return text
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=json_layer
)
