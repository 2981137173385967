"""Time limits of ``async def`` functions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from typing import Any

import pytest

from s3batch_handler import (
    ResultCode,
    Task,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, RESERVE, codes_of, results_of, short_context, soon

pytestmark = pytest.mark.usefixtures("loops_are_closed")

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


def test_out_of_time() -> None:
    """A coroutine that runs out of time is cancelled, cleans up, and later tasks are answered."""
    cleaned_up = []

    @task_handler
    async def handler(task: Task) -> str:
        if task.key == "a":
            return "done"
        try:
            await asyncio.sleep(LONG)
        except Exception:
            return "caught"
        finally:
            await asyncio.sleep(0.01)
            cleaned_up.append(task.key)
        return "slept"

    with soon():
        done, stopped, later = results_of(handler(make_event("a", "b", "c"), short_context(1)))

    assert done == ("Succeeded", "done")
    assert stopped[0] == later[0] == "TemporaryFailure"
    assert re.match(r"stopped after [01]\.\d s", stopped[1])
    assert later[1].startswith("not started")
    assert cleaned_up == ["b"]


def test_no_time_left_and_a_slow_log() -> None:
    """The log is stopped, and what it was to say is still true."""
    blocked: list[bool] = []

    def block(_: logging.LogRecord) -> bool:
        if not blocked:
            blocked.append(True)
            time.sleep(LONG)
        return True

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    log = logging.getLogger("s3batch_handler")
    log.addFilter(block)
    try:
        with soon():
            response = handler(make_event("a", "b"), make_context(timeout=0.5))
    finally:
        log.removeFilter(block)

    assert blocked
    assert codes_of(response) == ["TemporaryFailure"] * 2
    assert all(message.startswith("not started") for _, message in results_of(response))


@pytest.mark.parametrize("context_of_now", [lambda: None, make_context])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_task_timeout(context_of_now: Any, concurrency: int) -> None:
    """Each task has ``task_timeout`` seconds of its own."""

    @task_handler(task_timeout=0.5, on_timeout=PERMANENT, concurrency=concurrency)
    async def handler(task: Task) -> str:
        await asyncio.sleep(0 if task.key == "b" else LONG)
        return "done"

    with soon():
        response = handler(make_event("a", "b", "c"), context_of_now())

    assert codes_of(response) == ["PermanentFailure", "Succeeded", "PermanentFailure"]


@pytest.mark.parametrize("left", [0, 500])
def test_no_time_left(left: int) -> None:
    """With no more than the reserve left, no task is begun."""

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    response = handler(make_event("a", "b"), make_context(timeout=left / 1000))

    assert codes_of(response) == ["TemporaryFailure"] * 2
    assert all(message.startswith("not started") for _, message in results_of(response))


@pytest.mark.parametrize("concurrency", [1, 2])
def test_coroutine_that_blocks(concurrency: int) -> None:
    """A coroutine that blocks the loop is ended as well, and costs no other task its answer."""

    @task_handler(task_timeout=0.2, time_reserve=RESERVE, concurrency=concurrency)
    async def handler(task: Task) -> str:
        if task.key == "b":
            time.sleep(LONG)
        return "done"

    with soon():
        first, second, third = results_of(handler(make_event("a", "b", "c"), make_context()))

    assert first == third == ("Succeeded", "done")
    assert second[0] == "TemporaryFailure"
    assert "out of time" in second[1]


def test_task_after_a_coroutine_that_blocks_has_its_own_time() -> None:
    """It does not have to end before the interrupted event loop is stopped."""

    @task_handler(task_timeout=0.5, time_reserve=0.2, concurrency=2)
    async def handler(task: Task) -> str:
        if task.key == "b":
            time.sleep(LONG)
        await asyncio.sleep(0.3 if task.key == "c" else 0)
        return "done"

    with soon():
        response = handler(make_event("a", "b", "c"), make_context())

    assert results_of(response)[2] == ("Succeeded", "done")


def test_stubborn_coroutine() -> None:
    """A coroutine that does not let itself be cancelled is left behind; others go on."""

    @task_handler(task_timeout=0.5)
    async def handler(task: Task) -> str:
        while task.key == "stubborn" and not released:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)
        return "done"

    released: list[bool] = []
    with soon():
        response = handler(make_event("stubborn", "b"), make_context())
        again = handler(make_event("c"), make_context())
    released.append(True)

    assert codes_of(response) == ["TemporaryFailure", "Succeeded"]
    assert codes_of(again) == ["Succeeded"]


def test_thread_of_a_coroutine() -> None:
    """``asyncio.to_thread`` does not hold up an answer."""
    free = threading.Event()

    @task_handler(task_timeout=0.1)
    async def handler(task: Task) -> None:
        await asyncio.to_thread(free.wait, LONG)

    with soon():
        response = handler(make_event("a"))
    free.set()

    assert codes_of(response) == ["TemporaryFailure"]


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_out_of_time_in_a_running_loop() -> None:
    """Time limits hold there, too."""

    @task_handler
    async def handler(task: Task) -> None:
        await asyncio.sleep(LONG)

    async def main() -> Any:
        return handler(make_event("a"), short_context())

    with soon():
        response = asyncio.run(main())

    assert codes_of(response) == ["TemporaryFailure"]
