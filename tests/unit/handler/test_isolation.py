"""Functions in a child process: whatever a task does to it, its result says so."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler import ResultCode, Task
from s3batch_handler.testing import make_context, make_event, make_task
from tests.functions.crashing import work
from tests.support.handlers import decorate
from tests.support.time_limits import run

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPORARY, PERMANENT = ResultCode.TEMPORARY_FAILURE, ResultCode.PERMANENT_FAILURE

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()"),
    pytest.mark.usefixtures("no_child_is_left"),
]


def isolated(function: Callable[..., Any] = work, **options: Any) -> Any:
    """Return a handler in a child process, with a short reserve."""
    return decorate(**{"isolation": "process", "time_reserve": 0.4, **options})(function)


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        ("crash", PERMANENT, r"was ended by SIGSEGV in crash\(\), line \d+$"),
        ("abort", PERMANENT, r"was ended by SIGABRT in abort\(\), line \d+$"),
        ("exit_process", PERMANENT, "exited with code 3$"),
        ("end_by_signal", TEMPORARY, "SIGKILL, probably because memory ran out$"),
        ("use_memory", TEMPORARY, "has reached its memory limit"),
        ("close_descriptors", PERMANENT, "closed the connection of its process"),
        ("daemonize", PERMANENT, "was ended by SIGSEGV"),
    ],
)
def test_the_result_says_how_the_process_of_a_task_ended(
    fault: str, code: ResultCode, text: str
) -> None:
    """The next task runs in a new process."""
    handler = isolated(isolation_memory=4000 if fault == "use_memory" else None)
    first = handler.run(make_task("a"))

    outcome = handler.run(make_task(fault))

    assert outcome.code is code
    assert re.match(f"TaskCrashed: .*{text}", outcome.message), outcome.message
    last = handler.run(make_task("z"))
    assert (first.code, last.code) == (ResultCode.SUCCEEDED, ResultCode.SUCCEEDED)
    assert first.message != last.message


@pytest.mark.parametrize(
    "fault", ["hold_the_interpreter", "wait_for_a_lock", "stop_process", "ignore_signals"]
)
def test_a_task_that_cannot_be_interrupted_is_killed(fault: str) -> None:
    """Its result has the line, and the next task runs in a new process."""
    handler = isolated(task_timeout=0.3)
    began = time.monotonic()

    outcome = handler.run(make_task(fault))

    assert time.monotonic() - began < 30
    assert outcome.code is TEMPORARY
    place = "" if fault == "ignore_signals" else rf" in {fault}\(\), line \d+"
    assert re.fullmatch(rf"stopped after 0\.3 s{place}: out of time", outcome.message)
    assert handler.run(make_task("z")).code is ResultCode.SUCCEEDED


@pytest.mark.parametrize("fault", ["fork", "fork_without_python", "print_much"])
def test_a_task_may_fork_and_print(fault: str) -> None:
    """It has one result, from its own process, which remains."""
    handler = isolated()
    process = handler.run(make_task("a")).message

    outcomes = [handler.run(make_task(key)) for key in (fault, "b", "c")]

    assert outcomes == [(ResultCode.SUCCEEDED, process)] * 3


def test_a_task_may_replace_functions_that_the_child_needs() -> None:
    """The child answers, and runs the next task."""

    def replace(task: Task) -> str:
        json.dumps = pickle.loads = time.monotonic = None  # type: ignore[assignment]
        return task.key

    handler = isolated(replace)

    outcomes = [handler.run(make_task(key)) for key in ("first", "second")]

    assert outcomes == [(ResultCode.SUCCEEDED, "first"), (ResultCode.SUCCEEDED, "second")]


def test_a_task_that_writes_to_all_descriptors_fails() -> None:
    """They include those of pytest, so the handler runs in another process."""
    result = run("""
        from s3batch_handler.testing import make_context, make_event, make_task
        from tests.functions.crashing import handler

        for key in ("write_to_all_descriptors", "z"):
            print(*handler.run(make_task(key)))
    """)

    first, last = result.stdout.splitlines()
    assert first.startswith(
        "PermanentFailure TaskCrashed: the process of the task sent invalid data"
    )
    assert last.startswith("Succeeded ")


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs memfd_create()")
def test_a_long_text_in_the_file_for_crashes_does_not_delay_the_response() -> None:
    """The parent looks for the place of a task that was killed, whatever the task has written."""

    def fill_and_hang(task: Task) -> None:
        for link in list(Path("/proc/self/fd").iterdir()):
            with suppress(FileNotFoundError):  # the list itself
                if "memfd" in str(link.readlink()):
                    os.write(int(link.name), b'File "' * 12_000)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.PyDLL(None).sleep(100)

    handler = isolated(fill_and_hang)
    before = time.process_time()

    response = handler(make_event("a"), make_context(timeout=1))

    assert response["results"][0]["resultCode"] == "TemporaryFailure"
    assert time.process_time() - before < 2  # a search from each "File" takes longer


def test_a_task_may_call_its_own_handler() -> None:
    """The inner task has a child process of its own."""

    def process_ids(task: Task) -> str:
        inner = f"{handler.run(make_task('inner')).message} " if task.key == "outer" else ""
        return f"{inner}{os.getpid()}"

    handler = isolated(process_ids)

    outcome = handler.run(make_task("outer"), make_context(timeout=60))

    inner, outer = outcome.message.split()
    assert len({inner, outer, str(os.getpid())}) == 3


def test_a_process_of_a_task_that_forks_again_keeps_its_files() -> None:
    """Daemons fork twice. The second fork does not close files with the child's old numbers."""

    def fork_twice(task: Task) -> int:
        if not (first := os.fork()):
            files = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
            if not (second := os.fork()):
                os._exit(not all(_is_open(file) for file in files))
            os._exit(os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]))
        return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])

    outcome = isolated(fork_twice).run(make_task("a"))

    assert outcome.message == "0"


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
