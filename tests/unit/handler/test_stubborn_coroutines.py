"""Coroutines that resist cancellation are answered before Lambda's timeout."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from typing import Any

import pytest
import uvloop

from s3batch_handler import Task, task_handler
from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler import _event_loop as event_loop
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, RESERVE, codes_of, invoke_in_time

pytestmark = pytest.mark.slow


async def sub_task_that_blocks(task: Task) -> None:
    async def block() -> None:
        time.sleep(LONG)

    async with asyncio.TaskGroup() as group:
        group.create_task(block())


async def wraps_the_interruption(task: Task) -> None:
    try:
        time.sleep(LONG)
    except BaseException as error:
        raise ValueError("wrapped") from error


async def hides_the_interruption(task: Task) -> None:
    try:
        time.sleep(LONG)
    except BaseException:
        raise ValueError("wrapped") from None


async def gathers_what_blocks(task: Task) -> None:
    async def block() -> None:
        time.sleep(LONG)

    await asyncio.gather(asyncio.sleep(LONG), block())


async def ignores_being_cancelled(task: Task) -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(LONG)


async def swallows_everything(task: Task) -> None:
    async def swallow() -> None:
        while True:
            with contextlib.suppress(BaseException):
                await asyncio.sleep(LONG)

    await asyncio.gather(swallow(), swallow(), swallow())


async def many_that_never_give_up(task: Task) -> None:
    async def never_gives_up() -> None:
        while True:
            with contextlib.suppress(BaseException):
                await asyncio.sleep(LONG)

    await asyncio.gather(*(never_gives_up() for _ in range(200)))


async def blocks_and_swallows(task: Task) -> None:
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(LONG)


async def blocks_in_a_callback(task: Task) -> None:
    asyncio.get_running_loop().call_soon(time.sleep, LONG)
    await asyncio.sleep(LONG)


ASYNC = [
    sub_task_that_blocks,
    wraps_the_interruption,
    hides_the_interruption,
    gathers_what_blocks,
    ignores_being_cancelled,
    swallows_everything,
    many_that_never_give_up,
    blocks_and_swallows,
    blocks_in_a_callback,
]


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Create new event loops of this kind."""
    if request.param == "uvloop":
        monkeypatch.setattr(asyncio, "new_event_loop", uvloop.new_event_loop)
    return str(request.param)


@pytest.mark.usefixtures("new_loops")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("function", ASYNC)
def test_a_stubborn_coroutine_ends_in_time(function: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The next task gets an event loop that works."""
    caplog.set_level(logging.CRITICAL)

    async def work(task: Task) -> str:
        if task.key == "stuck":
            await function(task)
        await asyncio.sleep(0)
        return "done"

    handler = task_handler(time_reserve=RESERVE)(work)

    (first,) = invoke_in_time(handler, "stuck")["results"]
    gc.collect()  # closes coroutines that were left behind
    (second,) = invoke_in_time(handler, "fine")["results"]

    assert first["resultCode"] == "TemporaryFailure"
    assert "out of time" in first["resultString"]
    assert second["resultString"] == "done"


@pytest.mark.usefixtures("new_loops")
def test_a_loop_that_waits_for_nothing_is_stopped() -> None:
    async def wait_forever() -> None:
        await asyncio.get_running_loop().create_future()

    began = time.monotonic()
    with pytest.raises(OutOfTime):
        event_loop.EventLoop(reserve=1.0).run(wait_forever(), 0.1)

    assert time.monotonic() - began < LONG / 4


@pytest.mark.usefixtures("new_loops")
def test_a_loop_that_ended_while_it_was_stopped_is_not_reused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would stop immediately."""
    asked: list[bool] = []
    stop = event_loop._InterruptibleLoop.stop

    def stop_and_tell(loop: Any) -> None:
        stop(loop)
        asked.append(True)

    def wait_in_code_of_the_loop(_: object) -> None:
        exec("while not asked: pass", {"__name__": "asyncio.pretended", "asked": asked})

    async def work(value: str) -> str:
        if value == "late":
            task = asyncio.current_task()
            assert task is not None
            task.add_done_callback(wait_in_code_of_the_loop)
        await asyncio.sleep(0)
        return value

    monkeypatch.setattr(event_loop._InterruptibleLoop, "stop", stop_and_tell)
    loop = event_loop.EventLoop(reserve=1.0)
    results = [loop.run(work(value), 0.1) for value in ("late", "next")]

    assert results == ["late", "next"]


def test_a_coroutine_that_ignores_its_cancellation_ends_with_its_loop() -> None:
    """It does not continue in the next invocation."""
    steps: list[str] = []

    @task_handler(time_reserve=RESERVE)
    async def handler(task: Task) -> str:
        while task.key == "stuck":
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
                steps.append("step")
        await asyncio.sleep(0.1)
        return "done"

    invoke_in_time(handler, "stuck")
    steps.clear()
    (second,) = invoke_in_time(handler, "fine")["results"]

    assert second["resultString"] == "done"
    assert not steps


def test_task_timeout_does_not_limit_the_wait_for_other_tasks() -> None:
    @task_handler(concurrency=2, task_timeout=1.0, time_reserve=0.1)
    async def handler(task: Task) -> None:
        await asyncio.sleep(0.4)

    response = handler(make_event(*"abcdefghijkl"), make_context(timeout=LONG))

    assert codes_of(response) == ["Succeeded"] * 12
