"""The base class of ``Task``, ``ReportRow`` and similar classes: immutable, with named fields.

Frozen dataclasses take ten times as long to create, and importing their module would make each cold
start slower.
"""

from __future__ import annotations

from s3batch_handler.core._typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NoReturn,
    Self,
    dataclass_transform,
    override,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

set_field = object.__setattr__
"""Set a field of a new value. Only ``__init__`` does so."""


@dataclass_transform(frozen_default=True)
class Value:
    """A value that is compared by its fields and never changes.

    The fields are the ``__slots__`` of the class and of its base classes.
    """

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = [name for name in vars(cls).get("__slots__", ()) if not name.startswith("__")]
        cls._fields = (*cls._fields, *own)

    def replace(self, **changes: Any) -> Self:
        """Return a copy in which some fields have other values.

        Raises:
            TypeError: There is no such field.
        """
        return type(self)(**{**dict(fields_of(self)), **changes})

    if not TYPE_CHECKING:  # type checkers know these from dataclass_transform
        __replace__ = replace  # for copy.replace(), from Python 3.13 on

        def __setattr__(self, name: str, _: object) -> NoReturn:
            raise _immutable(self, name)

        def __delattr__(self, name: str) -> NoReturn:
            raise _immutable(self, name)

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            from s3batch_handler.core._pydantic_schema import schema_of_value

            return schema_of_value(cls, source, handler)

    @override
    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _values(self) == _values(other)

    @override
    def __hash__(self) -> int:
        return hash((type(self), _values(self)))

    @override
    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._shown())
        return f"{type(self).__name__}({fields})"

    def _shown(self) -> Iterator[tuple[str, object]]:
        """Yield the fields as :func:`repr` shows them."""
        return fields_of(self)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return _create, (type(self), dict(fields_of(self)))


def fields_of(value: Value) -> Iterator[tuple[str, object]]:
    """Yield the name and the value of each field."""
    for name in value._fields:
        yield name, getattr(value, name)


def _values(value: Value) -> tuple[object, ...]:
    return tuple(getattr(value, name) for name in value._fields)


def _create(cls: type[Value], fields: dict[str, Any]) -> Value:
    return cls(**fields)


def _immutable(value: Value, name: str) -> AttributeError:
    kind = type(value).__name__
    article = "an" if kind[0] in "AEIOU" else "a"
    remedy = f"use the copy that {kind.lower()}.replace({name}=…) returns"
    if name not in value._fields:
        remedy = f"its fields are {', '.join(value._fields)}"
    return AttributeError(f"cannot set {name}: {article} {kind} never changes; {remedy}")
