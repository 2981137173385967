"""Check a function that is decorated with ``@task_handler`` and is not a usual one.

A mistake raises a TypeError when the function is decorated. The message says what to write instead.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from dataclasses import is_dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, is_typeddict

from s3batch_handler.handler._pydantic import is_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def checked_function(function: Any) -> Callable[..., Any]:
    """Return the function, or the one in a staticmethod, if it can be called with one task.

    Raises:
        TypeError: It cannot be called with one task, or its result cannot be used.
    """
    if isinstance(function, staticmethod):
        function = function.__func__  # in the body of a class
    if isinstance(function, type):
        raise TypeError(_class_message(function))
    if isinstance(function, classmethod):
        raise TypeError(
            "task_handler takes a function, got a classmethod object, which is not callable before "
            "its class exists. Decorate the method of the class: task_handler(Worker.method)"
        )
    if not callable(function):
        raise TypeError(
            f"task_handler takes a function, got {function!r}. Pass options by name: "
            "@task_handler(arguments=Arguments)"
        )
    name = name_of_callable(function)
    if any(map(_is_contextmanager, _callables_in(function))):
        raise TypeError(
            f"task_handler cannot use {name}: it returns a context manager, whose body does not "
            "run before a `with` statement. Remove the decorator and replace `yield` by `return`"
        )
    if any(map(_is_generator_function, _callables_in(function))):
        raise TypeError(
            f"task_handler cannot use {name}: it is a generator function, whose body does not run "
            "before its result is iterated over. Replace `yield` by `return`"
        )
    signature = _signature(function)
    if signature is not None:
        try:
            signature.bind(None)
        except TypeError:
            raise TypeError(_parameters_message(function, name, signature)) from None
        if _is_lambda_handler(signature):
            called = f"{name}({', '.join(signature.parameters)})"
            raise TypeError(
                f"{_PROBLEM} {called} is a Lambda handler by its parameters. "
                + _lambda_handler_remedy(function, name)
            )
    return function  # type: ignore[no-any-return]


def is_declared_async(function: Callable[..., Any]) -> bool:
    """Return whether the function, or one that it calls, is declared as async."""
    return any(
        inspect.iscoroutinefunction(callable_)
        or _has_flag(callable_, inspect.CO_ITERABLE_COROUTINE)
        or _is_marked_as_async(callable_)
        for callable_ in _callables_in(function)
    )


def name_of_callable(function: Callable[..., Any]) -> str:
    """Return the name of the function, or of the type of an object that has none."""
    for callable_ in _callables_in(function):
        name = getattr(callable_, "__name__", None)
        if isinstance(name, str) and name != "__call__":
            return name
    return type(function).__name__


def _callables_in(function: Any) -> Iterator[Any]:
    """Yield the callable and what it calls: the function in a partial, a method or an object.

    A wrapper written in Python may do anything with its function, so it is the innermost layer.
    """
    yield function
    if isinstance(function, functools.partial):
        yield from _callables_in(function.func)
    elif isinstance(function, _LRU_CACHE):
        yield from _callables_in(function.__wrapped__)
    elif isinstance(function, MethodType | staticmethod | classmethod):
        yield from _callables_in(function.__func__)
    elif not inspect.isroutine(function):
        call = type(function).__call__
        if inspect.isfunction(call):  # not a C function, which is the same for all types
            yield call


_LRU_CACHE: Final = type(functools.lru_cache(abs))
"""The type of a function with ``lru_cache``, which passes its arguments on unchanged."""


def _has_flag(function: Any, flag: int) -> bool:
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and bool(flags & flag)


def _is_marked_as_async(function: Any) -> bool:
    """Return whether a library marked the callable as async, as before Python 3.12."""
    mark = getattr(sys.modules.get("asyncio.coroutines"), "_is_coroutine", None)
    return mark is not None and getattr(function, "_is_coroutine", None) is mark


def _is_generator_function(function: Any) -> bool:
    if inspect.isasyncgenfunction(function):
        return True
    return inspect.isgeneratorfunction(function) and not _has_flag(
        function, inspect.CO_ITERABLE_COROUTINE
    )


def _is_contextmanager(function: Any) -> bool:
    """Return whether a decorator of ``contextlib`` was applied to a generator function."""
    return (
        inspect.isfunction(function)
        and function.__globals__ is vars(contextlib)
        and _is_generator_function(inspect.unwrap(function))
    )


def _is_lambda_handler(signature: inspect.Signature) -> bool:
    """Return whether the first two parameters are declared like those of a Lambda handler."""
    parameters = [*signature.parameters.values()][:2]
    if len(parameters) < 2:
        return False
    event, context = (parameter.name.strip("_").lower() for parameter in parameters)
    annotation = parameters[1].annotation
    return "LambdaContext" in str(getattr(annotation, "__name__", annotation)) or (
        event in _EVENT_NAMES and context.rpartition("_")[2] in ("context", "ctx")
    )


_EVENT_NAMES: Final = ("event", "lambda_event", "evt", "request")


def _signature(function: Any) -> inspect.Signature | None:
    """Return the signature of the function, or ``None`` where it cannot be read.

    The signature of a wrapped function is ignored, because a wrapper may pass more arguments,
    except below ``lru_cache``, which passes the same arguments.
    """
    try:
        return inspect.signature(_without_cache(function), follow_wrapped=False)
    except Exception:  # for example of a builtin, which is not checked
        return None


def _without_cache(function: Any) -> Any:
    if isinstance(function, _LRU_CACHE):
        return _without_cache(function.__wrapped__)
    if isinstance(function, MethodType):
        return MethodType(_without_cache(function.__func__), function.__self__)
    if isinstance(function, functools.partial):
        return functools.partial(_without_cache(function.func), *function.args, **function.keywords)
    return function


def _class_message(cls: type) -> str:
    name = cls.__name__
    model = is_dataclass(cls) or is_typeddict(cls) or is_model(cls)
    if model and not inspect.isfunction(cls.__call__):
        return (
            f"task_handler takes a function, got the model {name}. To read the job's user "
            f"arguments into it, write @task_handler(arguments={name}); to read a JSON key, "
            f"@task_handler(payload={name})"
        )
    return (
        f"task_handler takes a function, got the class {name}. Pass an instance with a method "
        f"__call__(self, task), as in task_handler({name}()), or a method of one"
    )


_PROBLEM: Final = "task_handler calls a function with one argument, the task, but"


def _lambda_handler_remedy(function: Any, name: str) -> str:
    if hasattr(function, "__wrapped__") and not isinstance(function, _LRU_CACHE):
        return "Put @task_handler below the decorators of Lambda handlers, next to the function"
    return (
        f"Write: def {name}(task: Task). The bucket, the key and the user arguments are attributes "
        "of the task, and the library watches the remaining time"
    )


def _parameters_message(function: Any, name: str, signature: inspect.Signature) -> str:
    parameters = signature.parameters.values()
    needed = [
        each
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    names = [each.name for each in needed]
    listed = (f"{each.name}=" if each.kind is each.KEYWORD_ONLY else each.name for each in needed)
    problem = f"{_PROBLEM} {name}({', '.join(listed)})"
    if all(each.kind in (each.KEYWORD_ONLY, each.VAR_KEYWORD) for each in parameters):
        return f"{problem} takes none by position. Write: def {name}(task: Task)"
    problem += f" needs {len(names)}"
    if names[0] in ("self", "cls"):
        return (
            f"{problem}. Decorate the method of an instance instead, "
            f"handler = task_handler(worker.{name}), or make it a @staticmethod"
        )
    if "context" in names or names[0] == "event":
        return f"{problem}. {_lambda_handler_remedy(function, name)}"
    return (
        f"{problem}. Write: def {name}(task: Task); give its other parameters default values, "
        "or use functools.partial"
    )
