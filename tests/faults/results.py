"""Faults: results that S3, JSON or a report cannot represent."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._typing import override
from tests.faults.fault import OUT_OF_TIME, fault, permanent, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler import Task


@fault(permanent("JSON"))
def not_serializable(task: Task) -> object:
    """Return an object that JSON cannot represent."""
    return object()


@fault(permanent("(?i)nan"))
def nan(task: Task) -> float:
    """Return NaN."""
    return float("nan")


@fault(permanent("bytes"))
def bytes_(task: Task) -> bytes:
    """Return bytes."""
    return b"photo"


@fault(permanent("JSON"))
def circular(task: Task) -> object:
    """Return a dict that contains itself."""
    value: dict[str, Any] = {}
    value["self"] = value
    return value


@fault(permanent("recursion"))
def deeply_nested(task: Task) -> object:
    """Return a list with 10,000 levels."""
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]
    return value


@fault(succeeded("10,000,000 characters"))
def huge_text(task: Task) -> str:
    """Return a text of 10 MB, more than Lambda's maximum for a response."""
    return "x" * 10_000_000


@fault(permanent("digits"))
def huge_integer(task: Task) -> int:
    """Return an integer with 10,000 digits."""
    return 10**10_000


@fault(succeeded(r"\\x1b|\\u001b"))
def control_characters(task: Task) -> str:
    """Return a text with line breaks, quotes and characters that control terminals."""
    return 'one\r\n"failed",200,\x1b[2J\u202e\0'


@fault(succeeded("ud800|�"))
def lone_surrogate(task: Task) -> str:
    """Return a text that UTF-8 cannot represent."""
    return "photo \ud800"


@fault(permanent("generator"))
def generator(task: Task) -> Iterator[int]:
    """Return a generator instead of a value."""
    return (number for number in range(3))


@fault(succeeded("started"))
def coroutine_never_awaited(task: Task) -> str:
    """Call an async function without `await`."""
    asyncio.sleep(0)  # type: ignore[unused-coroutine]
    return "started"


@fault(succeeded("awaited"))
def coroutine_returned(task: Task) -> object:
    """Return a coroutine from a function that is not async."""

    async def work() -> str:
        return "awaited"

    return work()


@fault(permanent("taskId|task"))
def result_of_another_task(task: Task) -> object:
    """Return AWS's result of a task with the ID of another task."""
    return {"taskId": "another", "resultCode": "Succeeded", "resultString": "done"}


@fault(permanent("broken"))
def failure_in_list(task: Task) -> object:
    """Return a list that contains an exception, as `asyncio.gather()` does."""
    return ["done", ValueError("broken")]


@fault(OUT_OF_TIME)
def endless_result(task: Task) -> object:
    """Return a list whose iteration does not end."""

    class Endless(list[int]):
        @override
        def __iter__(self) -> Iterator[int]:
            while True:
                time.sleep(0.001)

    return Endless([1])


@fault(succeeded("slow"))
def slow_destructor(task: Task) -> str:
    """Leave an object behind whose `__del__` takes half a second."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(0.5)

    slow = Slow()
    slow.itself = slow  # type: ignore[attr-defined]
    return "slow"
