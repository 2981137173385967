"""Any exception and any result, also hostile ones, lead to one valid result for the task."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import Task, task_handler
from s3batch_handler.testing import make_event, strategies
from tests.support.response_grammar import violations

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS = ("__str__", "__repr__", "__eq__", "__ne__", "__bool__", "__hash__", "__len__", "__iter__",
         "__getattr__", "__getattribute__", "__class__", "__reduce__", "__format__", "__dict__",
         "args", "errno", "response", "code", "status_code", "message", "strerror", "__cause__",
         "__context__", "__traceback__", "__notes__", "__suppress_context__", "exceptions",
         "with_traceback", "add_note", "split", "subgroup", "derive", "__call__", "__dir__",
         "__instancecheck__", "asdict", "model_dump", "isoformat", "tolist", "item",
         "keys", "values", "items", "get", "__contains__", "__getitem__")  # fmt: skip

MORE_HOOKS = ("__index__", "__int__", "__float__", "__fspath__", "__await__", "__aiter__",
              "__next__", "__enter__", "__bytes__", "__json__", "__html__", "__array__",
              "__dataclass_fields__", "__pydantic_serializer__", "__pydantic_validator__",
              "__length_hint__")  # fmt: skip

PROPERTIES = ("__class__", "__cause__", "__context__", "__traceback__", "__notes__", "__dict__",
              "__suppress_context__")  # fmt: skip
"""Those hooks with underscores that are attributes, not methods."""


class Hostile(BaseException):
    """What a hook raises."""


def raise_it(error: BaseException) -> Callable[..., Any]:
    def hook(*_: Any, **__: Any) -> Any:
        raise error

    return hook


def return_it(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


HUGE = "x" * 100_000

BEHAVIORS: list[Callable[[], Callable[..., Any]]] = [
    lambda: raise_it(ValueError("hook")),
    lambda: raise_it(RecursionError()),
    lambda: raise_it(MemoryError()),
    lambda: raise_it(AttributeError("hook")),
    lambda: raise_it(StopIteration()),
    lambda: raise_it(SystemExit(1)),
    lambda: raise_it(KeyboardInterrupt()),
    lambda: raise_it(GeneratorExit()),
    lambda: raise_it(asyncio.CancelledError()),
    lambda: raise_it(Hostile()),
    lambda: return_it(None),
    lambda: return_it(1),
    lambda: return_it(object()),
    lambda: return_it(HUGE),
    lambda: return_it("\ud800\n\x1b[31m"),
    lambda: return_it(b"\xff"),
    lambda: return_it([HUGE] * 3),
    lambda: return_it({"Error": {"Code": 5, "Message": object()}}),
    lambda: return_it(NotImplemented),
    lambda: lambda self, *_, **__: self,
]
"""What a hook does. The last one returns the object itself, which makes cycles."""


@st.composite
def hostile_classes(draw: st.DrawFn, bases: tuple[type, ...], hooks: tuple[str, ...]) -> type:
    """Generate subclasses whose hooks, as methods or properties, do something unusual."""
    names = draw(st.lists(st.sampled_from(hooks), min_size=1, max_size=3, unique=True))
    members: dict[str, Any] = {}
    for name in names:
        behave = draw(st.sampled_from(BEHAVIORS))()
        is_property = not name.startswith("__") or name in PROPERTIES
        members[name] = property(behave) if is_property and draw(st.booleans()) else behave
    return type("Evil", (draw(st.sampled_from(bases)),), members)


def build(kind: type, *arguments: Any) -> Any:
    """Create an object, or return the class if it cannot be created."""
    try:
        if issubclass(kind, BaseExceptionGroup):
            return kind("several", [ValueError("inner")])
        if issubclass(kind, UnicodeDecodeError):
            return kind("utf-8", b"\xff", 0, 1, "invalid")
        return kind(*arguments)
    except BaseException:
        return ValueError("cannot be created")


EXCEPTIONS: tuple[type, ...] = (
    Exception, ValueError, KeyError, OSError, TimeoutError, ExceptionGroup, UnicodeDecodeError,
    BaseException, SystemExit, KeyboardInterrupt, StopIteration,
)  # fmt: skip
hostile_exceptions = st.builds(
    build,
    hostile_classes(EXCEPTIONS, HOOKS),
    st.none() | st.integers() | st.text(max_size=5) | st.just(HUGE) | st.builds(object),
)


@st.composite
def chains(draw: st.DrawFn) -> BaseException:
    """Generate chains and cycles of causes, of hostile and of usual exceptions."""
    links: list[BaseException] = draw(
        st.lists(hostile_exceptions | strategies.exceptions(), min_size=1, max_size=4)
    )
    for outer, inner in zip(
        links, [*links[1:], links[0] if draw(st.booleans()) else None], strict=True
    ):
        try:
            if draw(st.booleans()):
                outer.__cause__ = inner
            else:
                outer.__context__ = inner
        except BaseException:
            continue
    return links[0]


def response_of(function: Callable[[Task], Any]) -> tuple[str, str]:
    """Return the code and the text of a task whose function is given."""
    event = make_event("a.txt")
    response = task_handler(function)(event, None)
    assert violations(event, json.loads(json.dumps(response))) == []
    (result,) = response["results"]
    return result["resultCode"], result["resultString"]


@given(chains())
def test_any_exception_fails_its_task_only(error: BaseException) -> None:
    """Nothing that it does when it is described, compared or classified leaves the handler."""

    def fail(task: Task) -> None:
        raise error

    code, text = response_of(fail)

    assert code in {"TemporaryFailure", "PermanentFailure"}
    assert text


@given(chains())
def test_any_exception_of_a_coroutine_fails_its_task_only(error: BaseException) -> None:
    async def fail(task: Task) -> None:
        raise error

    code, _ = response_of(fail)

    assert code in {"TemporaryFailure", "PermanentFailure"}


@given(chains())
def test_a_returned_exception_is_never_a_success(error: BaseException) -> None:
    code, _ = response_of(lambda task: error)

    assert code in {"TemporaryFailure", "PermanentFailure"}


RESULTS: tuple[type, ...] = (object, str, int, float, list, tuple, dict, set, bytes, Exception)


@given(
    st.one_of(
        strategies.results(),
        st.builds(build, hostile_classes(RESULTS, (*HOOKS, *MORE_HOOKS))),
        st.lists(st.builds(build, hostile_classes(RESULTS, (*HOOKS, *MORE_HOOKS))), max_size=2),
    )
)
def test_any_returned_value_is_one_valid_result(value: Any) -> None:
    response_of(lambda task: value)


@pytest.mark.parametrize("depth", [100, 5_000])
def test_long_chains_of_causes_are_described(depth: int) -> None:
    """Of a recursive function, for example."""
    error = first = ValueError("outermost")
    for number in range(depth):
        error.__cause__ = ValueError(number)
        error = error.__cause__

    def fail(task: Task) -> None:
        raise first

    assert response_of(fail)[0] == "PermanentFailure"
