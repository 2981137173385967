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

from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, LoadEvent, codes_of, results_of, short_context, soon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.usefixtures("loops_are_closed")


def test_every_task_has_one_result_in_the_order_of_the_event(
    load_event: LoadEvent, subtests: pytest.Subtests
) -> None:
    for name, keys in [
        ("v2_no_task.json", []),
        ("v1_encoded_key.json", ["year 2024/a+b.jpg"]),
        ("v2_many_tasks.json", ["a.jpg", "b.jpg", "c.jpg"]),
        ("v2_duplicate_ids.json", ["a.jpg", "b.jpg", "a.jpg"]),
    ]:
        for concurrency in [1, 2, 10]:
            with subtests.test(name=name, concurrency=concurrency):

                @task_handler(concurrency=concurrency)
                async def handler(task: Task) -> str:
                    await asyncio.sleep(0.01 if task.key == "a.jpg" else 0)
                    return task.key

                response = handler(load_event(name), make_context())

                assert results_of(response) == [("Succeeded", key) for key in keys]


class Instruction(BaseModel):
    source: str


def test_models_are_read() -> None:
    """Invalid payloads fail their task."""

    @task_handler(payload=Instruction, arguments=Instruction)
    async def handler(task: Task[Instruction, Instruction]) -> str:
        return task.payload.source + task.job.arguments.source

    event = make_event('{"source": "a"}', "b", user_arguments={"source": "x"})
    first, second = results_of(handler(event))

    assert first == ("Succeeded", "ax")
    assert second[0] == "PermanentFailure"
    assert "the payload in the key is invalid" in second[1]


def test_a_key_that_is_not_utf8_fails_its_task(load_event: LoadEvent) -> None:
    """The function is not called."""

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    assert results_of(handler(load_event("v1_key_no_utf8.json"))) == [
        ("PermanentFailure", "the key is not valid UTF-8: caf%E9.jpg")
    ]


def test_a_raised_exception_decides_the_result_of_its_task_alone(subtests: pytest.Subtests) -> None:
    errors: list[tuple[BaseException, str, str]] = [
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
    ]
    for concurrency in [1, 3]:
        for error, code, says in errors:
            with subtests.test(concurrency=concurrency, error=error):

                @task_handler(concurrency=concurrency)
                async def handler(task: Task) -> str:
                    await asyncio.sleep(0)
                    if task.key == "b":
                        raise error
                    return "done"

                first, second, third = results_of(
                    handler(make_event("a", "b", "c"), make_context())
                )

                assert second[0] == code
                assert says in second[1]
                assert first == third == ("Succeeded", "done")


@pytest.mark.parametrize("concurrency", [1, 2])
def test_sys_exit_in_a_sub_task_fails_only_running_tasks(concurrency: int) -> None:
    """It stops the event loop; other tasks run in another one."""

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


def test_a_function_that_cancels_everything_has_a_result() -> None:
    @task_handler
    async def handler(task: Task) -> str:
        for other in asyncio.all_tasks():
            other.cancel()
        await asyncio.sleep(LONG)
        return "done"

    with soon():
        response = handler(make_event("a", "b"), make_context())

    assert codes_of(response) == ["PermanentFailure"] * 2


def test_at_most_concurrency_tasks_run_at_the_same_time() -> None:
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


def test_concurrent_tasks_that_run_out_of_time_are_answered_in_time() -> None:
    """Tasks after them are not started."""

    @task_handler(concurrency=2)
    async def handler(task: Task) -> str:
        await asyncio.sleep(LONG)
        return "done"

    with soon():
        response = handler(make_event(*"abcd"), short_context(0.3))

    assert codes_of(response) == ["TemporaryFailure"] * 4
    assert results_of(response)[-1][1].startswith("not started")


def test_log_lines_of_concurrent_tasks_have_their_own_keys(tmp_path: Any) -> None:
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


def test_a_failed_task_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio logs nothing."""

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


def test_a_returned_async_generator_fails_the_task() -> None:
    @task_handler
    async def handler(task: Task) -> Any:
        return lines()

    ((code, message),) = results_of(handler(make_event("a")))

    assert code == "PermanentFailure"
    assert "'async_generator' is not JSON" in message
