"""Names of :mod:`typing` for the modules that Lambda loads, without importing ``typing``.

That import would take half as long as the import of this library. Type checkers see the real names.
When the library runs, the names have no effect, because annotations are never evaluated.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        ClassVar,
        Final,
        Generic,
        Literal,
        NamedTuple,
        NoReturn,
        Self,
        TypeAlias,
        TypedDict,
        TypeGuard,
        Unpack,
        cast,
        dataclass_transform,
        overload,
    )

    from typing_extensions import TypeVar, override
else:
    from collections import namedtuple

    class Any:
        def __class_getitem__(cls, _):
            return cls

    ClassVar = Final = Literal = NoReturn = Self = TypeAlias = TypeGuard = Unpack = Any

    def cast(_, value):
        return value

    def dataclass_transform(**_):
        return lambda cls: cls

    def overload(function):
        return function

    def override(method):
        return method

    class TypeVar:
        def __init__(self, name, **_):
            self.__name__ = name

    class Generic:
        __slots__ = ()

        def __class_getitem__(cls, _):
            return cls

    class _NamedTupleType(type):
        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body["__annotations__"]
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for attribute, value in body.items():
                if attribute not in fields and attribute != "__module__":
                    setattr(made, attribute, value)
            return made

    class NamedTuple(metaclass=_NamedTupleType):
        """The base class of named tuples, whose annotations have to be texts."""

    class TypedDict(dict):
        def __init_subclass__(cls, **_):
            super().__init_subclass__()

        def __new__(cls, **items):
            return items


__all__ = [
    "TYPE_CHECKING",
    "Any",
    "ClassVar",
    "Final",
    "Generic",
    "Literal",
    "NamedTuple",
    "NoReturn",
    "Self",
    "TypeAlias",
    "TypeGuard",
    "TypeVar",
    "TypedDict",
    "Unpack",
    "cast",
    "dataclass_transform",
    "overload",
    "override",
]
