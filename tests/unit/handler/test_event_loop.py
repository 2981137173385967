"""The event loop that handlers keep between invocations."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from s3batch_handler import Task, task_handler
from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._event_loop import EventLoop
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, results_of
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("loops_are_closed")


def test_invocations_share_one_event_loop() -> None:
    """Clients that are bound to it remain usable."""
    loops = []

    @task_handler
    async def handler(task: Task) -> None:
        loops.append(asyncio.get_running_loop())
        if task.key == "b":
            raise ValueError("this does not cost the loop")

    for key in "abc":
        handler(make_event(key), make_context())

    assert len(set(loops)) == 1


def test_an_invocation_that_fails_keeps_the_event_loop() -> None:
    loops = []

    @task_handler(unexpected="raise")
    async def handler(task: Task) -> str:
        loops.append(asyncio.get_running_loop())
        if task.key == "b":
            raise ZeroDivisionError
        return "done"

    with pytest.raises(ZeroDivisionError):
        handler(make_event("a", "b", "c"))
    response = handler(make_event("a"))

    assert results_of(response) == [("Succeeded", "done")]
    assert len(loops) == 3
    assert len(set(loops)) == 1


def test_a_sub_task_continues_in_the_next_invocation() -> None:
    """Lambda itself works like that."""
    seen = []

    may_go = asyncio.Event()

    async def later() -> None:
        await may_go.wait()
        seen.append("later")

    background = set()

    @task_handler
    async def handler(task: Task) -> None:
        if task.key == "a":
            background.add(asyncio.get_running_loop().create_task(later()))
        else:
            may_go.set()
            await asyncio.wait(background)

    handler(make_event("a"))
    assert not seen
    handler(make_event("b"))

    assert seen == ["later"]


def test_a_handler_can_be_called_in_a_running_event_loop() -> None:
    """Repeated calls use one loop, because each has open files."""
    loops = set()

    @task_handler
    async def handler(task: Task) -> str:
        loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return task.key

    async def main() -> list[Any]:
        return [handler(make_event("a")) for _ in range(3)]

    responses = asyncio.run(main())

    assert [results_of(response) for response in responses] == [[("Succeeded", "a")]] * 3
    assert len(loops) == 1  # a loop has open files: a new one each time would use them up


def test_threads_have_an_event_loop_each() -> None:
    both = threading.Barrier(2)

    @task_handler
    async def handler(task: Task) -> str:
        both.wait(LONG)
        return task.key

    responses: list[Any] = []
    threads = [
        threading.Thread(target=lambda key=key: responses.append(handler(make_event(key))))
        for key in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results_of(response)[0] for response in responses) == [
        ("Succeeded", "a"),
        ("Succeeded", "b"),
    ]


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_the_loop_of_an_abandoned_thread_is_closed_when_the_thread_ends() -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    free = threading.Event()

    async def block() -> None:
        loops.append(asyncio.get_running_loop())
        free.wait(LONG)

    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(lambda: EventLoop(reserve=0.1).run(block(), 0.1))
        error = attempt.exception()
    assert not loops[0].is_closed()
    free.set()

    assert isinstance(error, OutOfTime)
    wait_for(loops[0].is_closed)


def test_the_event_loop_is_closed_when_the_process_ends() -> None:
    """Remaining coroutines and generators clean up without a warning."""
    program = """
import asyncio
from s3batch_handler import Task, task_handler
from s3batch_handler.testing import make_event

kept = []

async def forever():
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up")

async def numbers():
    try:
        yield 1
    finally:
        print("closed")

@task_handler
async def handler(task: Task) -> str:
    kept.append(asyncio.ensure_future(forever()))
    generator = numbers()
    kept.append(generator)
    await anext(generator)
    await asyncio.sleep(0)
    return "done"

print(handler(make_event("a"))["results"][0]["resultString"])
"""

    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout == "done\ncleaned up\nclosed\n"
