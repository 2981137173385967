"""``concurrency=N`` in threads."""

from __future__ import annotations

import io
import sys
import threading
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from s3batch_handler import Task, TemporaryFailure, task_handler
from s3batch_handler.testing import make_event
from tests.support.handlers import LONG, invoke_in_time, results_of, short_context, soon


def test_at_most_concurrency_tasks_run_at_the_same_time() -> None:
    all_here = threading.Barrier(3)
    at_work: set[str] = set()
    most = []

    @task_handler(concurrency=3)
    def handler(task: Task) -> str:
        at_work.add(task.id)
        most.append(len(at_work))
        all_here.wait(LONG)
        at_work.discard(task.id)
        return task.key

    response = handler(make_event(*"abcdef"), None)

    assert results_of(response) == [("Succeeded", key) for key in "abcdef"]
    assert max(most) == 3


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_concurrent_tasks_that_run_out_of_time_are_answered_in_time() -> None:
    """Tasks after them are not started."""
    free = threading.Event()

    @task_handler(concurrency=2)
    def handler(task: Task) -> str:
        free.wait(LONG)
        return "done"

    with soon():
        results = results_of(handler(make_event(*"abcd"), short_context(0.3)))
    free.set()

    assert [code for code, _ in results] == ["TemporaryFailure"] * 4
    assert results[-1][1].startswith("not started")


def test_an_exception_of_one_concurrent_task_does_not_affect_the_others() -> None:
    """``sys.exit()`` does not either."""

    @task_handler(concurrency=4)
    def handler(task: Task) -> str:
        if task.key == "b":
            sys.exit("bye")
        if task.key == "c":
            raise TemporaryFailure("later")
        return "done"

    response = handler(make_event(*"abcd"), None)

    assert results_of(response) == [
        ("Succeeded", "done"),
        ("PermanentFailure", "SystemExit: bye"),
        ("TemporaryFailure", "later"),
        ("Succeeded", "done"),
    ]


def test_concurrent_tasks_see_the_context_variables_of_the_invocation() -> None:
    logger = Logger(service="concurrency", stream=io.StringIO())
    keys: list[Any] = []

    @task_handler(concurrency=2)
    def handler(task: Task) -> None:
        keys.append(logger.thread_safe_get_current_keys().get("tenant"))

    logger.thread_safe_append_keys(tenant="me")
    handler(make_event("a", "b"), None)
    logger.thread_safe_clear_keys()

    assert keys == ["me", "me"]


def test_tasks_run_one_by_one_if_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    handler = task_handler(concurrency=3)(lambda task: task.key)
    monkeypatch.setattr(threading.Thread, "start", start)

    response = invoke_in_time(handler, "a", "b", "c")

    assert results_of(response) == [("Succeeded", key) for key in "abc"]
