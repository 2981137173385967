"""Interruptions are delayed while they could damage imports, logging or locks."""

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
from s3batch_handler.handler._time_limit import call_within
from tests.support.handlers import LONG, soon
from tests.support.time_limits import LIMIT, sleep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_destructor_delays_the_interruption() -> None:
    """Python ignores exceptions in ``__del__``."""

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


def test_an_import_delays_the_interruption(slow_module: Path) -> None:
    """It waits as long as the reserve allows, so the module works."""
    slow_module.write_text("import time\ntime.sleep(0.5)\nready = True\n")

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, import_it, None, LONG / 4)

    assert sys.modules["slow_module"].ready
    assert caught.value.module is None


def test_an_import_that_takes_too_long_is_interrupted(slow_module: Path) -> None:
    """The exception names the module."""
    slow_module.write_text(f"import time\ntime.sleep({LONG})\n")

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, import_it, None)

    assert caught.value.module == "slow_module"


def test_a_call_inside_an_import_is_interrupted_at_once(slow_module: Path) -> None:
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


def test_a_log_line_delays_the_interruption(logger: logging.Logger) -> None:
    """The handler releases its lock."""
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


def test_an_interrupted_logging_handler_releases_its_lock(logger: logging.Logger) -> None:
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


def test_an_interrupted_import_releases_its_lock(slow_module: Path) -> None:
    """Other threads can import the module."""
    slow_module.write_text(f"import time\ntime.sleep({LONG})\n")
    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, import_it, None)
    slow_module.write_text("ready = True\n")
    importlib.invalidate_caches()

    with ThreadPoolExecutor(1) as pool:
        module = pool.submit(importlib.import_module, "slow_module").result(LONG / 4)

    assert module.ready


def test_interrupted_queues_and_conditions_release_their_locks() -> None:
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


def test_coverage_measurement_is_not_interrupted() -> None:
    """coverage.py takes a lock between the instructions of a task."""
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
    """Python ignores exceptions there."""
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
