"""``@task_handler`` on ``async def`` functions."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from pydantic import BaseModel

from s3batch_handler import (
    PermanentFailure,
    ResultCode,
    Task,
    TemporaryFailure,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, LoadEvent, codes_of, results_of, short_context, soon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.usefixtures("loops_are_closed")


SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("v2_no_task.json", []),
        ("v1_encoded_key.json", ["year 2024/a+b.jpg"]),
        ("v2_many_tasks.json", ["a.jpg", "b.jpg", "c.jpg"]),
        ("v2_duplicate_ids.json", ["a.jpg", "b.jpg", "a.jpg"]),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 2, 10])
def test_every_task_is_answered_once(
    load_event: LoadEvent, name: str, keys: list[str], concurrency: int
) -> None:
    """Any number of tasks, none included: one answer each, in the order in which they came."""

    @task_handler(concurrency=concurrency)
    async def handler(task: Task) -> str:
        await asyncio.sleep(0.01 if task.key == "a.jpg" else 0)
        return task.key

    response = handler(load_event(name), make_context())

    assert results_of(response) == [("Succeeded", key) for key in keys]


class Instruction(BaseModel):
    source: str


def test_payload_and_arguments() -> None:
    """Models are read, and what does not fit fails its task."""

    @task_handler(payload=Instruction, arguments=Instruction)
    async def handler(task: Task[Instruction, Instruction]) -> str:
        return task.payload.source + task.job.arguments.source

    event = make_event('{"source": "a"}', "b", user_arguments={"source": "x"})
    first, second = results_of(handler(event))

    assert first == ("Succeeded", "ax")
    assert second[0] == "PermanentFailure"
    assert "the payload in the key is invalid" in second[1]


def test_key_that_is_no_utf8(load_event: LoadEvent) -> None:
    """Such a key fails its own task; the function never sees it."""

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    assert results_of(handler(load_event("v1_key_no_utf8.json"))) == [
        ("PermanentFailure", "the key is not valid UTF-8: caf%E9.jpg")
    ]


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (TemporaryFailure("not yet"), "TemporaryFailure", "not yet"),
        (PermanentFailure("never"), "PermanentFailure", "never"),
        (TimeoutError(), "TemporaryFailure", "TimeoutError"),
        (ZeroDivisionError("a bug"), "PermanentFailure", "ZeroDivisionError: a bug"),
        (SystemExit("bye"), "PermanentFailure", "SystemExit: bye"),
        (KeyboardInterrupt(), "PermanentFailure", "KeyboardInterrupt"),
        (GeneratorExit(), "PermanentFailure", "GeneratorExit"),
        (asyncio.CancelledError(), "PermanentFailure", "CancelledError"),
        (StopAsyncIteration(), "PermanentFailure", "StopAsyncIteration"),
        (ExceptionGroup("several", [TimeoutError()]), "TemporaryFailure", "several"),
    ],
)
def test_raised_exception(error: BaseException, code: str, says: str, concurrency: int) -> None:
    """What one task raises decides its own fate alone."""

    @task_handler(concurrency=concurrency)
    async def handler(task: Task) -> str:
        await asyncio.sleep(0)
        if task.key == "b":
            raise error
        return "done"

    first, second, third = results_of(handler(make_event("a", "b", "c"), make_context()))

    assert second[0] == code
    assert says in second[1]
    assert first == third == ("Succeeded", "done")


@pytest.mark.parametrize("concurrency", [1, 2])
def test_exit_in_a_sub_task(concurrency: int) -> None:
    """``sys.exit()`` in a sub-task breaks the loop: it costs what was under way, nothing more."""

    async def leave() -> None:
        sys.exit("bye")

    @task_handler(concurrency=concurrency)
    async def handler(task: Task) -> str:
        if task.key == "a":
            await asyncio.gather(leave(), asyncio.sleep(0.01))
        await asyncio.sleep(0.05)
        return "done"

    response = handler(make_event("a", "b", "c", "d"), make_context())
    again = handler(make_event("e"), make_context())

    assert results_of(response)[0] == ("PermanentFailure", "SystemExit: bye")
    assert codes_of(response)[concurrency:] == ["Succeeded"] * (4 - concurrency)
    assert codes_of(again) == ["Succeeded"]


def test_function_that_cancels_everything() -> None:
    """A function that cancels all that runs in the loop is answered, and does not stay behind."""

    @task_handler
    async def handler(task: Task) -> str:
        for other in asyncio.all_tasks():
            other.cancel()
        await asyncio.sleep(LONG)
        return "done"

    with soon():
        response = handler(make_event("a", "b"), make_context())

    assert codes_of(response) == ["PermanentFailure"] * 2


def test_concurrency() -> None:
    """``concurrency=N`` works on N tasks at a time, and no more."""
    at_work: set[str] = set()
    most = []

    @task_handler(concurrency=3)
    async def handler(task: Task) -> str:
        at_work.add(task.id)
        most.append(len(at_work))
        await asyncio.sleep(0.02)
        at_work.discard(task.id)
        return task.key

    response = handler(make_event(*"abcdefg"), make_context())

    assert results_of(response) == [("Succeeded", key) for key in "abcdefg"]
    assert max(most) == 3


def test_concurrency_and_time() -> None:
    """Tasks that run out of time side by side are answered in time, and so are those after them."""

    @task_handler(concurrency=2)
    async def handler(task: Task) -> str:
        await asyncio.sleep(LONG)
        return "done"

    with soon():
        response = handler(make_event(*"abcd"), short_context(0.3))

    assert codes_of(response) == ["TemporaryFailure"] * 4
    assert results_of(response)[-1][1].startswith("not started")


def test_log_keys(tmp_path: Any) -> None:
    """Tasks that take turns have their own keys on their lines."""
    log = io.StringIO()
    logger = Logger(service=str(tmp_path), stream=log)

    @task_handler(concurrency=2, logger=logger)
    async def handler(task: Task) -> None:
        await asyncio.sleep(0.01)
        logger.info(task.key)

    handler(make_event("a", "b"), make_context())

    lines = [line for line in log.getvalue().splitlines() if '"INFO"' in line]
    assert len(lines) == 2
    assert all(f'"message":"{key}"' in line and f'"key":"{key}"' in line
               for key, line in zip("ab", sorted(lines, key=lambda line: '"key":"b"' in line),
                                    strict=True))  # fmt: skip
    assert logger.thread_safe_get_current_keys() == {}


def test_failed_task_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One line for a task that failed, with its traceback, and nothing of asyncio's own."""

    @task_handler
    async def handler(task: Task) -> None:
        raise KeyError(os.sep)

    with caplog.at_level(logging.DEBUG):
        handler(make_event("a"))

    (line,) = [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert line.name == "s3batch_handler"
    assert line.exc_info is not None


async def lines() -> AsyncIterator[str]:
    yield "a"


def test_async_generator() -> None:
    """A function that yields has nothing that could be an answer."""

    @task_handler
    async def handler(task: Task) -> Any:
        return lines()

    ((code, message),) = results_of(handler(make_event("a")))

    assert code == "PermanentFailure"
    assert "'async_generator' is not JSON" in message
