"""Interruptions wait while imports, logging or locks would be damaged."""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._time_limit import (
    call_within,
)
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, sleep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interruption_in_a_destructor() -> None:
    """Python drops exceptions in ``__del__``: the function is interrupted after it, or later."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(LONG)

    def work(_: object) -> None:
        Slow()
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)


@pytest.fixture
def slow_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module called ``slow_module``."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path / "slow_module.py"
    sys.modules.pop("slow_module", None)


def import_it(_: object) -> None:
    importlib.import_module("slow_module")

    sleep()


def test_import_is_not_interrupted(slow_module: Path) -> None:
    """An interruption waits for an import as long as the reserve allows: what is imported works."""
    slow_module.write_text("import time\ntime.sleep(0.5)\nready = True\n")

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, import_it, None, LONG / 4)

    assert sys.modules["slow_module"].ready
    assert caught.value.module is None


def test_import_that_takes_too_long(slow_module: Path) -> None:
    """It is cut off in the end, and the exception names the module."""
    slow_module.write_text(f"import time\ntime.sleep({LONG})\n")

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, import_it, None)

    assert caught.value.module == "slow_module"


def test_import_around_the_call(slow_module: Path) -> None:
    """A call that is itself made by an import is interrupted like any other, at once."""
    slow_module.write_text(
        "import time\n"
        "from s3batch_handler.handler._time_limit import OutOfTime, call_within\n"
        "began = time.monotonic()\n"
        "try:\n"
        f"    call_within(0.1, time.sleep, {LONG}, 40.0)\n"
        "except OutOfTime:\n"
        "    took = time.monotonic() - began\n"
    )

    module = importlib.import_module("slow_module")

    assert module.took < LONG / 4


def test_logging_is_not_interrupted(logger: logging.Logger) -> None:
    """A handler that writes a log line gets to its end, and so gives its lock back."""
    written = []

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
            time.sleep(0.5)
            written.append(record.getMessage())

    logger.addHandler(Slow())

    def work(_: object) -> None:
        logger.warning("line")
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None, LONG / 4)

    assert written == ["line"]


def test_logging_that_takes_too_long_gives_its_lock_back(logger: logging.Logger) -> None:
    """A log line that is cut off in the end leaves the logger fit for all threads."""

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
            time.sleep(LONG)

    handler = Stuck()
    logger.addHandler(handler)

    def work(_: object) -> None:
        while True:
            with contextlib.suppress(BaseException):
                logger.warning("line")

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None)

    with ThreadPoolExecutor(1) as pool:
        assert handler.lock is not None
        assert pool.submit(handler.lock.acquire, timeout=5).result()


def test_import_that_is_cut_off_gives_its_lock_back(slow_module: Path) -> None:
    """Other threads can import the module, or try to."""
    slow_module.write_text(f"import time\ntime.sleep({LONG})\n")
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, import_it, None)
    slow_module.write_text("ready = True\n")
    importlib.invalidate_caches()

    with ThreadPoolExecutor(1) as pool:
        module = pool.submit(importlib.import_module, "slow_module").result(LONG / 4)

    assert module.ready


def test_locks_are_given_back() -> None:
    """Interruptions at any moment of threading's and queue's own code leave no lock behind."""
    condition, numbers = threading.Condition(), queue.Queue[int]()

    def work(_: object) -> None:
        while True:
            with condition:
                condition.notify_all()
            numbers.put(1)
            numbers.get()

    for _ in range(30):
        with pytest.raises(OutOfTime):
            call_within(0.005, work, None, LONG / 4)

    free = [condition.acquire(timeout=1), numbers.mutex.acquire(timeout=1)]
    assert free == [True, True]


def test_tracers_are_not_interrupted() -> None:
    """coverage.py takes a lock between the instructions of a task, and gives it back."""
    lock = threading.Lock()
    names: dict[str, Any] = {
        "__name__": "coverage.pretended",
        "lock": lock,
        "sleep": time.sleep,
    }
    exec("def measure():\n    lock.acquire()\n    sleep(0.05)\n    lock.release()", names)

    def work(_: object) -> None:
        while True:
            names["measure"]()

    for reserve in (LONG / 4, 0.0):
        with soon(), pytest.raises(OutOfTime):
            call_within(0.01, work, None, reserve)
        assert not lock.locked()


def test_callbacks_of_the_garbage_collector_are_not_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python ignores exceptions there, and reports them."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)

    def callback(phase: str, info: object) -> None:
        time.sleep(0.02)

    def work(_: object) -> None:
        while True:
            gc.collect(0)

    gc.callbacks.append(callback)
    try:
        for reserve in (LONG / 4, 0.0):
            with soon(), pytest.raises(OutOfTime):
                call_within(0.01, work, None, reserve)
    finally:
        gc.callbacks.remove(callback)

    assert not ignored
