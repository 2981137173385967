"""Which functions ``@task_handler`` accepts, and which it refuses."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from s3batch_handler import Outcome, ResultCode, Task, TaskHandler, task_handler
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import decorate, passes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


def two(event: Any, context: Any) -> None: ...


def typed_context(e: dict[str, Any], c: LambdaContext | None = None) -> None: ...


def typed_as_text(e: Any, c: LambdaContext = None) -> None: ...  # type: ignore[assignment]


typed_context.__annotations__["c"] = LambdaContext


def injects(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function like decorators that pass in a session or a mock."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args, "injected")

    return wrapper


def numbers(task: Task) -> Generator[int]:
    yield 1


async def async_numbers(task: Task) -> Any:
    yield 1


def joins(function: Callable[..., Any]) -> Callable[..., str]:
    """Decorate a generator function like decorators that use its items."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> str:
        return " ".join(map(str, function(*args)))

    return wrapper


def with_default(event: Any, context: Any = None) -> None:
    """A Lambda handler that can be called with one argument."""


class Worker:
    def __call__(self, task: Task) -> str:
        return f"called {task.key}"

    def method(self, task: Task) -> str:
        return f"method {task.key}"

    @classmethod
    def of_class(cls, task: Task) -> str:
        return f"class {task.key}"

    @staticmethod
    def static(task: Task) -> str:
        return f"static {task.key}"


def key_and(task: Task, other: str) -> str:
    return f"{task.key} {other}"


def test_a_function_that_can_take_one_task_is_accepted(subtests: pytest.Subtests) -> None:
    """Defaults, stars, partials, methods and wrappers are accepted."""
    cases: list[tuple[Any, str | None]] = [
        (lambda task: task.key, "a"),
        (lambda task, quality=80: f"{task.key} {quality}", "a 80"),
        (lambda *args: args[0].key, "a"),
        (lambda task, /, *more, quality=80, **others: f"{task.key} {more} {others}", "a () {}"),
        (functools.partial(key_and, other="x"), "a x"),
        (functools.partial(lambda prefix, task: prefix + task.key, "x"), "xa"),
        (Worker(), "called a"),
        (Worker().method, "method a"),
        (Worker.of_class, "class a"),
        (Worker.static, "static a"),
        (Worker.__dict__["static"], "static a"),
        (injects(key_and), "a injected"),
        (passes_on(lambda task: task.key), "a"),
        (lambda task, context=None: f"{task.key} {context}", "a None"),
        (lambda event: event.key, "a"),
        (joins(numbers), "1"),
        (mock.Mock(return_value="mocked"), "mocked"),
        (repr, None),
        (max, None),
    ]
    for function, message in cases:
        with subtests.test(function=function):
            outcome = decorate(function).run(make_task("a"))

            assert message is None or outcome == Outcome(ResultCode.SUCCEEDED, message)


def test_a_function_that_cannot_take_one_task_is_refused(subtests: pytest.Subtests) -> None:
    """The error says what to write."""
    cases: list[tuple[Any, str]] = [
        (two, r"but two\(event, context\) needs 2. Write: def two\(task: Task\). The bucket"),
        (lambda: None, r"but <lambda>\(\) takes none by position"),
        (lambda **options: None, "takes none by position"),
        (lambda *, task: None, r"<lambda>\(task=\) takes none by position"),
        (lambda task, *, quality: None, r"\(task, quality=\) needs 2.*functools.partial"),
        (lambda task, session: None, r"\(task, session\) needs 2.*functools.partial"),
        (functools.partial(two), r"but two\(event, context\) needs 2"),
        (functools.partial(lambda: None), "takes none by position"),
        (Worker.method, r"method\(self, task\) needs 2. Decorate the method of an instance"),
        (functools.cache(two), r"but two\(event, context\) needs 2. Write: def two\(task: Task\)"),
        (Logger().inject_lambda_context(two), "Put @task_handler below the decorators"),
        (
            with_default,
            r"with_default\(event, context\) is a Lambda handler.*Write: def with_d",
        ),
        (functools.partial(functools.cache(two)), r"but two\(event, context\) needs 2"),
        (MethodType(functools.cache(lambda self, a, b: None), 1), r"\(a, b\) needs 2"),
        (functools.cache(with_default), "is a Lambda handler by its parameters"),
        (functools.partial(two, context=None), "is a Lambda handler"),
        (lambda event, *, _context=None: None, "is a Lambda handler"),
        (lambda evt, unused_context=None: None, "is a Lambda handler"),
        (typed_context, "is a Lambda handler"),
        (typed_as_text, "is a Lambda handler"),
        (lambda event=(), ctx=(), **more: None, "is a Lambda handler"),
        (functools.partial(task_handler(repr)), "is a Lambda handler"),
    ]
    for function, says in cases:
        with subtests.test(function=function):
            with pytest.raises(TypeError, match=says) as caught:
                decorate(function)

            assert str(caught.value).startswith(
                "task_handler calls a function with one argument, the task"
            )


def test_functions_are_checked_with_options_too() -> None:
    with pytest.raises(TypeError, match=r"two\(event, context\) needs 2"):
        decorate(strict=True)(two)


def test_the_parameters_of_a_wrapped_function_do_not_count() -> None:
    """A wrapper may pass on more arguments than it was given."""
    handler = decorate(passes_on(two))

    assert "missing 1 required positional argument" in handler.run(make_task("a")).message


class Model(BaseModel):
    target: str


@dataclass
class Arguments:
    target: str


def test_other_objects_are_refused_with_a_hint(subtests: pytest.Subtests) -> None:
    """A model without its name, a class and a descriptor each get a hint of their own."""
    cases: list[tuple[Any, str]] = [
        (5, "takes a function, got 5. Pass options by name"),
        ("handler", "takes a function, got 'handler'"),
        (Worker, r"got the class Worker. Pass an instance.*task_handler\(Worker\(\)\)"),
        (Model, r"got the model Model.*@task_handler\(arguments=Model\).*payload=Model"),
        (Arguments, r"got the model Arguments.*@task_handler\(arguments=Arguments\)"),
        (Worker.__dict__["of_class"], "got a classmethod object.*Decorate the method of the class"),
        (property(Worker()), "takes a function, got <property"),
    ]
    for given, says in cases:
        with subtests.test(given=given), pytest.raises(TypeError, match=says):
            decorate(given)


class Numbers:
    def __call__(self, task: Task) -> Generator[int]:
        yield 1


def test_generator_functions_are_refused(subtests: pytest.Subtests) -> None:
    """The body of a generator function would never run."""
    cases: list[Any] = [
        numbers,
        async_numbers,
        functools.partial(numbers),
        Numbers(),
        functools.cache(numbers),
    ]
    for function in cases:
        with (
            subtests.test(function=function),
            pytest.raises(TypeError, match=r"generator function.*Replace `yield` by `return`"),
        ):
            decorate(function)


def test_context_managers_are_refused(subtests: pytest.Subtests) -> None:
    """The body would never run."""
    cases: list[Any] = [
        contextlib.contextmanager(numbers),
        contextlib.asynccontextmanager(async_numbers),
        functools.partial(contextlib.contextmanager(numbers)),
    ]
    for function in cases:
        with (
            subtests.test(function=function),
            pytest.raises(TypeError, match=r"context manager.*replace `yield` by `return`"),
        ):
            decorate(function)


def test_a_cached_function_is_accepted() -> None:
    handler = task_handler(functools.cache(lambda task: task.key))

    response = handler(make_event("a"), make_context())

    assert response["results"][0]["resultString"] == "a"


def test_a_handler_cannot_be_decorated_again() -> None:
    """A second ``@task_handler`` would take each task for an event."""
    handler = task_handler(lambda task: task.key)

    with pytest.raises(TypeError, match="is already a handler"):
        decorate(handler)
    with pytest.raises(TypeError, match="is already a handler"):
        decorate(Logger().inject_lambda_context(handler))


def test_calling_the_decorator_like_a_handler_is_explained(subtests: pytest.Subtests) -> None:
    cases: list[Callable[[], Any]] = [
        lambda: decorate(make_event("a"), make_context()),
        lambda: decorate()(make_event("a"), make_context()),
        lambda: decorate(arguments=Model)(make_event("a"), make_context()),
        lambda: decorate(lambda task: None, Model),
    ]
    for misuse in cases:
        with (
            subtests.test(misuse=misuse),
            pytest.raises(TypeError, match="task_handler takes one function"),
        ):
            misuse()


def test_a_handler_looks_like_its_function() -> None:
    """It has its name, docstring and parameters."""

    @task_handler
    def thumbnails(task: Task) -> None:
        """Create thumbnails."""

    function: Any = thumbnails

    assert type(function) is types.FunctionType
    assert isinstance(thumbnails, TaskHandler)
    assert function.__name__ == "thumbnails"
    assert function.__doc__ == "Create thumbnails."
    assert function.__module__ == __name__
    assert inspect.unwrap(function) is not function
    assert list(inspect.signature(function).parameters) == ["task"]
    assert decorate(functools.partial(key_and, other="x")).__name__ == "key_and"
    assert decorate(Worker()).__name__ == "Worker"
