"""What ``@task_handler`` accepts when a function is decorated, and what it refuses there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import sys
import types
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.middleware_factory import lambda_handler_decorator
from aws_lambda_powertools.utilities.data_classes import S3BatchOperationEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from s3batch_handler import Outcome, ResultCode, Task, task_handler
from s3batch_handler.handler._task_function import is_async
from s3batch_handler.testing import make_context, make_event, make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from undefined_module import Undefined  # type: ignore[import-not-found]

decorate: Any = task_handler
"""The decorator without its types: these tests are about what type checkers refuse."""


# ---------------------------------------------------------------- parameters


def two(event: Any, context: Any) -> None: ...


def typed_context(e: dict[str, Any], c: LambdaContext | None = None) -> None: ...


def typed_as_text(e: Any, c: LambdaContext = None) -> None: ...  # type: ignore[assignment]


typed_context.__annotations__["c"] = LambdaContext


def passes_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def injects(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function as decorators do that bring in a session, or a mock."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args, "injected")

    return wrapper


def numbers(task: Task) -> Generator[int]:
    yield 1


async def async_numbers(task: Task) -> Any:
    yield 1


def joins(function: Callable[..., Any]) -> Callable[..., str]:
    """Decorate a generator function as decorators do that use its items."""

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


@pytest.mark.parametrize(
    ("function", "message"),
    [
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
    ],
)
def test_a_function_that_can_take_one_task_is_accepted(function: Any, message: str | None) -> None:
    """Defaults, stars, partials, methods and wrappers are fine, and so is what cannot be read."""
    outcome = decorate(function).run(make_task("a"))

    assert message is None or outcome == Outcome(ResultCode.SUCCEEDED, message)


@pytest.mark.parametrize(
    ("function", "says"),
    [
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
    ],
)
def test_a_function_that_cannot_take_one_task_is_refused(function: Any, says: str) -> None:
    """The mistake is found when the function is decorated, and the text says what to write."""
    with pytest.raises(TypeError, match=says) as caught:
        decorate(function)

    assert str(caught.value).startswith("task_handler calls a function with one argument, the task")


def test_options_do_not_hide_a_function_that_cannot_take_a_task() -> None:
    """A function is checked in the same way when the decorator has options."""
    with pytest.raises(TypeError, match=r"two\(event, context\) needs 2"):
        decorate(strict=True)(two)


def test_the_parameters_of_a_wrapped_function_do_not_count() -> None:
    """A wrapper that takes anything may pass on more than it was given, so nothing is refused."""
    handler = decorate(passes_on(two))

    assert "missing 1 required positional argument" in handler.run(make_task("a")).message


# ---------------------------------------------------------------- what is no function


class Model(BaseModel):
    target: str


@dataclass
class Arguments:
    target: str


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (5, "takes a function, got 5. Pass options by name"),
        ("handler", "takes a function, got 'handler'"),
        (Worker, r"got the class Worker. Pass an instance.*task_handler\(Worker\(\)\)"),
        (Model, r"got the model Model.*@task_handler\(arguments=Model\).*payload=Model"),
        (Arguments, r"got the model Arguments.*@task_handler\(arguments=Arguments\)"),
        (Worker.__dict__["of_class"], "got a classmethod object.*Decorate the method of the class"),
        (property(Worker()), "takes a function, got <property"),
    ],
)
def test_something_else_than_a_function_is_refused(given: Any, says: str) -> None:
    """A model without its name, a class and a descriptor each get a hint of their own."""
    with pytest.raises(TypeError, match=says):
        decorate(given)


class Numbers:
    def __call__(self, task: Task) -> Generator[int]:
        yield 1


@pytest.mark.parametrize(
    "function",
    [numbers, async_numbers, functools.partial(numbers), Numbers(), functools.cache(numbers)],
)
def test_generator_functions_are_refused(function: Any) -> None:
    """The body of a generator function would never run."""
    with pytest.raises(TypeError, match=r"generator function.*Replace `yield` by `return`"):
        decorate(function)


@pytest.mark.parametrize(
    "function",
    [
        contextlib.contextmanager(numbers),
        contextlib.asynccontextmanager(async_numbers),
        functools.partial(contextlib.contextmanager(numbers)),
    ],
)
def test_context_managers_are_refused(function: Any) -> None:
    """The body would never run; any other wrapper may iterate over a generator function."""
    with pytest.raises(TypeError, match=r"context manager.*replace `yield` by `return`"):
        decorate(function)


def test_a_cached_function_is_accepted() -> None:
    handler = task_handler(functools.cache(lambda task: task.key))

    response = handler(make_event("a"), make_context())

    assert response["results"][0]["resultString"] == "a"


def test_a_handler_is_not_decorated_twice() -> None:
    """A second ``@task_handler`` would take each task for an event."""
    handler = task_handler(lambda task: task.key)

    with pytest.raises(TypeError, match="is already a handler"):
        decorate(handler)
    with pytest.raises(TypeError, match="is already a handler"):
        decorate(Logger().inject_lambda_context(handler))


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: decorate(make_event("a"), make_context()),
        lambda: decorate()(make_event("a"), make_context()),
        lambda: decorate(arguments=Model)(make_event("a"), make_context()),
        lambda: decorate(lambda task: None, Model),
    ],
)
def test_the_decorator_is_not_the_handler(misuse: Callable[[], Any]) -> None:
    """A decorator that decorates nothing, and options without names, are explained."""
    with pytest.raises(TypeError, match="task_handler takes one function"):
        misuse()


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("time_reserv", "no option time_reserv. Did you mean time_reserve?"),
        ("TaskTimeout", "Did you mean task_timeout"),
        ("timeout", "Did you mean on_timeout or task_timeout?"),
        ("retry", "Did you mean retry_on?"),
        ("argument", "Did you mean arguments?"),
        ("payloads", "Did you mean payload?"),
        ("treat_missing_keys", "Did you mean treat_missing_keys_as?"),
        ("xyz", "Its options are arguments, classify, concurrency"),
    ],
)
def test_a_misspelt_option_says_what_was_probably_meant(option: str, says: str) -> None:
    """The nearest names are named, or all of them where none is near."""
    with pytest.raises(TypeError) as caught:
        decorate(**{option: 1})(lambda task: None)

    assert says in str(caught.value)


# ---------------------------------------------------------------- models


class NeverResolved(BaseModel):
    target: Undefined


class ResolvedLater(BaseModel):
    parts: list[Part]


class Part(BaseModel):
    number: int
    smaller: Part | None = None


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)

    number: int


class DeferredForGood(NeverResolved):
    model_config = ConfigDict(defer_build=True)


@pytest.mark.parametrize("option", ["arguments", "payload"])
@pytest.mark.parametrize(
    ("model", "says"),
    [
        (NeverResolved, "NeverResolved: .*Undefined.*Define or import"),
        (DeferredForGood, "DeferredForGood: .*Undefined.*Define or import"),
        (list["Missing"], "Missing.*Define or import"),  # type: ignore[name-defined]  # noqa: F821
        (5, "=5: Unable to generate pydantic-core schema for 5"),
        (Worker, "Worker: Unable to generate"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(option: str, model: Any, says: str) -> None:
    """The mistake is found when the function is decorated, not with the first task."""
    with pytest.raises(TypeError, match=f"task_handler cannot use {option}={says}|{says}"):
        decorate(**{option: model})(lambda task: None)


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        (ResolvedLater, '{"parts": [{"number": 1}]}', ResolvedLater(parts=[Part(number=1)])),
        (Part, '{"number": 1, "smaller": {"number": 2}}', Part(number=1, smaller=Part(number=2))),
        (Deferred, '{"number": 1}', Deferred(number=1)),
        (list["Part"], '[{"number": 1}]', [Part(number=1)]),
        (Arguments, '{"target": "x"}', Arguments("x")),
        (dict[str, int], '{"a": 1}', {"a": 1}),
    ],
)
def test_a_model_that_names_others_is_resolved(model: Any, key: str, value: Any) -> None:
    """Recursive and deferred models work, and names in quotes mean what they mean to the user."""
    seen = []

    decorate(payload=model)(lambda task: seen.append(task.payload)).run(make_task(key))

    assert seen == [value]


def test_names_in_quotes_may_be_those_of_a_function() -> None:
    """A model that is local to a function is found where the user wrote its name."""

    class Local(BaseModel):
        number: int

    handler = decorate(payload=list["Local"])(lambda task: task.payload[0].number)

    assert handler.run(make_task('[{"number": 7}]')).message == "7"


# ---------------------------------------------------------------- async functions


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
    "marked": marked(lambda task: work(task)),  # noqa: PLW0108  it must not look async itself
}
HIDDEN: dict[str, Any] = {
    "wrapper": passes_on(work),
    "wrapper of a wrapper": passes_on(passes_on(work)),
    "lambda": lambda task: work(task),  # noqa: PLW0108  likewise
    "forgotten await": without_await,
    "loop of its own": with_a_loop_of_its_own(work),
}


@pytest.mark.parametrize("name", [*ASYNC, *HIDDEN])
def test_async_functions_are_awaited_however_they_are_wrapped(name: str) -> None:
    """A coroutine is run, also where only the returned value shows that there is one."""
    handler = decorate((ASYNC | HIDDEN)[name])

    assert handler.run(make_task("a")) == Outcome(ResultCode.SUCCEEDED, "a")
    assert handler(make_event("a"))["results"][0]["resultString"] == "a"


@pytest.mark.parametrize("name", ASYNC)
def test_declarations_show_that_a_function_is_async(name: str) -> None:
    """What is declared async needs no call to be recognised, so ``concurrency`` takes one loop."""
    assert is_async(ASYNC[name])


@pytest.mark.parametrize("name", sorted(HIDDEN.keys() - {"forgotten await"}))
def test_declarations_that_do_not_show_it(name: str) -> None:
    """A wrapper may run the coroutine itself, so what it wraps says nothing about it."""
    assert not is_async(HIDDEN[name])


async def hang(task: Task) -> None:
    await asyncio.sleep(60)


def test_a_hidden_coroutine_keeps_the_time_limit() -> None:
    """A coroutine that came out of a plain function is cancelled in time."""
    handler = decorate(task_timeout=0.2)(passes_on(hang))

    outcome = handler.run(make_task("a"))

    assert outcome.code is ResultCode.TEMPORARY_FAILURE
    assert "out of time" in outcome.message


def test_a_hidden_coroutine_may_fail_like_any_other() -> None:
    """Exceptions are classified, or raised with ``unexpected="raise"``."""

    async def fail(task: Task) -> None:
        raise {"slow": TimeoutError, "odd": KeyError}[task.key]("no")

    handler = decorate(unexpected="raise")(passes_on(fail))

    assert handler.run(make_task("slow")).code is ResultCode.TEMPORARY_FAILURE
    with pytest.raises(KeyError):
        handler.run(make_task("odd"))


# ---------------------------------------------------------------- Powertools on top


@lambda_handler_decorator
def middleware(handler: Any, event: Any, context: Any) -> Any:
    return handler(event, context)


def on_top(tmp_path: Path) -> dict[str, Callable[[Any], Any]]:
    logger = Logger(service=str(tmp_path))
    metrics = Metrics(namespace="Photos", service="thumbnails")
    tracer = Tracer(service="thumbnails", disabled=True)
    return {
        "logger": logger.inject_lambda_context,
        "logger with options": logger.inject_lambda_context(clear_state=True),
        "metrics": metrics.log_metrics,
        "metrics with options": metrics.log_metrics(default_dimensions={"stage": "test"}),
        "tracer": tracer.capture_lambda_handler,
        "tracer with options": tracer.capture_lambda_handler(capture_response=False),
        "middleware": middleware,
        "event_source": event_source(data_class=S3BatchOperationEvent),
        "all": lambda handler: middleware(
            logger.inject_lambda_context(
                metrics.log_metrics(tracer.capture_lambda_handler(handler))
            )
        ),
    }


@pytest.mark.parametrize("name", [*on_top(None)])  # type: ignore[arg-type]
@pytest.mark.parametrize("function", [lambda task: task.key, functools.partial(work), Worker()])
@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_powertools_decorators_on_top_keep_run(name: str, function: Any, tmp_path: Path) -> None:
    """Any decorator of Powertools goes on top of a handler, and ``run`` is still there."""
    plain = task_handler(function)

    handler = on_top(tmp_path)[name](plain)

    assert handler.run(make_task("a")) == plain.run(make_task("a"))
    context = make_context(function_name="thumbs")
    assert handler(make_event("a"), context) == plain(make_event("a"), context)


def test_a_handler_is_a_function() -> None:
    """It has its function's name and text, can be found by its name, and has ``run``."""

    @task_handler
    def thumbnails(task: Task) -> None:
        """Make thumbnails."""

    function: Any = thumbnails

    assert type(function) is types.FunctionType
    assert function.__name__ == "thumbnails"
    assert function.__doc__ == "Make thumbnails."
    assert decorate(functools.partial(work)).__name__ == "work"
    assert decorate(Worker()).__name__ == "Worker"
