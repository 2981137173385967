"""The parts of an exception of any library: names of its classes, attributes, causes, members.

The code of other libraries runs here (properties, methods), so everything that it raises is caught.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.core._patterns import words

MAX_EXAMINED: Final = 1000
"""The most exceptions of a group, and entries of a list, that are examined."""

_MAX_CHAIN: Final = 50_000

MEMBERS_ATTRIBUTE: Final = "child_exceptions"
"""The attribute of Powertools' BatchProcessingError that holds the exceptions of its records."""

MEMBERS_OF: Final[Mapping[str, str]] = {"paramiko.NoValidConnectionsError": "errors"}
"""Other exceptions that hold exceptions, by address in this case, and the attribute."""

CAUSES: Final = ("inner_exception", "orig", "reason")
"""Attributes with the exception that another was raised from, if its chain does not have it: of
azure-core, and of SQLAlchemy, urllib and urllib3 if the exception comes from another process."""

REMOTE_TRACEBACKS: Final = words("""
    concurrent._RemoteTraceback joblib._RemoteTraceback loky._RemoteTraceback
    multiprocess.RemoteTraceback multiprocessing.RemoteTraceback
""")
"""The causes of exceptions from other processes: texts that quote their chain."""


def class_names(error: BaseException) -> tuple[str, ...]:
    """Return the names of an exception's classes, the most specific first.

    Each consists of the top-level package and the class: ``botocore.WaiterError``.
    """
    cls: Any = type(error)
    return _names_of(cls)


@lru_cache(maxsize=256)
def _names_of(cls: type) -> tuple[str, ...]:
    packages = (str(base.__module__).partition(".")[0] for base in cls.__mro__)
    return tuple(map("{}.{}".format, packages, (base.__name__ for base in cls.__mro__)))


def has_class(exception: BaseException, *names: str) -> bool:
    """Return whether an exception is an instance of a class with one of these names."""
    return any(name in names for name in class_names(exception))


def class_in(table: Container[str], exception: BaseException) -> str | None:
    """Return the name of the most specific class of an exception that a table contains."""
    return next((name for name in class_names(exception) if name in table), None)


def read_attribute(thing: object, name: str) -> object:
    """Return an attribute; ``None`` if there is none, or if reading it raises."""
    try:
        return getattr(thing, name, None)
    except OutOfTime:
        raise
    except BaseException:  # properties may raise anything
        return None


def call_method(method: object) -> object:
    """Return the result of a method; ``None`` if it is not callable, or raises."""
    try:
        return method() if callable(method) else None
    except OutOfTime:
        raise
    except BaseException:  # as for an attribute
        return None


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a mapping as it is, and an empty one instead of anything else."""
    return value if isinstance(value, Mapping) else {}


def as_http_status(value: object) -> int | None:
    """Return a number from 100 to 599 as it is, and ``None`` instead of anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return int(value)
    return None


def exception_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from, outermost first, each of them once."""
    seen: set[int] = set()
    exception: BaseException | None = error
    while exception is not None and id(exception) not in seen and len(seen) < _MAX_CHAIN:
        seen.add(id(exception))
        yield exception
        exception = raised_from(exception)


def raised_from(exception: BaseException) -> BaseException | None:
    """Return what an exception was raised from, also if it comes from another process."""
    if exception.__cause__ is not None or exception.__suppress_context__:
        inner = exception.__cause__
    else:
        inner = exception.__context__
    if inner is None or has_class(inner, *REMOTE_TRACEBACKS):
        kept = (read_attribute(exception, name) for name in CAUSES)
        return next((cause for cause in kept if isinstance(cause, BaseException)), None)
    return inner


def group_members(exception: BaseException) -> tuple[BaseException, ...]:
    """Return the members of an exception group or of a batch error; ``()`` for other exceptions."""
    if isinstance(exception, BaseExceptionGroup):
        return exception.exceptions
    name = class_in(MEMBERS_OF, exception)
    children = read_attribute(exception, MEMBERS_OF[name] if name else MEMBERS_ATTRIBUTE)
    if isinstance(children, dict):
        children = [*children.values()]
    if not isinstance(children, list | tuple):
        return ()
    # Powertools stores tuples of sys.exc_info(): class, exception, traceback.
    flat = chain.from_iterable(each if isinstance(each, tuple) else (each,) for each in children)
    return tuple(each for each in flat if isinstance(each, BaseException))


def leaf_exceptions(exception: BaseException) -> list[BaseException]:
    """Return the exceptions in a group and in its groups, or the exception itself."""
    return [*iterate_leaves(group_members(exception))] or [exception]


def iterate_leaves(members: Iterable[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions in nested groups that are not groups themselves, at most 1,000."""
    waiting = [*reversed([*members])]
    opened: set[int] = set()  # a batch may contain itself
    found = 0
    while waiting and found < MAX_EXAMINED and len(opened) < MAX_EXAMINED:
        exception = waiting.pop()
        members = group_members(exception)
        if not members:
            found += 1
            yield exception
        elif id(exception) not in opened:
            opened.add(id(exception))
            waiting.extend(reversed(members[:MAX_EXAMINED]))
