"""Serialize the values that pydantic defines: models, dataclasses with its fields, and its types.

Only the serialization of a return value imports this module, after the user has loaded pydantic.
Its warnings about values of a wrong type are disabled, because they quote the values.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python

from s3batch_handler.handler._json_values import NotSerializable, standard_value

if TYPE_CHECKING:
    from collections.abc import Callable


def dump_function(value: object) -> Callable[..., Any] | None:
    """Return the function that serializes a model, or a dataclass with pydantic's fields."""
    if isinstance(value, BaseModel):
        return functools.partial(value.model_dump, warnings=False)
    if is_dataclass(value) and not isinstance(value, type):
        adapter = _adapter_of_dataclass(type(value))
        if adapter is not None:
            return functools.partial(adapter.dump_python, value, warnings=False)
    return None


def json_value(value: object) -> Any:
    """Return the JSON value of a value that the standard library cannot serialize.

    Raises:
        NotSerializable: pydantic cannot serialize it either.
    """
    try:
        return to_jsonable_python(value, by_alias=True, fallback=fallback)
    except (PydanticSerializationError, NotSerializable):
        return _with_type_adapter(value)


def json_key(key: object) -> object:
    """Return the text of a key that the standard library cannot serialize.

    Raises:
        NotSerializable: pydantic cannot serialize it either.
    """
    if isinstance(key, BaseModel):
        raise NotSerializable(key)
    try:
        ((text, _),) = to_jsonable_python({key: None}, fallback=standard_value).items()
    except (PydanticSerializationError, TypeError, ValueError):
        return _with_type_adapter(key)
    return text


def fallback(value: object) -> Any:
    """Return a JSON value for a value in a model that pydantic cannot serialize."""
    try:
        return standard_value(value)
    except NotSerializable:
        return _with_type_adapter(value)


def is_from_user_serializer(error: Exception) -> bool:
    """Return whether a serializer of the user's model raised the error."""
    return isinstance(error, PydanticSerializationError) and error.__cause__ is not None


def _with_type_adapter(value: object) -> Any:
    """Serialize a value that pydantic supports by its type."""
    try:
        cls: Any = type(value)
        adapter = _adapter_of(cls)
        return adapter.dump_python(value, mode="json", fallback=standard_value, warnings=False)
    except Exception as error:
        if is_from_user_serializer(error):
            raise
        raise NotSerializable(value) from None  # pydantic may raise any exception


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
