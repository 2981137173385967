"""Async functions are recognized however they are wrapped."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from s3batch_handler import Outcome, ResultCode, Task
from s3batch_handler.handler._task_function import is_async
from s3batch_handler.testing import make_event, make_task
from tests.support.handlers import decorate, passes_on

if TYPE_CHECKING:
    from collections.abc import Callable


async def work(task: Task) -> str:
    await asyncio.sleep(0)
    return task.key


class AsyncWorker:
    async def __call__(self, task: Task) -> str:
        return await work(task)

    async def method(self, task: Task) -> str:
        return await work(task)

    @classmethod
    async def of_class(cls, task: Task) -> str:
        return await work(task)

    @staticmethod
    async def static(task: Task) -> str:
        return await work(task)


@types.coroutine
def generator_based(task: Task) -> Any:
    yield
    return task.key


def plain(task: Task) -> Any:
    return work(task)


async def without_await(task: Task) -> Any:
    return work(task)


def with_a_loop_of_its_own(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(task: Task) -> Any:
        return asyncio.run(function(task))

    return wrapper


def marked(function: Any) -> Any:
    """Mark a function as async, as libraries do it on this version of Python."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return function


ASYNC: dict[str, Any] = {
    "function": work,
    "object": AsyncWorker(),
    "partial of an object": functools.partial(AsyncWorker()),
    "partial of a partial": functools.partial(functools.partial(work)),
    "method": AsyncWorker().method,
    "partial of a method": functools.partial(AsyncWorker().method),
    "class method": AsyncWorker.of_class,
    "static method": AsyncWorker.static,
    "staticmethod object": AsyncWorker.__dict__["static"],
    "generator-based coroutine": generator_based,
    "mock": mock.AsyncMock(return_value="a"),
    "marked": marked(passes_on(plain)),
}
HIDDEN: dict[str, Any] = {
    "wrapper": passes_on(work),
    "wrapper of a wrapper": passes_on(passes_on(work)),
    "plain function": plain,
    "forgotten await": without_await,
    "loop of its own": with_a_loop_of_its_own(work),
}


def test_async_functions_are_awaited_however_they_are_wrapped(subtests: pytest.Subtests) -> None:
    """A coroutine that a plain function returns is also awaited."""
    for name in [*ASYNC, *HIDDEN]:
        with subtests.test(name=name):
            handler = decorate((ASYNC | HIDDEN)[name])

            assert handler.run(make_task("a")) == Outcome(ResultCode.SUCCEEDED, "a")
            assert handler(make_event("a"))["results"][0]["resultString"] == "a"


def test_a_function_that_is_declared_async_is_recognized(subtests: pytest.Subtests) -> None:
    """No call is needed, so tasks share one event loop."""
    for name, function in ASYNC.items():
        with subtests.test(name=name):
            assert is_async(function)


def test_a_wrapper_is_not_async_because_it_wraps_an_async_function(
    subtests: pytest.Subtests,
) -> None:
    """It may run the coroutine itself."""
    for name in sorted(HIDDEN.keys() - {"forgotten await"}):
        with subtests.test(name=name):
            assert not is_async(HIDDEN[name])


async def hang(task: Task) -> None:
    await asyncio.sleep(60)


def test_a_returned_coroutine_keeps_the_time_limit() -> None:
    handler = decorate(task_timeout=0.2)(passes_on(hang))

    outcome = handler.run(make_task("a"))

    assert outcome.code is ResultCode.TEMPORARY_FAILURE
    assert "out of time" in outcome.message


def test_exceptions_of_a_returned_coroutine_are_classified() -> None:
    """Exceptions are classified, or raised with ``unexpected="raise"``."""

    async def fail(task: Task) -> None:
        raise {"slow": TimeoutError, "odd": KeyError}[task.key]("no")

    handler = decorate(unexpected="raise")(passes_on(fail))

    assert handler.run(make_task("slow")).code is ResultCode.TEMPORARY_FAILURE
    with pytest.raises(KeyError):
        handler.run(make_task("odd"))
