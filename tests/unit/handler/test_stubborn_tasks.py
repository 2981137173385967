"""Tasks that resist interruption are answered before Lambda's timeout."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib
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

from s3batch_handler import Task, task_handler
from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import (
    LONG,
    RESERVE,
    TIMEOUT,
    codes_of,
    invoke_in_time,
    results_of,
    soon,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def silent_s3() -> Iterator[Any]:
    """A client of an S3 that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )


@pytest.mark.parametrize("method", ["upload_file", "download_file", "copy", "get_object"])
def test_transfers_of_boto3_end_in_time(silent_s3: Any, tmp_path: Path, method: str) -> None:
    """They wait for several thread pools, one after the other."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 20_000_000)  # in parts
    calls: dict[str, Callable[[], object]] = {
        "upload_file": lambda: silent_s3.upload_file(str(path), "b", "k"),
        "download_file": lambda: silent_s3.download_file("b", "k", str(path)),
        "copy": lambda: silent_s3.copy({"Bucket": "b", "Key": "k"}, "b", "k2"),
        "get_object": lambda: silent_s3.get_object(Bucket="b", Key="k"),
    }
    handler = task_handler(time_reserve=RESERVE)(lambda task: calls[method]())

    (result,) = invoke_in_time(handler)["results"]

    assert result["resultCode"] == "TemporaryFailure"
    assert "out of time" in result["resultString"]


def test_a_stubborn_task_does_not_affect_the_next_one() -> None:
    def work(task: Task) -> str:
        while task.key == "stubborn":
            try:
                time.sleep(LONG)
            except BaseException:
                continue
        with ThreadPoolExecutor(2) as pool:
            return pool.submit(str.upper, task.key).result()

    handler = task_handler(time_reserve=RESERVE)(work)

    first = invoke_in_time(handler, "stubborn")
    second = invoke_in_time(handler, "fine")

    assert codes_of(first) == ["TemporaryFailure"]
    assert results_of(second) == [("Succeeded", "FINE")]


def test_a_handler_called_by_an_interrupted_task_returns_in_time() -> None:
    inner = task_handler(lambda task: time.sleep(LONG))
    seen: list[str] = []

    @task_handler(time_reserve=6)  # half of it passes before the inner task is interrupted
    def outer(task: Task) -> str:
        try:
            time.sleep(LONG)
        finally:
            seen.extend(codes_of(inner(make_event("b"), None)))
        return "slept"

    with soon():
        response = outer(make_event("a"), make_context(timeout=7))

    assert codes_of(response) == ["TemporaryFailure"]
    assert seen == ["TemporaryFailure"]


def test_the_message_names_an_interrupted_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later tasks that import the module may fail."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "never_ready.py").write_text(f"import time\ntime.sleep({LONG})\n")

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        importlib.import_module("never_ready")

    (result,) = invoke_in_time(handler)["results"]

    assert result["resultCode"] == "TemporaryFailure"
    assert "the import of never_ready was interrupted" in result["resultString"]


@pytest.mark.parametrize(
    ("reserve", "timeout"), [(RESERVE, LONG), (0.0, TIMEOUT), (LONG, 2 * LONG)]
)
def test_a_stubborn_task_of_an_inner_handler_ends_with_the_outer_task(
    reserve: float, timeout: float
) -> None:
    def swallow(task: Task) -> None:
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(LONG)

    inner = task_handler(time_reserve=reserve)(swallow)

    @task_handler(time_reserve=RESERVE)
    def outer(task: Task) -> list[str]:
        return codes_of(inner(make_event("b"), make_context(timeout=timeout)))

    (result,) = invoke_in_time(outer)["results"]

    assert result["resultCode"] in ("Succeeded", "TemporaryFailure")


def test_an_interrupted_import_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    results = [invoke_in_time(handler, "a"), invoke_in_time(handler, "stubborn")]
    monkeypatch.setenv("HURRY", "1")
    results.append(invoke_in_time(handler, "b"))

    assert [codes_of(result) for result in results] == [
        ["TemporaryFailure"],
        ["TemporaryFailure"],
        ["Succeeded"],
    ]


@pytest.mark.parametrize("ignored", [ValueError, BaseException])
def test_an_interrupted_log_handler_releases_its_lock(
    ignored: type[BaseException], logger: logging.Logger
) -> None:
    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
            time.sleep(LONG)

    log_handler = Stuck()
    logger.addHandler(log_handler)

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        while True:
            with contextlib.suppress(ignored):
                logger.warning("line")

    (result,) = invoke_in_time(handler)["results"]

    assert result["resultCode"] == "TemporaryFailure"
    assert log_handler.lock is not None
    with ThreadPoolExecutor(1) as pool:  # a lock that this thread holds lets this thread pass
        assert pool.submit(log_handler.lock.acquire, timeout=1).result()


def test_an_interruption_is_not_the_context_of_later_exceptions() -> None:
    """Python may still consider it as being handled."""

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        if task.key == "first":  # what an interruption at a bad instruction does
            ctypes.pythonapi.PyErr_SetHandledException(ctypes.py_object(OutOfTime()))
        raise ValueError("wrong")

    invoke_in_time(handler, "first")
    left = sys.exception()
    (second,) = invoke_in_time(handler, "second")["results"]

    assert left is None
    assert second["resultCode"] == "PermanentFailure"


def test_asyncio_may_be_interrupted_while_it_ends_a_loop() -> None:
    """Then it still believes that a loop runs. The next task can run another one."""
    interrupted = asyncio.new_event_loop()

    def work(task: Task) -> str:
        if task.key == "stubborn":
            asyncio._set_running_loop(interrupted)
            time.sleep(LONG)
        return asyncio.run(asyncio.sleep(0, "done"))

    handler = task_handler(time_reserve=RESERVE)(work)

    (first,) = invoke_in_time(handler, "stubborn")["results"]
    (second,) = invoke_in_time(handler, "fine")["results"]
    interrupted.close()

    assert first["resultCode"] == "TemporaryFailure"
    assert second["resultString"] == "done"


def test_a_running_loop_stays_the_running_one() -> None:
    """A handler may be called in a coroutine."""
    handler = task_handler(time_reserve=RESERVE)(lambda task: time.sleep(LONG))

    async def call() -> bool:
        loop = asyncio.get_running_loop()
        invoke_in_time(handler, "stubborn")
        return asyncio.get_running_loop() is loop

    assert asyncio.run(call())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_event_loop_of_an_interrupted_task_ends() -> None:
    """The next task can run another one."""

    def work(task: Task) -> str:
        while task.key == "stubborn":
            with contextlib.suppress(BaseException):
                asyncio.run(asyncio.sleep(LONG))
        return asyncio.run(asyncio.sleep(0, "done"))

    handler = task_handler(time_reserve=RESERVE)(work)

    (first,) = invoke_in_time(handler, "stubborn")["results"]
    (second,) = invoke_in_time(handler, "fine")["results"]

    assert first["resultCode"] == "TemporaryFailure"
    assert second["resultString"] == "done"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_destructors_of_a_failed_task_run_in_its_time() -> None:
    """They run when its exception is dropped."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(LONG)

    @task_handler(time_reserve=RESERVE)
    def handler(task: Task) -> None:
        objects = [Slow()]
        if task.key == "slow":
            time.sleep(LONG)
        raise ValueError(len(objects))

    results = [invoke_in_time(handler, "slow"), invoke_in_time(handler, "quick")]

    assert [codes_of(result) for result in results] == [["TemporaryFailure"], ["PermanentFailure"]]


def test_a_generator_that_is_in_use_stays_open() -> None:
    """Only the variables of functions that have ended are freed with an exception."""

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

    (result,) = invoke_in_time(handler)["results"]

    assert result["resultString"] == "ValueError: wrong"
    assert next(kept) == 3


def test_a_coroutine_that_never_ends_is_not_closed_at_exit() -> None:
    """Closing it could take forever."""
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


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_abandoned_threads_do_not_delay_the_main_thread() -> None:
    free = threading.Event()
    handler = task_handler(concurrency=2, time_reserve=RESERVE)(lambda task: free.wait(LONG))

    try:
        results = [invoke_in_time(handler, "a", "b", "c") for _ in range(3)]
    finally:
        free.set()

    assert [codes_of(result) for result in results] == [["TemporaryFailure"] * 3] * 3
