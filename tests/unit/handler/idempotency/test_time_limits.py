"""Records of tasks that exceed their time limit, and of processes that end."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler import Outcome, PermanentFailure, Task, task_handler
from s3batch_handler.handler import _idempotency
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import LONG, codes_of, decorate, invoke_in_time, results_of
from tests.support.idempotency import FileLayer, counting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_lambda_powertools.utilities.idempotency import (
        BasePersistenceLayer,
        DynamoDBPersistenceLayer,
    )


@pytest.fixture
def files(tmp_path: Path) -> FileLayer:
    return FileLayer(tmp_path)


def sleeping(first: list[str]) -> Callable[[Task], str]:
    def function(task: Task) -> str:
        if first.pop() == "first":
            time.sleep(LONG)
        return "done"

    return function


def stubborn(first: list[str]) -> Callable[[Task], str]:
    def function(task: Task) -> str:
        while first.pop() == "first":
            first.append("first")
            with contextlib.suppress(BaseException):
                time.sleep(LONG)
        return "done"

    return function


def sleeping_async(first: list[str]) -> Callable[[Task], object]:
    import asyncio

    async def function(task: Task) -> str:
        if first.pop() == "first":
            await asyncio.sleep(LONG)
        return "done"

    return function


@pytest.mark.parametrize("create", [sleeping, stubborn, sleeping_async])
def test_a_task_that_exceeded_its_time_limit_is_run_again(
    files: FileLayer, create: Callable[[list[str]], Callable[[Task], object]]
) -> None:
    calls = ["first"]
    function = create(calls)
    with_a_limit = decorate(idempotency=files, task_timeout=0.2, time_reserve=2.0)(function)
    without_a_limit = decorate(idempotency=files)(function)

    first = invoke_in_time(with_a_limit)
    statuses = files.statuses()
    calls[:] = ["second"]
    second = without_a_limit(make_event("a"), make_context())

    assert codes_of(first) == ["TemporaryFailure"]
    assert statuses == []
    assert results_of(second) == [("Succeeded", "done")]


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_concurrent_tasks_that_exceeded_their_time_limit_are_run_again(files: FileLayer) -> None:
    calls = ["first", "first"]
    function = sleeping(calls)
    with_a_limit = decorate(idempotency=files, task_timeout=0.2, concurrency=2)(function)
    without_a_limit = decorate(idempotency=files)(function)

    first = with_a_limit(make_event("a", "b"), make_context())
    statuses = files.statuses()
    calls[:] = ["second", "second"]
    second = without_a_limit(make_event("a", "b"), make_context())

    assert codes_of(first) == ["TemporaryFailure"] * 2
    assert statuses == []
    assert results_of(second) == [("Succeeded", "done")] * 2


def test_a_task_that_crashed_its_process_is_run_again(files: FileLayer, tmp_path: Path) -> None:
    """``isolation="process"``: the process that ends is not the one that writes records."""

    @task_handler(idempotency=files, isolation="process")
    def handler(task: Task) -> str:
        calls = len(list(tmp_path.glob("call-*")))
        (tmp_path / f"call-{calls}").touch()
        if calls == 0:
            os._exit(7)
        return f"call {calls}"

    codes = [handler.run(make_task(), make_context()).code]
    statuses = files.statuses()
    outcomes = [handler.run(make_task(), make_context()) for _ in range(2)]

    assert "Succeeded" not in codes
    assert statuses == []
    assert outcomes == [("Succeeded", "call 1")] * 2


def test_no_record_is_created_if_no_time_is_left(files: FileLayer) -> None:
    handler = decorate(idempotency=files)(lambda task: "done")

    code, message = handler.run(make_task(), make_context(timeout=0.5))

    assert code == "TemporaryFailure"
    assert message.startswith("not started")
    assert files.statuses() == []


@pytest.mark.parametrize(("seconds", "expected"), [(300, 300), (None, 900)])
def test_a_record_in_progress_expires_at_the_timeout_of_the_function(
    dynamodb: DynamoDBPersistenceLayer, table: Any, seconds: float | None, expected: float
) -> None:
    """Without a context of Lambda, Lambda's longest timeout is assumed."""
    items: list[Any] = []
    handler = decorate(idempotency=dynamodb, task_timeout=60)(
        lambda task: items.extend(table.scan()["Items"])
    )
    context = None if seconds is None else make_context(timeout=seconds)

    before = time.time()
    handler.run(make_task(), context)
    after = time.time()

    expires = float(items[0]["in_progress_expiration"]) / 1000
    # The store has whole milliseconds, and the context's clock began before `before`.
    assert before - 1 + expected < expires < after + 0.01 + expected


class Clock:
    """The wall clock, for Powertools and for this library, which can be moved forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._later = 0.0
        powertools = "aws_lambda_powertools.utilities.idempotency.persistence"
        datetime = SimpleNamespace(now=lambda: dt.datetime.fromtimestamp(self.time(), tz=dt.UTC))
        module = SimpleNamespace(datetime=datetime, timedelta=dt.timedelta)
        for name in ("base", "datarecord", "dynamodb", "redis"):
            with contextlib.suppress(ImportError):
                monkeypatch.setattr(f"{powertools}.{name}.dt", module)
        monkeypatch.setattr(_idempotency, "time", self.time)

    def time(self) -> float:
        return time.time() + self._later

    def move(self, seconds: float) -> None:
        self._later += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_task_can_run_when_the_remaining_time_of_another_invocation_is_over(
    layer: BasePersistenceLayer, clock: Clock
) -> None:
    """The other invocation was stopped; if it is not, its failure does not affect the record."""
    calls: list[Task] = []
    others: list[Outcome] = []

    @task_handler(idempotency=layer)
    def handler(task: Task) -> str:
        calls.append(task)
        if len(calls) > 1:
            return f"call {len(calls)}"
        for seconds in (250, 100):
            clock.move(seconds)
            others.append(handler.run(task, make_context(timeout=300)))
        raise PermanentFailure("too late")

    first = handler.run(make_task(), make_context(timeout=300))

    assert [code for code, _ in others] == ["TemporaryFailure", "Succeeded"]
    assert first == ("PermanentFailure", "too late")
    assert handler.run(make_task(), make_context()) == ("Succeeded", "call 2")


def test_a_task_runs_again_when_its_record_has_expired(
    layer: BasePersistenceLayer, clock: Clock
) -> None:
    handler = counting(layer)

    messages = []
    for days in (0, 6, 2):
        clock.move(days * 24 * 3600)
        messages.append(handler.run(make_task(), make_context()).message)

    assert messages == ["call 1", "call 1", "call 2"]


PROGRAM = """
    import os, signal, sys
    from pathlib import Path
    from s3batch_handler import task_handler
    from s3batch_handler.testing import make_context, make_task
    from tests.support.idempotency import FileLayer, counting

    def charge(task):
        os.kill(os.getpid(), signal.SIGKILL)

    charge.__module__ = "app"
    handler = task_handler(idempotency=FileLayer(Path(sys.argv[1])))(charge)
    handler.run(make_task(), make_context(timeout=100))
"""


def test_a_task_whose_process_was_killed_can_run_at_its_timeout(
    files: FileLayer, tmp_path: Path, project: Path
) -> None:
    def charge(task: Task) -> str:
        return "charged"

    charge.__module__, charge.__qualname__ = "app", "charge"
    handler = decorate(idempotency=files)(charge)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
    ended = subprocess.run(command, cwd=project, check=False)

    soon_after = handler.run(make_task(), make_context())
    files.seconds_later = 100
    at_the_timeout = handler.run(make_task(), make_context())

    assert ended.returncode == -signal.SIGKILL
    assert soon_after.code == "TemporaryFailure"
    assert at_the_timeout == ("Succeeded", "charged")
