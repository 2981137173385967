"""Time limits with a clock that the test advances."""

from __future__ import annotations

import ast
import time
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler import PermanentFailure, ResultCode, Task, task_handler
from s3batch_handler.testing import FakeClock, make_context, make_event, make_task, run_job
from tests.support.package import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 3600.0


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Yield a clock that is used while the test runs."""
    with FakeClock() as clock:
        yield clock


def results(response: dict[str, Any]) -> list[tuple[str, str]]:
    return [(result["resultCode"], result["resultString"]) for result in response["results"]]


def test_the_remaining_time_of_a_context_passes(clock: FakeClock) -> None:
    """It never becomes negative."""
    context = make_context(timeout=LONG)

    clock.advance(LONG - 10)
    left = context.get_remaining_time_in_millis()
    clock.advance(LONG)

    assert 0 < left <= 10_000
    assert context.get_remaining_time_in_millis() == 0


def test_a_task_whose_time_is_over_is_interrupted_and_the_next_is_not_started(
    clock: FakeClock,
) -> None:
    """``finally`` blocks run, and nothing waits."""
    ended = []

    @task_handler
    def handler(task: Task) -> None:
        try:
            clock.advance(LONG / 2)
        finally:
            ended.append(task.key)

    response = handler(make_event(*"abcd"), make_context(timeout=LONG))

    assert ended == ["a", "b"]
    assert [code for code, _ in results(response)] == ["Succeeded", *["TemporaryFailure"] * 3]
    assert results(response)[1][1].startswith("stopped after")
    assert results(response)[2][1].startswith("not started")


def test_the_reserve_is_left_for_the_response(clock: FakeClock) -> None:
    """A task that leaves only the reserve is the last one."""

    def advance(task: Task) -> None:
        clock.advance(LONG / 2)

    context = make_context(timeout=LONG)
    (first, second) = results(
        task_handler(time_reserve=LONG / 4)(advance)(make_event(*"ab"), context)
    )

    assert first == ("Succeeded", "")
    assert second[0] == "TemporaryFailure"
    assert context.get_remaining_time_in_millis() == 0


def test_task_timeout_and_on_timeout_are_tested_without_waiting(clock: FakeClock) -> None:
    """Each task has its own limit."""

    @task_handler(task_timeout=60, on_timeout=ResultCode.PERMANENT_FAILURE)
    def handler(task: Task) -> None:
        clock.advance(59 if task.key == "short" else 61)

    response = handler(make_event("short", "long"), make_context(timeout=LONG))

    assert [code for code, _ in results(response)] == ["Succeeded", "PermanentFailure"]


def test_code_that_swallows_the_interruption_is_interrupted_again(clock: FakeClock) -> None:
    """The clock continues to run after ``advance``, and the watchdog follows it."""

    @task_handler
    def handler(task: Task) -> None:
        while True:
            try:
                clock.advance(LONG)
                time.sleep(LONG)
            except BaseException:
                clock.advance(0.1)

    ((code, _),) = results(handler(make_event("a"), make_context(timeout=LONG)))

    assert code == "TemporaryFailure"


def test_a_delayed_interruption_is_waited_for(clock: FakeClock) -> None:
    """An interruption is delayed where it is unsafe, as in ``__del__`` or garbage collection."""

    class Unsafe:
        def __del__(self) -> None:
            clock.advance(LONG - 0.9)  # 0.1 seconds of the reserve are over

    @task_handler
    def handler(task: Task) -> None:
        unsafe = Unsafe()
        del unsafe
        clock.advance(0)

    ((code, _),) = results(handler(make_event("a"), make_context(timeout=LONG)))

    assert code == "TemporaryFailure"


def test_sleeps_advance_the_clock_if_the_test_replaces_them(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock itself replaces no function of the standard library."""

    @task_handler
    def handler(task: Task) -> None:
        while True:
            time.sleep(LONG / 10)

    monkeypatch.setattr("time.sleep", clock.advance)
    ((code, _),) = results(handler(make_event("a"), make_context(timeout=LONG)))

    assert code == "TemporaryFailure"


@pytest.mark.parametrize("concurrency", [1, 2])
def test_async_tasks_are_not_started_after_their_time(clock: FakeClock, concurrency: int) -> None:
    """Coroutines that wait are cancelled by the real clock, so the function only advances."""

    @task_handler(concurrency=concurrency)
    async def handler(task: Task) -> None:
        clock.advance(LONG)

    response = handler(make_event(*"abc"), make_context(timeout=LONG))

    assert results(response)[2][0] == "TemporaryFailure"
    assert results(response)[2][1].startswith("not started")


def test_an_event_loop_is_requested_to_stop_and_not_interrupted(clock: FakeClock) -> None:
    """The coroutine that advances the clock continues until it waits."""
    continued = []

    @task_handler(concurrency=2)
    async def handler(task: Task) -> None:
        clock.advance(LONG)
        continued.append(task.key)

    handler(make_event(*"abc"), make_context(timeout=LONG))

    assert continued == ["a", "b"]


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_tasks_in_threads_are_not_started_after_their_time(clock: FakeClock) -> None:
    """``concurrency=`` has the same deadline."""

    @task_handler(concurrency=2)
    def handler(task: Task) -> None:
        clock.advance(LONG)

    response = handler(make_event(*"abcde"), make_context(timeout=LONG))

    assert {code for code, _ in results(response)[2:]} == {"TemporaryFailure"}


def test_jobs_use_the_clock(clock: FakeClock) -> None:
    """The context of each call begins with its full time; a task that needs more is retried."""
    tries = []

    @task_handler
    def handler(task: Task) -> None:
        tries.append(task.key)
        clock.advance(LONG if len(tries) == 1 else 1)

    def plain(event: Any, context: Any) -> None:
        clock.advance(10)
        raise PermanentFailure(str(context.get_remaining_time_in_millis() <= 50_000))

    (row,) = run_job(handler, ["a"], timeout=LONG)
    (context,) = run_job(plain, ["a"], timeout=60, max_redrives=0)

    assert (row.status, tries) == ("succeeded", ["a", "a"])
    assert '"errorMessage":"True"' in context.message


def test_the_real_time_is_back_after_the_block() -> None:
    """Later tasks have their full time, and are interrupted when it is over."""

    @task_handler
    def handler(task: Task) -> None:
        time.sleep(LONG)

    with FakeClock() as clock:
        advance = task_handler(lambda task: clock.advance(LONG / 2))
        advance.run(make_task(), make_context(timeout=LONG))

    begin = time.monotonic()
    outcome = handler.run(make_task(), make_context(timeout=1.2))

    assert outcome.code == "TemporaryFailure"
    assert time.monotonic() - begin < LONG


def test_time_does_not_go_back(clock: FakeClock) -> None:
    """A negative number is a mistake."""
    with pytest.raises(ValueError, match="cannot advance the clock by -1 seconds"):
        clock.advance(-1)


def test_modules_of_the_runtime_have_the_clock_as_a_global_name() -> None:
    """The clock replaces ``monotonic`` and ``time`` there: ``time.monotonic()`` would be missed."""
    missed = [
        f"{path.name}: write `from time import {node.attr}`"
        for path in (PACKAGE / "handler").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in {"monotonic", "time"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ]

    assert not missed
