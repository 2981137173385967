"""The child processes of handlers: when they are created, replaced and ended."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler import Outcome, ResultCode, Task
from s3batch_handler.handler._isolation import replace_child_processes
from s3batch_handler.handler._isolation_process import _ending, reap
from s3batch_handler.testing import make_event, make_task
from tests.support.handlers import results_of
from tests.support.isolation import isolated, process_id
from tests.support.processes import is_running
from tests.support.time_limits import run
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()"),
    pytest.mark.usefixtures("no_child_is_left"),
]

SUCCEEDED = ResultCode.SUCCEEDED


def test_tasks_run_in_one_child_process() -> None:
    """It is created for the first task."""
    response = isolated(process_id)(make_event("a", "b"), None)

    (first, second) = [message for _, message in results_of(response)]
    assert first == second != str(os.getpid())


def test_each_handler_has_its_own_child_process() -> None:
    handlers = [isolated(process_id) for _ in range(2)]

    processes = {handler.run(make_task("a")).message for handler in handlers}

    assert len(processes) == 2


def test_a_handler_may_be_called_in_a_thread() -> None:
    """The time limit applies without the warning for threads."""

    def work(task: Task) -> str:
        while task.key == "slow":
            time.sleep(60)
        return task.key

    outcomes: list[Outcome] = []
    handler = isolated(work, task_timeout=1.5, time_reserve=10)
    thread = threading.Thread(
        target=lambda: outcomes.extend(handler.run(make_task(key)) for key in ("a", "slow", "b"))
    )
    thread.start()
    thread.join()

    assert [code for code, _ in outcomes] == ["Succeeded", "TemporaryFailure", "Succeeded"]
    assert " in work(), line " in outcomes[1].message


def test_a_child_that_has_ended_between_tasks_is_replaced() -> None:
    """No task is lost."""

    def work(task: Task) -> str:
        threading.Timer(0.05, os._exit, (5,)).start()
        return str(os.getpid())

    handler = isolated(work)
    processes = []
    for _ in range(3):
        processes.append(handler.run(make_task("a")).message)
        wait_for(lambda: not is_running(processes[-1]))

    assert len({*processes}) == 3


def test_a_forked_process_has_its_own_child() -> None:
    """Lambda's runtime client forks on Lambda Managed Instances."""
    handler = isolated(process_id)
    before = handler.run(make_task("a")).message
    reading, writing = os.pipe()

    pid = os.fork()
    if not pid:
        try:
            os.write(writing, handler.run(make_task("a")).message.encode())
            handler = None
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        in_fork = pipe.read()
    os.waitpid(pid, 0)

    assert in_fork not in ("", before)
    assert handler.run(make_task("a")).message == before


def test_a_handler_in_main_may_use_what_is_defined_below_it() -> None:
    """The child is created when the first task arrives. It ends with its parent."""
    result = run("""
        import os, time
        from s3batch_handler import Outcome, task_handler
        from s3batch_handler.testing import make_task

        @task_handler(isolation="process")
        def handler(task):
            return helper(task)

        def helper(task):
            print("printed in the child")
            return os.getpid()

        print(handler.run(make_task("a")).message)
    """)

    assert result.stderr == ""
    first, pid = result.stdout.splitlines()
    assert first == "printed in the child"
    assert not is_running(pid)


def test_a_busy_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """It holds the interpreter, so only the kernel can end it."""
    result = run(f"""
        import itertools, os, pathlib, signal, threading, time
        from s3batch_handler import Outcome, task_handler
        from s3batch_handler.testing import make_task

        path = pathlib.Path({str(tmp_path / "pid")!r})

        @task_handler(isolation="process")
        def handler(task):
            path.write_text(str(os.getpid()))
            sum(itertools.repeat(0))

        def kill():
            while not (path.exists() and path.read_text()):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=kill).start()
        handler.run(make_task("a"))
    """)

    assert result.returncode == -9
    pid = (tmp_path / "pid").read_text()
    wait_for(lambda: not is_running(pid))


def test_what_a_test_replaces_is_replaced_in_a_new_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pytest plugin replaces the children before each test."""
    handler = isolated(lambda task: VALUE)
    first = handler.run(make_task("a")).message
    monkeypatch.setattr(f"{__name__}.VALUE", "new")
    replace_child_processes()

    second = handler.run(make_task("a")).message

    assert (first, second) == ("old", "new")


VALUE = "old"


def test_a_child_in_a_snapshot_is_replaced_after_it_was_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SnapStart calls the functions that are registered with ``snapshot_restore_py``."""
    snapshot_restore = pytest.importorskip("snapshot_restore_py")
    registered: list[Any] = []
    monkeypatch.setattr(snapshot_restore, "_after_restore_registry", registered)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    handler = isolated(process_id)
    before = handler.run(make_task("a")).message

    for function, arguments, options in registered:
        function(*arguments, **options)

    assert handler.run(make_task("a")).message != before
    assert len(registered) == 1


def test_a_task_is_not_started_if_no_process_can_be_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S3 retries it."""

    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    handler = isolated(process_id)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", fork)
        outcome = handler.run(make_task("a"))

    assert outcome.code is ResultCode.TEMPORARY_FAILURE
    assert outcome.message.startswith("not started: cannot start a process: ")
    assert handler.run(make_task("a")).code is ResultCode.SUCCEEDED


def test_the_child_logs_the_traceback_of_an_exception() -> None:
    result = run("""
        from s3batch_handler import task_handler
        from s3batch_handler.testing import make_task

        @task_handler(isolation="process")
        def handler(task):
            return {}["nothing"]

        handler.run(make_task("a"))
    """)

    assert "PermanentFailure: s3://bucket/a: KeyError: 'nothing'" in result.stderr
    assert "in handler" in result.stderr


def test_a_system_without_fork_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")

    with pytest.raises(TypeError, match=r"needs os\.fork\(\)"):
        isolated(process_id)


def test_two_threads_may_wait_for_the_same_killed_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one of them gets its exit status."""
    unknown = 2**22 + 1  # more than the highest process ID of Linux
    calls: list[int] = []

    def waitpid(pid: int, _options: int) -> tuple[int, int]:
        calls.append(pid)
        if len(calls) == 1:
            reap()  # as the other thread does
        raise ChildProcessError

    monkeypatch.setattr(os, "waitpid", waitpid)
    _ending.add(unknown)

    reap()

    assert calls == [unknown, unknown]
    assert unknown not in _ending
