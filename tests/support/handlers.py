"""Handlers under test: short time limits, and the results in a response."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from s3batch_handler import Task, task_handler
from s3batch_handler.testing import make_context, make_event

if TYPE_CHECKING:
    from collections.abc import Iterator

LoadEvent = Callable[[str], dict[str, Any]]

LONG = 60.0
"""Seconds that a call takes unless it is interrupted."""

TIMEOUT = 4.0
RESERVE = 3.0  # a slow machine may need some of it

decorate: Any = task_handler
"""The decorator without its types, for options and functions that a type checker refuses."""


@task_handler
def echo(task: Task) -> str:
    return task.key


def raising(error: BaseException) -> Callable[[Task], None]:
    """Return a function that raises the exception."""

    def work(task: Task) -> None:
        raise error

    return work


def passes_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """Fail if the block takes as long as the calls that block."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG / 4


def short_context(seconds: float = 0.1) -> Any:
    """Return a context with that many seconds left before the default reserve."""
    return make_context(timeout=1.0 + seconds)


def results_of(response: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the code and the message of each result."""
    return [(result["resultCode"], result["resultString"]) for result in response["results"]]


def codes_of(response: dict[str, Any]) -> list[str]:
    return [result["resultCode"] for result in response["results"]]


def invoke_in_time(handler: Any, *keys: str, **options: Any) -> dict[str, Any]:
    """Invoke a handler with ``TIMEOUT`` seconds left, and fail if it takes longer."""
    began = time.monotonic()
    response = handler(make_event(*keys or ("a",), **options), make_context(timeout=TIMEOUT))
    assert time.monotonic() - began < TIMEOUT
    copied: dict[str, Any] = json.loads(json.dumps(response))
    return copied
