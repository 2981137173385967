"""The function that is decorated with ``@task_handler``.

Most are plain functions with one parameter, which need no further check. Others are checked by
:mod:`._function_checks`, which imports the slow module ``inspect``.
"""

from __future__ import annotations

from types import FunctionType

from s3batch_handler.core import _awaitables as flags
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable


def task_function(function: Any) -> Callable[..., Any]:
    """Return the function, if it can be called with one task.

    A callable whose parameters cannot be read, such as one written in C, is accepted.

    Raises:
        TypeError: It cannot be called with one task, or its result cannot be used.
    """
    if _is_usual(function):
        return function  # type: ignore[no-any-return]
    from s3batch_handler.handler._function_checks import checked_function

    return checked_function(function)


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether the function is declared as async, so that a call returns a coroutine."""
    if _is_usual(function):
        return bool(function.__code__.co_flags & flags.CO_COROUTINE)
    from s3batch_handler.handler._function_checks import is_declared_async

    return is_declared_async(function)


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of the function, or of the type of an object that has none."""
    if _is_usual(function):
        return function.__name__
    from s3batch_handler.handler._function_checks import name_of_callable

    return name_of_callable(function)


def _is_usual(function: Any) -> bool:
    """Return whether this is a plain function with one parameter, without a decorator's marks."""
    if type(function) is not FunctionType or function.__dict__:
        return False
    code = function.__code__
    return (
        code.co_argcount == 1 and code.co_kwonlyargcount == 0 and not code.co_flags & _UNUSUAL_FLAGS
    )


_CO_VARARGS: Final = 0x04
_CO_VARKEYWORDS: Final = 0x08
_UNUSUAL_FLAGS: Final = (
    _CO_VARARGS
    | _CO_VARKEYWORDS
    | flags.CO_GENERATOR
    | flags.CO_ITERABLE_COROUTINE
    | flags.CO_ASYNC_GENERATOR
)
