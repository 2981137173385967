"""Time limits of tasks: the deadline of the invocation and ``task_timeout``."""

from __future__ import annotations

import math
import re
import sys
import threading
import time
from typing import Any
from unittest.mock import MagicMock

import pytest

from s3batch_handler import PermanentFailure, ResultCode, Task, task_handler
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, echo, results_of, short_context, soon


def sleep(task: Task | None = None) -> None:
    time.sleep(LONG)


@pytest.mark.parametrize("code", ResultCode)
def test_a_task_that_runs_out_of_time_is_stopped_with_the_code_of_on_timeout(
    code: ResultCode,
) -> None:
    """The message says where it was stopped."""

    @task_handler(on_timeout=code)
    def handler(task: Task) -> None:
        sleep()

    with soon():
        ((answered, message),) = results_of(handler(make_event("a"), short_context(0.5)))

    assert answered == code
    assert re.match(r"stopped after 0\.\d s in sleep\(\), line \d", message)
    assert message.endswith(": out of time")


def test_tasks_after_the_deadline_are_not_started() -> None:
    """They get a result that S3 retries."""
    begun = []

    @task_handler
    def handler(task: Task) -> None:
        begun.append(task.key)
        if task.key == "b":
            sleep()

    with soon():
        done, stopped, later = results_of(handler(make_event("a", "b", "c"), short_context(1)))

    assert done == ("Succeeded", "")
    assert stopped[1].startswith("stopped after")
    assert later == (
        "TemporaryFailure",
        "not started: less than the time_reserve of 1 s is left",
    )
    assert begun == ["a", "b"]


def test_a_task_is_not_started_in_the_reserve(subtests: pytest.Subtests) -> None:
    """A context with 0 ms left has a deadline."""
    for left in [0, -5, 1, 999, 1000, 0.0]:
        with subtests.test(left=left):
            begun: list[Task] = []
            context = MagicMock(get_remaining_time_in_millis=lambda: left)

            ((code, message),) = results_of(task_handler(begun.append)(make_event("a"), context))

            assert code == "TemporaryFailure"
            assert message.startswith("not started")
            assert not begun


def test_a_time_reserve_of_zero_leaves_all_the_time_to_the_task() -> None:
    handler = task_handler(time_reserve=0)(lambda task: "done")

    response = handler(make_event("a"), make_context(timeout=0.5))

    assert results_of(response) == [("Succeeded", "done")]


def test_a_context_without_a_valid_time_means_no_deadline(subtests: pytest.Subtests) -> None:
    cases: list[Any] = [
        None,
        object(),
        MagicMock(),
        MagicMock(get_remaining_time_in_millis=lambda: math.nan),
        MagicMock(get_remaining_time_in_millis=lambda: sys.maxsize),
        MagicMock(get_remaining_time_in_millis=lambda: 10**400),
        MagicMock(get_remaining_time_in_millis=lambda: 1 / 0),
    ]
    for context in cases:
        with subtests.test(context=context):
            assert results_of(echo(make_event("a"), context)) == [("Succeeded", "a")]
            assert results_of(echo(make_event("a"))) == [("Succeeded", "a")]


@pytest.mark.parametrize("context_of_now", [lambda: None, make_context])
def test_task_timeout_limits_each_task(context_of_now: Any) -> None:
    """It holds with a deadline and without one."""

    @task_handler(task_timeout=0.5)
    def handler(task: Task) -> str:
        if task.key != "b":
            sleep()
        return "done"

    with soon():
        first, second, third = results_of(handler(make_event("a", "b", "c"), context_of_now()))

    assert first[0] == third[0] == "TemporaryFailure"
    assert "stopped after 0.5 s" in first[1]
    assert second == ("Succeeded", "done")


def test_except_exception_does_not_catch_the_end_of_a_task() -> None:
    """``finally`` blocks run."""
    passed = []

    @task_handler(task_timeout=0.1, time_reserve=LONG / 4)  # for busy machines
    def handler(task: Task) -> str:
        try:
            sleep()
        except Exception:
            return "caught"
        finally:
            time.sleep(0.05)
            passed.append("finally")
        return "slept"

    with soon():
        ((code, _),) = results_of(handler(make_event("a"), None))

    assert code == "TemporaryFailure"
    assert passed == ["finally"]


def test_an_exception_raised_from_the_interruption_counts_as_a_timeout() -> None:
    """The message still says where the task was stopped."""

    def nap() -> None:
        try:
            sleep()
        except BaseException:
            raise PermanentFailure("failed") from None

    with soon():
        ((code, message),) = results_of(
            task_handler(task_timeout=0.1)(lambda task: nap())(make_event("a"), None)
        )

    assert code == "TemporaryFailure"
    assert " in nap(), line " in message


def test_a_stopped_task_does_not_shorten_the_next_invocation() -> None:
    handler = task_handler(lambda task: time.sleep(0.7 if task.key == "quick" else LONG))

    with soon():
        stopped = handler(make_event("slow"), short_context())
        done = handler(make_event("quick"), make_context())

    assert [code for code, _ in results_of(stopped) + results_of(done)] == [
        "TemporaryFailure",
        "Succeeded",
    ]


def test_a_handler_called_by_a_task_has_its_own_time_limit() -> None:
    """The outer task keeps its limit."""
    inner = task_handler(task_timeout=0.1)(sleep)

    @task_handler
    def outer(task: Task) -> str:
        ((code, _),) = results_of(inner(make_event("b"), None))
        seen.append(code)
        sleep()
        return "slept"

    seen: list[str] = []

    with soon():
        ((code, _),) = results_of(outer(make_event("a"), short_context(1.0)))

    assert (seen, code) == (["TemporaryFailure"], "TemporaryFailure")


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_a_handler_called_outside_of_the_main_thread_returns_in_time() -> None:
    responses: list[Any] = []
    free = threading.Event()
    handler = task_handler(lambda task: free.wait(LONG) and None)

    with soon():
        thread = threading.Thread(
            target=lambda: responses.append(handler(make_event("a"), short_context()))
        )
        thread.start()
        thread.join()
    free.set()

    ((code, message),) = results_of(responses[0])
    assert code == "TemporaryFailure"
    assert "out of time" in message
