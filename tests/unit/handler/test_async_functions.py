"""``@task_handler`` on ``async def`` functions."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import io
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from s3batch_handler import (
    InvalidEvent,
    Outcome,
    PermanentFailure,
    ResultCode,
    Task,
    TemporaryFailure,
    task_handler,
)
from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._event_loop import EventLoop
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    LoadEvent = Callable[[str], dict[str, Any]]

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode
LONG = 60.0


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever a handler did, it leaves no timer, no running loop and no open one behind."""
    yield
    assert signal.setitimer(signal.ITIMER_REAL, 0) == (0, 0)
    assert asyncio._get_running_loop() is None
    gc.collect()  # an unclosed loop warns, which is an error here


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """What is done in here must not take as long as the tasks that block."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG / 4


def short(seconds: float = 0.1) -> Any:
    """A context with that little time left, beyond the reserve."""
    return make_context(timeout=1.0 + seconds)


def answers(response: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and message of each result."""
    return [(result["resultCode"], result["resultString"]) for result in response["results"]]


def codes(response: dict[str, Any]) -> list[str]:
    return [code for code, _ in answers(response)]


# ---------------------------------------------------------------- an invocation


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

    assert answers(response) == [("Succeeded", key) for key in keys]


class Callables:
    async def __call__(self, task: Task) -> str:
        return task.key

    async def method(self, task: Task) -> str:
        return task.key


async def with_prefix(prefix: str, task: Task) -> str:
    return prefix + task.key


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (Callables(), "a"),
        (Callables().method, "a"),
        (functools.partial(with_prefix, "x"), "xa"),
    ],
)
def test_callables(function: Any, message: str) -> None:
    """Objects, methods and partials are async functions, too."""
    assert answers(task_handler(function)(make_event("a"))) == [("Succeeded", message)]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (None, ("Succeeded", "")),
        ({"size": 3}, ("Succeeded", '{"size":3}')),
        (Outcome(TEMPORARY, "later"), ("TemporaryFailure", "later")),
        (PERMANENT, ("PermanentFailure", "")),
    ],
)
def test_returned_value(value: Any, answer: tuple[str, str]) -> None:
    """A returned value becomes the answer, as with other functions."""

    @task_handler
    async def handler(task: Task) -> Any:
        return value

    assert answers(handler(make_event("a"))) == [answer]


def test_no_event() -> None:
    """What is no event is refused before any task is begun."""

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    with pytest.raises(InvalidEvent):
        handler({})


def test_run() -> None:
    """``handler.run(task)`` is an ordinary call."""

    @task_handler
    async def handler(task: Task) -> str:
        return task.key

    assert handler.run(make_task("a")) == Outcome(SUCCEEDED, "a")


class Instruction(BaseModel):
    source: str


def test_payload_and_arguments() -> None:
    """Models are read, and what does not fit fails its task."""

    @task_handler(payload=Instruction, arguments=Instruction)
    async def handler(task: Task[Instruction, Instruction]) -> str:
        return task.payload.source + task.job.arguments.source

    event = make_event('{"source": "a"}', "b", user_arguments={"source": "x"})
    first, second = answers(handler(event))

    assert first == ("Succeeded", "ax")
    assert second[0] == "PermanentFailure"
    assert "the payload in the key is invalid" in second[1]


def test_key_that_is_no_utf8(load_event: LoadEvent) -> None:
    """Such a key fails its own task; the function never sees it."""

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    assert answers(handler(load_event("v1_key_no_utf8.json"))) == [
        ("PermanentFailure", "the key is not valid UTF-8: caf%E9.jpg")
    ]


# ---------------------------------------------------------------- the loop


def test_one_loop_for_all_invocations() -> None:
    """Clients that belong to an event loop live on from one invocation to the next."""
    loops = []

    @task_handler
    async def handler(task: Task) -> None:
        loops.append(asyncio.get_running_loop())
        if task.key == "b":
            raise ValueError("this does not cost the loop")

    for key in "abc":
        handler(make_event(key), make_context())

    assert len(set(loops)) == 1


def test_one_loop_despite_failures_that_are_raised() -> None:
    """``unexpected="raise"`` fails the invocation, and leaves the loop in order."""
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

    assert answers(response) == [("Succeeded", "done")]
    assert len(loops) == 3
    assert len(set(loops)) == 1


def test_work_left_behind() -> None:
    """A sub-task that nobody awaited goes on in the next invocation, as Lambda itself has it."""
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


def test_called_in_a_running_loop() -> None:
    """A test or a notebook may call a handler from within an event loop of its own, often."""
    loops = set()

    @task_handler
    async def handler(task: Task) -> str:
        loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return task.key

    async def main() -> list[Any]:
        return [handler(make_event("a")) for _ in range(3)]

    responses = asyncio.run(main())

    assert [answers(response) for response in responses] == [[("Succeeded", "a")]] * 3
    assert len(loops) == 1  # a loop has open files: a new one each time would use them up


def test_called_from_threads() -> None:
    """Threads that call a handler at the same time have a loop each; they are closed at the end."""
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

    assert sorted(answers(response)[0] for response in responses) == [
        ("Succeeded", "a"),
        ("Succeeded", "b"),
    ]


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
def test_loop_of_an_abandoned_thread_is_closed() -> None:
    """A loop that cannot be closed at the time limit is closed when its thread ends."""
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


def test_end_of_the_process() -> None:
    """A process that ends has nothing to complain about, whatever was left in the loop."""
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


# ---------------------------------------------------------------- failures


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

    first, second, third = answers(handler(make_event("a", "b", "c"), make_context()))

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

    assert answers(response)[0] == ("PermanentFailure", "SystemExit: bye")
    assert codes(response)[concurrency:] == ["Succeeded"] * (4 - concurrency)
    assert codes(again) == ["Succeeded"]


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

    assert codes(response) == ["PermanentFailure"] * 2


@given(st.sampled_from([Exception, OSError, SystemExit, asyncio.CancelledError]),
       st.lists(st.none() | st.integers() | st.text(), max_size=5))  # fmt: skip
def test_any_raised_exception(kind: type[BaseException], arguments: list[Any]) -> None:
    """Whatever a coroutine raises, its task is answered."""

    @task_handler
    async def handler(task: Task) -> None:
        raise kind(*arguments)

    ((code, message),) = answers(handler(make_event("a")))

    assert code in {"TemporaryFailure", "PermanentFailure"}
    assert message


# ---------------------------------------------------------------- time


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
        done, stopped, later = answers(handler(make_event("a", "b", "c"), short(1)))

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
    assert codes(response) == ["TemporaryFailure"] * 2
    assert all(message.startswith("not started") for _, message in answers(response))


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

    assert codes(response) == ["PermanentFailure", "Succeeded", "PermanentFailure"]


@pytest.mark.parametrize("left", [0, 500])
def test_no_time_left(left: int) -> None:
    """With no more than the reserve left, no task is begun."""

    @task_handler
    async def handler(task: Task) -> None:
        raise AssertionError

    response = handler(make_event("a", "b"), make_context(timeout=left / 1000))

    assert codes(response) == ["TemporaryFailure"] * 2
    assert all(message.startswith("not started") for _, message in answers(response))


@pytest.mark.parametrize("concurrency", [1, 2])
def test_coroutine_that_blocks(concurrency: int) -> None:
    """A coroutine that blocks the loop is ended as well, and costs no other task its answer."""

    @task_handler(task_timeout=0.5, concurrency=concurrency)
    async def handler(task: Task) -> str:
        if task.key == "b":
            time.sleep(LONG)
        return "done"

    with soon():
        first, second, third = answers(handler(make_event("a", "b", "c"), make_context()))

    assert first == third == ("Succeeded", "done")
    assert second[0] == "TemporaryFailure"
    assert "out of time" in second[1]


def test_sub_task_that_blocks() -> None:
    """So is a sub-task, or a callback, that blocks it."""

    async def block() -> None:
        time.sleep(LONG)

    @task_handler(task_timeout=0.1)
    async def handler(task: Task) -> None:
        await asyncio.gather(block(), asyncio.sleep(LONG))

    with soon():
        response = handler(make_event("a"))

    assert codes(response) == ["TemporaryFailure"]


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

    assert codes(response) == ["TemporaryFailure", "Succeeded"]
    assert codes(again) == ["Succeeded"]


def test_stubborn_coroutine_that_blocks() -> None:
    """Cancelled or interrupted, one that goes on blocking is interrupted again."""

    @task_handler(task_timeout=0.1)
    async def handler(task: Task) -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            time.sleep(LONG)

    with soon():
        response = handler(make_event("a"), make_context())

    assert codes(response) == ["TemporaryFailure"]


def test_thread_of_a_coroutine() -> None:
    """``asyncio.to_thread`` does not hold up an answer."""
    free = threading.Event()

    @task_handler(task_timeout=0.1)
    async def handler(task: Task) -> None:
        await asyncio.to_thread(free.wait, LONG)

    with soon():
        response = handler(make_event("a"))
    free.set()

    assert codes(response) == ["TemporaryFailure"]


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
def test_out_of_time_in_a_running_loop() -> None:
    """Time limits hold there, too."""

    @task_handler
    async def handler(task: Task) -> None:
        await asyncio.sleep(LONG)

    async def main() -> Any:
        return handler(make_event("a"), short())

    with soon():
        response = asyncio.run(main())

    assert codes(response) == ["TemporaryFailure"]


# ---------------------------------------------------------------- several tasks at a time


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

    assert answers(response) == [("Succeeded", key) for key in "abcdefg"]
    assert max(most) == 3


def test_concurrency_and_time() -> None:
    """Tasks that run out of time side by side are answered in time, and so are those after them."""

    @task_handler(concurrency=2)
    async def handler(task: Task) -> str:
        if task.key != "a":
            await asyncio.sleep(LONG)
        return "done"

    with soon():
        response = handler(make_event(*"abcde"), short(1))

    assert codes(response) == ["Succeeded", *["TemporaryFailure"] * 4]
    assert answers(response)[-1][1].startswith("not started")


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

    ((code, message),) = answers(handler(make_event("a")))

    assert code == "PermanentFailure"
    assert "'async_generator' is not JSON" in message
