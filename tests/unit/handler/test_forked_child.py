"""A task that forks has one result: its child process ends instead of returning."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from s3batch_handler import Task, task_handler
from s3batch_handler.testing import make_context, make_event
from tests.support.handlers import results_of
from tests.support.time_limits import run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


def forking(child: Callable[[], object]) -> Callable[[Task], object]:
    """Return a function that runs ``child`` in a child process and returns its exit code."""

    def work(task: Task) -> object:
        pid = os.fork()
        if pid == 0:
            return child()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return work


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other threads of the tests
@pytest.mark.parametrize(
    ("child", "status"),
    [
        (lambda: "returned", 0),
        (sys.exit, 0),
        (lambda: sys.exit(7), 7),
        (lambda: 1 / 0, 1),
        (lambda: os._exit(9), 9),
    ],
)
@pytest.mark.parametrize("timeout", [None, 60])
def test_the_child_process_ends_where_the_function_ends(
    child: Callable[[], object], status: int, timeout: float | None
) -> None:
    """The exit code is that of a program. Only the parent answers."""
    handler = task_handler(forking(child))
    context = None if timeout is None else make_context(timeout=timeout)

    response = handler(make_event("a", "b"), context)

    assert results_of(response) == [("Succeeded", str(status))] * 2


def test_the_child_process_of_a_coroutine_ends() -> None:
    """The same applies to ``async def`` functions, and to functions that return a coroutine."""
    done = run("""
        import os, sys, warnings
        from s3batch_handler import task_handler
        from s3batch_handler.testing import make_event

        warnings.simplefilter("ignore")

        async def work(task):
            pid = os.fork()
            if pid == 0:
                sys.exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        for function in (work, lambda task: work(task)):
            response = task_handler(function)(make_event("a"))
            print(response["results"][0]["resultString"], flush=True)
    """)

    assert done.stdout == "7\n7\n", done.stderr


def test_a_handler_may_be_called_in_a_forked_process() -> None:
    """Only a fork during a task ends the child process."""
    done = run("""
        import os
        from s3batch_handler import task_handler
        from s3batch_handler.testing import make_event

        handler = task_handler(lambda task: "done")
        if os.fork():
            os.wait()
        print(handler(make_event("a"))["results"][0]["resultString"], flush=True)
    """)

    assert done.stdout == "done\ndone\n", done.stderr
