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

from s3batch_handler import (
    PermanentFailure,
    ResultCode,
    Task,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import LONG, echo, results_of, short_context, soon


def sleep(task: Task | None = None) -> None:
    time.sleep(LONG)


@pytest.mark.parametrize("code", ResultCode)
def test_out_of_time(code: ResultCode) -> None:
    """A task that runs out of time is ended in time, as ``on_timeout`` says, and says where."""

    @task_handler(on_timeout=code)
    def handler(task: Task) -> None:
        sleep()

    with soon():
        ((answered, message),) = results_of(handler(make_event("a"), short_context(0.5)))

    assert answered == code
    assert re.match(r"stopped after 0\.\d s in sleep\(\), line \d", message)
    assert message.endswith(": out of time")


def test_later_tasks_are_answered() -> None:
    """When the time is over, the tasks after it are not begun, but answered."""
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


@pytest.mark.parametrize("left", [0, -5, 1, 999, 1000, 0.0])
def test_no_time_left(left: float) -> None:
    """With no more than the reserve left, a task is not begun. 0 is not "unknown"."""
    begun: list[Task] = []
    context = MagicMock(get_remaining_time_in_millis=lambda: left)

    ((code, message),) = results_of(task_handler(begun.append)(make_event("a"), context))

    assert code == "TemporaryFailure"
    assert message.startswith("not started")
    assert not begun


def test_time_reserve() -> None:
    """The reserve is a setting; without one, all of the time may be used."""
    handler = task_handler(time_reserve=0)(lambda task: "done")

    response = handler(make_event("a"), make_context(timeout=0.5))

    assert results_of(response) == [("Succeeded", "done")]


@pytest.mark.parametrize(
    "context",
    [
        None,
        object(),
        MagicMock(),
        MagicMock(get_remaining_time_in_millis=lambda: math.nan),
        MagicMock(get_remaining_time_in_millis=lambda: sys.maxsize),
        MagicMock(get_remaining_time_in_millis=lambda: 10**400),
        MagicMock(get_remaining_time_in_millis=lambda: 1 / 0),
    ],
)
def test_context_that_cannot_tell(context: Any) -> None:
    """A context that cannot tell the time, or none at all, is no reason to fail."""
    assert results_of(echo(make_event("a"), context)) == [("Succeeded", "a")]
    assert results_of(echo(make_event("a"))) == [("Succeeded", "a")]


@pytest.mark.parametrize("context_of_now", [lambda: None, make_context])
def test_task_timeout(context_of_now: Any) -> None:
    """Each task has ``task_timeout`` seconds of its own, with a deadline or without."""

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


def test_careful_function() -> None:
    """``except Exception`` does not hold up the end of a task, ``finally`` is passed through."""
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


def test_interruption_that_is_turned_into_something_else() -> None:
    """It is on_timeout, whatever the function makes of it, and the place is still told."""

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


def test_nothing_leaks_into_the_next_invocation() -> None:
    """After a task that was stopped, the next invocation has all of its own time."""
    handler = task_handler(lambda task: time.sleep(0.7 if task.key == "quick" else LONG))

    with soon():
        stopped = handler(make_event("slow"), short_context())
        done = handler(make_event("quick"), make_context())

    assert [code for code, _ in results_of(stopped) + results_of(done)] == [
        "TemporaryFailure",
        "Succeeded",
    ]


def test_handler_within_a_handler() -> None:
    """A handler that calls another one keeps its own time, and the other keeps its."""
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
def test_out_of_time_in_another_thread() -> None:
    """Called outside of the main thread, a handler answers in time all the same."""
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
