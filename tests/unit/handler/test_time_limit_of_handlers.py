"""Whatever a task does, it is answered before Lambda's timeout, and the next task goes well."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import uvloop
from pydantic import BaseModel, computed_field, field_validator

from s3batch_handler import Task, task_handler
from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler import _event_loop as event_loop
from s3batch_handler.testing import make_context, make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

TIMEOUT = 4.0
RESERVE = 3.0  # a slow machine may need some of it
LONG = 60.0


def answer(handler: Any, *keys: str, **options: Any) -> list[dict[str, str]]:
    """Invoke a handler with so much time left, and fail if it takes longer."""
    began = time.monotonic()
    response = handler(make_event(*keys or ("a",), **options), make_context(timeout=TIMEOUT))
    assert time.monotonic() - began < TIMEOUT
    results: list[dict[str, str]] = json.loads(json.dumps(response))["results"]
    return results


def codes(results: list[dict[str, str]]) -> list[str]:
    return [result["resultCode"] for result in results]


@pytest.fixture
def silent_s3() -> Iterator[Any]:
    """A client of an S3 that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )


@pytest.mark.parametrize("method", ["upload_file", "download_file", "copy", "get_object"])
def test_s3_that_never_answers(silent_s3: Any, tmp_path: Path, method: str) -> None:
    """boto3's transfers wait for several pools of threads, one after the other."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 20_000_000)  # in parts
    calls: dict[str, Callable[[], object]] = {
        "upload_file": lambda: silent_s3.upload_file(str(path), "b", "k"),
        "download_file": lambda: silent_s3.download_file("b", "k", str(path)),
        "copy": lambda: silent_s3.copy({"Bucket": "b", "Key": "k"}, "b", "k2"),
        "get_object": lambda: silent_s3.get_object(Bucket="b", Key="k"),
    }
    handler = task_handler(time_reserve=RESERVE)(lambda task: calls[method]())

    (result,) = answer(handler)

    assert result["resultCode"] == "TemporaryFailure"
    assert "out of time" in result["resultString"]


def test_the_next_task_after_a_stubborn_one() -> None:
    """A task that had to be interrupted many times leaves nothing behind for the next one."""

    def work(task: Task) -> str:
        while task.key == "stubborn":
            try:
                time.sleep(LONG)
            except BaseException:
                continue
        with ThreadPoolExecutor(2) as pool:
            return pool.submit(str.upper, task.key).result()

    handler = task_handler(time_reserve=RESERVE)(work)

    first = answer(handler, "stubborn")
    second = answer(handler, "fine")

    assert codes(first) == ["TemporaryFailure"]
    assert (second[0]["resultCode"], second[0]["resultString"]) == ("Succeeded", "FINE")


def test_handlers_within_a_handler_after_an_interruption() -> None:
    """A handler that is called by a task out of time answers at once, and so does the task."""
    inner = task_handler(time_reserve=RESERVE)(lambda task: time.sleep(LONG))
    seen: list[str] = []

    @task_handler(time_reserve=RESERVE)
    def outer(task: Task) -> str:
        try:
            time.sleep(LONG)
        finally:
            seen.extend(codes(inner(make_event("b"), None)["results"]))
        return "slept"

    (result,) = answer(outer)

    assert result["resultCode"] == "TemporaryFailure"
    assert seen == ["TemporaryFailure"]


def test_import_that_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result names the module: tasks that import it later in this environment may fail."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "never_ready.py").write_text(f"import time\ntime.sleep({LONG})\n")

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        import never_ready  # type: ignore[import-not-found]  # noqa: F401

    (result,) = answer(handler)

    assert result["resultCode"] == "TemporaryFailure"
    assert "the import of never_ready was interrupted" in result["resultString"]


@pytest.mark.parametrize(
    ("reserve", "timeout"), [(RESERVE, LONG), (0.0, TIMEOUT), (LONG, 2 * LONG)]
)
def test_stubborn_task_of_a_handler_within_a_handler(reserve: float, timeout: float) -> None:
    """Whatever time the inner handler has by its own context, the outer one answers in time."""

    def swallow(task: Task) -> None:
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(LONG)

    inner = task_handler(time_reserve=reserve)(swallow)

    @task_handler(time_reserve=RESERVE)
    def outer(task: Task) -> list[str]:
        return codes(inner(make_event("b"), make_context(timeout=timeout))["results"])

    (result,) = answer(outer)

    assert result["resultCode"] in ("Succeeded", "TemporaryFailure")


def test_import_that_was_cut_off_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half of a module is left behind: the next task imports it anew."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "slow_once.py").write_text(
        f"import os, time\nif 'HURRY' not in os.environ:\n    time.sleep({LONG})\nready = True\n"
    )

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> bool:
        while True:
            with contextlib.suppress(BaseException if task.key == "stubborn" else ImportError):
                import slow_once  # type: ignore[import-not-found]

                return bool(slow_once.ready)

    results = [answer(handler, "a"), answer(handler, "stubborn")]
    monkeypatch.setenv("HURRY", "1")
    results.append(answer(handler, "b"))

    assert [codes(result) for result in results] == [
        ["TemporaryFailure"],
        ["TemporaryFailure"],
        ["Succeeded"],
    ]


@pytest.mark.parametrize("ignored", [ValueError, BaseException])
def test_log_line_that_was_cut_off(ignored: type[BaseException]) -> None:
    """A logging handler that never comes to its end gives its lock back when it is interrupted."""

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
            time.sleep(LONG)

    log_handler = Stuck()
    logger = logging.Logger("stuck")  # noqa: LOG001  no other test's
    logger.addHandler(log_handler)

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        while True:
            with contextlib.suppress(ignored):
                logger.warning("line")

    (result,) = answer(handler)

    assert result["resultCode"] == "TemporaryFailure"
    assert log_handler.lock is not None
    with ThreadPoolExecutor(1) as pool:  # a lock that this thread holds lets this thread pass
        assert pool.submit(log_handler.lock.acquire, timeout=1).result()


def test_interruption_that_is_left_behind() -> None:
    """An interruption that Python still considers as being handled does not reach the next task."""

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        if task.key == "first":  # what an interruption at a bad instruction does
            ctypes.pythonapi.PyErr_SetHandledException(ctypes.py_object(OutOfTime()))
        raise ValueError("wrong")

    answer(handler, "first")
    left = sys.exception()
    (second,) = answer(handler, "second")

    assert left is None
    assert second["resultCode"] == "PermanentFailure"


def test_event_loop_of_a_task_that_was_cut_off() -> None:
    """A loop that the task itself runs comes to its end, so the next task can run another one."""

    def work(task: Task) -> str:
        while task.key == "stubborn":
            with contextlib.suppress(BaseException):
                asyncio.run(asyncio.sleep(LONG))
        return asyncio.run(asyncio.sleep(0, "done"))

    handler = task_handler(time_reserve=RESERVE)(work)

    (first,) = answer(handler, "stubborn")
    (second,) = answer(handler, "fine")

    assert first["resultCode"] == "TemporaryFailure"
    assert second["resultString"] == "done"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_objects_of_a_failed_task_are_freed_in_its_time() -> None:
    """A destructor is code of the task, even if it only runs when its exception is forgotten."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(LONG)

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        objects = [Slow()]
        if task.key == "slow":
            time.sleep(LONG)
        raise ValueError(len(objects))

    results = [answer(handler, "slow"), answer(handler, "quick")]

    assert [codes(result) for result in results] == [["TemporaryFailure"], ["PermanentFailure"]]


def test_generator_that_is_in_use_stays_open() -> None:
    """Only the variables of functions that have ended are freed with the exception of a task."""

    def numbers() -> Iterator[int | Exception]:
        yield 1
        try:
            raise ValueError("wrong")
        except ValueError as error:
            yield error
        yield 3

    kept = numbers()

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        next(kept)
        error = next(kept)
        assert isinstance(error, Exception)
        raise error

    (result,) = answer(handler)

    assert result["resultString"] == "ValueError: wrong"
    assert next(kept) == 3


def test_coroutine_that_never_gives_up() -> None:
    """What is left of a task is never closed, which could take forever, not even at the exit."""
    program = f"""
import asyncio, gc
from s3batch_handler import task_handler
from s3batch_handler.testing import make_context, make_event

async def never_gives_up():
    while True:
        try:
            await asyncio.sleep({LONG})
        except BaseException:
            pass

@task_handler(time_reserve={RESERVE})
def handler(task):
    asyncio.run(never_gives_up())

print(handler(make_event("a"), make_context(timeout={TIMEOUT}))["results"][0]["resultCode"])
gc.collect()
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=LONG / 2,
    )

    assert (done.returncode, done.stdout) == (0, "TemporaryFailure\n")


# ---------------------------------------------------------------- what surrounds the function


class SlowResult(BaseModel):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def slow(self) -> int:
        time.sleep(LONG)
        return 1


class SlowArguments(BaseModel):
    a: str

    @field_validator("a")
    @classmethod
    def check(cls, value: str) -> str:
        time.sleep(LONG)
        return value


class SlowTextError(Exception):
    def __str__(self) -> str:  # type: ignore[explicit-override]
        time.sleep(LONG)
        return "slow"


def fail_slowly(task: Task) -> None:
    raise SlowTextError


async def fail_slowly_async(task: Task) -> None:
    raise SlowTextError


def sleep_in_log(record: logging.LogRecord) -> bool:
    time.sleep(LONG)
    return True


def test_result_that_is_serialised_slowly() -> None:
    """Serialising what a function returned is part of its time."""
    handler = task_handler(time_reserve=RESERVE)(lambda task: SlowResult())

    assert codes(answer(handler)) == ["TemporaryFailure"]


def test_arguments_that_are_read_slowly() -> None:
    """Reading arguments is part of the task's time."""
    handler = task_handler(arguments=SlowArguments, time_reserve=RESERVE)(lambda task: "x")

    assert codes(answer(handler, user_arguments={"a": "b"})) == ["TemporaryFailure"]


def test_payload_that_is_read_slowly() -> None:
    """Reading a payload is part of the task's time."""
    handler = task_handler(payload=SlowArguments, time_reserve=RESERVE)(lambda task: "x")

    assert codes(answer(handler, '{"a": "b"}')) == ["TemporaryFailure"]


@pytest.mark.parametrize("function", [fail_slowly, fail_slowly_async])
def test_exception_that_is_described_slowly(function: Any) -> None:
    """What takes too long is left out of the message; the failure remains what it was."""
    handler = task_handler(give_up_on=(SlowTextError,), time_reserve=RESERVE)(function)

    (result,) = answer(handler)

    assert result["resultCode"] == "PermanentFailure"
    assert result["resultString"].startswith("SlowTextError")


def test_classify_that_takes_too_long() -> None:
    """It counts as no opinion."""

    def classify(error: BaseException) -> None:
        time.sleep(LONG)

    def fail(task: Task) -> None:
        raise ValueError("wrong")

    (result,) = answer(task_handler(classify=classify, time_reserve=RESERVE)(fail))

    assert (result["resultCode"], result["resultString"][:10]) == ("PermanentFailure", "ValueError")


@pytest.mark.parametrize("method", ["error", "warning", "thread_safe_append_keys"])
@pytest.mark.parametrize("does", [lambda: time.sleep(LONG), sys.exit])
def test_logger_that_hangs_or_exits(method: str, does: Callable[[], None]) -> None:
    """A logger holds up no answer, and ends no environment."""

    class BadLogger(logging.Logger):
        def thread_safe_get_current_keys(self) -> dict[str, object]:
            return {}

        def thread_safe_append_keys(self, **keys: object) -> None: ...
        def thread_safe_remove_keys(self, keys: object) -> None: ...

    logger = BadLogger("bad")
    setattr(logger, method, lambda *_, **__: does())

    def fail(task: Task) -> None:
        raise ValueError("wrong")

    (result,) = answer(task_handler(logger=logger, time_reserve=RESERVE)(fail))

    assert result["resultCode"] == "PermanentFailure" or "time_reserve" in result["resultString"]


class ExitsAsText(Exception):
    def __str__(self) -> str:  # type: ignore[explicit-override]
        raise SystemExit


class ExitsAsAttribute(Exception):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # pytest looks at these when it has the log line
        raise SystemExit(name)


class ExitsAsAnswer(Exception):
    class Response(dict[str, Any]):
        def get(self, *_: object) -> Any:  # type: ignore[explicit-override]
            raise KeyboardInterrupt

    response = Response(Error={"Code": "x"})


class ExitsAsNumber(OSError):
    @property
    def errno(self) -> int:  # type: ignore[override, explicit-override]
        raise GeneratorExit


@pytest.mark.parametrize("kind", [ExitsAsText, ExitsAsAttribute, ExitsAsAnswer, ExitsAsNumber])
@pytest.mark.parametrize("is_async", [False, True])
def test_exception_that_exits_when_it_is_looked_at(kind: type[Exception], is_async: bool) -> None:
    """All tasks are answered, whatever an exception does while it is described."""

    def work(task: Task) -> str:
        if task.key == "2":
            raise kind
        return "done"

    async def work_async(task: Task) -> str:
        return work(task)

    results = answer(task_handler(work_async if is_async else work), "1", "2", "3")

    assert codes(results) == ["Succeeded", "PermanentFailure", "Succeeded"]
    assert kind.__name__ in results[1]["resultString"]


class ExitsAsClass(Exception):
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[explicit-override]
        raise SystemExit


class ExitsAsContext(Exception):
    @property
    def __context__(self) -> None:  # type: ignore[override, explicit-override]
        raise SystemExit


class ExitsAsGroup(ExceptionGroup[Exception]):
    @property
    def exceptions(self) -> Any:  # type: ignore[explicit-override]
        raise SystemExit


class NamelessType(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override, explicit-override]
        raise SystemExit


class Nameless(Exception, metaclass=NamelessType): ...


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (ExitsAsClass, ()),
        (ExitsAsContext, ()),
        (ExitsAsGroup, ("several", [ValueError()])),
        (Nameless, ()),
    ],
    ids=["class", "context", "group", "name"],
)
def test_exception_that_cannot_even_be_told_apart(kind: Any, arguments: Any) -> None:
    """All tasks are answered, even if the exception does not let its kind or origin be seen."""

    @task_handler
    def handler(task: Task) -> str:
        if task.key == "2":
            raise kind(*arguments)
        return "done"

    results = answer(handler, "1", "2", "3")

    assert codes(results) == ["Succeeded", "PermanentFailure", "Succeeded"]
    assert results[1]["resultString"]


# ---------------------------------------------------------------- several tasks at a time


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
def test_two_tasks_at_a_time_are_two() -> None:
    """With ``concurrency=2`` two tasks run at the same time."""
    both = threading.Barrier(2)

    @task_handler(concurrency=2)
    def handler(task: Task) -> str:
        both.wait(LONG / 4)
        return "met"

    results = answer(handler, "a", "b")

    assert [result["resultString"] for result in results] == ["met", "met"]


@pytest.mark.filterwarnings("ignore::s3batch_handler.handler._time_limit.ThreadTimeLimitWarning")
def test_threads_left_behind_do_not_hold_up_the_main_thread() -> None:
    """A thread that waits beyond its time leaves the limits of the main thread as they are."""
    free = threading.Event()
    handler = task_handler(concurrency=2, time_reserve=RESERVE)(lambda task: free.wait(LONG))

    try:
        results = [answer(handler, "a", "b", "c") for _ in range(3)]
    finally:
        free.set()

    assert [codes(result) for result in results] == [["TemporaryFailure"] * 3] * 3


def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of an invocation are done one by one then."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    handler = task_handler(concurrency=3)(lambda task: task.key)
    monkeypatch.setattr(threading.Thread, "start", start)

    results = answer(handler, "a", "b", "c")

    assert [result["resultString"] for result in results] == ["a", "b", "c"]


# ---------------------------------------------------------------- async


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
    """Let new event loops be of this kind."""
    if request.param == "uvloop":
        monkeypatch.setattr(asyncio, "new_event_loop", uvloop.new_event_loop)
    return str(request.param)


@pytest.mark.usefixtures("new_loops")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("function", ASYNC)
def test_coroutine_that_runs_out_of_time(function: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is temporary, in time, and the next task gets a loop that works."""
    caplog.set_level(logging.CRITICAL)

    async def work(task: Task) -> str:
        if task.key == "stuck":
            await function(task)
        await asyncio.sleep(0)
        return "done"

    handler = task_handler(time_reserve=RESERVE)(work)

    (first,) = answer(handler, "stuck")
    gc.collect()  # closes coroutines that were left behind
    (second,) = answer(handler, "fine")

    assert first["resultCode"] == "TemporaryFailure"
    assert "out of time" in first["resultString"]
    assert second["resultString"] == "done"


@pytest.mark.usefixtures("new_loops")
def test_loop_that_waits_for_nothing() -> None:
    """A loop that has lost its task ends all the same, even if it swallows interruptions."""

    async def wait_forever() -> None:
        await asyncio.get_running_loop().create_future()

    began = time.monotonic()
    with pytest.raises(OutOfTime):
        event_loop.EventLoop(reserve=1.0).run(wait_forever(), 0.1)

    assert time.monotonic() - began < LONG / 4


@pytest.mark.usefixtures("new_loops")
def test_loop_that_ends_although_it_was_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that came to its end just then is not used again: it would end at once."""
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


def test_work_that_was_left_does_not_go_on_in_the_next_invocation() -> None:
    """A coroutine that does not heed being cancelled ends with its loop."""
    steps: list[str] = []

    @task_handler(time_reserve=RESERVE)
    async def handler(task: Task) -> str:
        while task.key == "stuck":
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
                steps.append("step")
        await asyncio.sleep(0.1)
        return "done"

    answer(handler, "stuck")
    steps.clear()
    (second,) = answer(handler, "fine")

    assert second["resultString"] == "done"
    assert not steps


def test_time_limit_of_a_batch_of_coroutines() -> None:
    """Each of the tasks that run at a time has its own ``task_timeout``; all are answered."""

    @task_handler(concurrency=2, task_timeout=0.2, time_reserve=1.0)
    async def handler(task: Task) -> str:
        if task.key == "slow":
            await asyncio.sleep(LONG)
        if task.key == "blocks":
            time.sleep(LONG)
        return "done"

    results = answer(handler, "slow", "fine", "blocks")

    assert codes(results) == ["TemporaryFailure", "Succeeded", "TemporaryFailure"]
    assert "stopped after 0.2 s" in results[0]["resultString"]


def test_batch_of_coroutines_has_the_time_of_all_its_tasks() -> None:
    """``task_timeout`` limits each task, not the batch: tasks may wait for their turn."""

    @task_handler(concurrency=2, task_timeout=1.0, time_reserve=0.1)
    async def handler(task: Task) -> None:
        await asyncio.sleep(0.4)

    response = handler(make_event(*"abcdefghijkl"), make_context(timeout=LONG))

    assert codes(response["results"]) == ["Succeeded"] * 12
