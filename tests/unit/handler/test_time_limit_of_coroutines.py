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

from s3batch_handler import ResultCode, Task, task_handler
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, RESERVE, codes_of, results_of, short_context, soon

pytestmark = pytest.mark.usefixtures("loops_are_closed")


def test_a_coroutine_that_runs_out_of_time_is_cancelled() -> None:
    """It cleans up; tasks after it are not started."""
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


def test_a_log_that_blocks_does_not_delay_the_response() -> None:
    """The messages still say that no task was started."""
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
def test_task_timeout_limits_each_task(context_of_now: Any, concurrency: int) -> None:
    @task_handler(
        task_timeout=0.5, on_timeout=ResultCode.PERMANENT_FAILURE, concurrency=concurrency
    )
    async def handler(task: Task) -> str:
        await asyncio.sleep(0 if task.key == "b" else LONG)
        return "done"

    with soon():
        response = handler(make_event("a", "b", "c"), context_of_now())

    assert codes_of(response) == ["PermanentFailure", "Succeeded", "PermanentFailure"]


@pytest.mark.parametrize("left", [0, 500])
def test_a_task_is_not_started_in_the_reserve(left: int) -> None:
    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    response = handler(make_event("a", "b"), make_context(timeout=left / 1000))

    assert codes_of(response) == ["TemporaryFailure"] * 2
    assert all(message.startswith("not started") for _, message in results_of(response))


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_coroutine_that_blocks_the_loop_is_interrupted(concurrency: int) -> None:
    """The other tasks keep their results."""

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


def test_a_coroutine_that_ignores_its_cancellation_is_abandoned() -> None:
    """Other tasks continue."""

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


def test_a_thread_of_a_coroutine_does_not_delay_the_response() -> None:
    free = threading.Event()

    @task_handler(task_timeout=0.1)
    async def handler(task: Task) -> None:
        await asyncio.to_thread(free.wait, LONG)

    with soon():
        response = handler(make_event("a"))
    free.set()

    assert codes_of(response) == ["TemporaryFailure"]


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_time_limits_hold_in_a_running_event_loop() -> None:
    @task_handler
    async def handler(task: Task) -> None:
        await asyncio.sleep(LONG)

    async def main() -> Any:
        return handler(make_event("a"), short_context())

    with soon():
        response = asyncio.run(main())

    assert codes_of(response) == ["TemporaryFailure"]
