"""Worker pools: batches, stopping, limits of the system, and the end of processes."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke import _worker_process
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.invoke._worker_process import WorkerProcess
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.engine.invoke._answer import Answer

from tests.support.invoker_calls import (
    TEMPLATE,
    Write,
    durations,
    invoke,
    invoke_one,
    is_gone,
    keys,
    text_of,
)


def test_workers_run_at_the_same_time(function: Write, tmp_path: Path) -> None:
    """Two tasks that wait for each other both succeed."""
    spec = function(
        f"""
        def handler(event, context):
            here = Path({str(tmp_path)!r})
            (here / key(event)).touch()
            while not ((here / "x").exists() and (here / "y").exists()):
                time.sleep(0.01)
            return answer(event)
        """
    )

    answers = invoke(WorkerPool(spec, workers=2), keys("x", "y"))

    assert set(answers.values()) == {Outcome(ResultCode.SUCCEEDED, "")}


def test_a_function_that_replaces_a_clock_does_not_end_its_worker(function: Write) -> None:
    spec = function(
        """
        def fail():
            raise RuntimeError("replaced")

        def handler(event, context):
            time.monotonic = fail
            return answer(event, text=str(os.getpid()))
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys("first", "second", "third"))

    assert len({text_of(answer) for answer in answers.values()}) == 1


def test_a_worker_returns_tasks_that_it_cannot_start_soon(function: Write, tmp_path: Path) -> None:
    """Another worker runs them, so no worker is idle while there are tasks.

    Each worker runs one long task, and no second one before the other worker has one, too.
    """
    spec = function(
        f"""
        at_it = Path({str(tmp_path / "at_it")!r})
        at_it.mkdir(exist_ok=True)
        me = at_it / str(os.getpid())
        def handler(event, context):
            if key(event).startswith("long"):
                while me.exists() and len(list(at_it.iterdir())) < 2:
                    time.sleep(0.01)
                me.touch()
                time.sleep(0.15)
            return answer(event, text=me.name)
        """
    )
    short = [f"short{number}" for number in range(4_000)]
    long = [f"long{number}" for number in range(8)]

    answers = invoke(WorkerPool(spec, workers=2, timeout=30), keys(*short, *long))

    assert len({text_of(answers[key]) for key in long}) == 2


def test_only_calls_are_measured(function: Write) -> None:
    """Tasks that a worker returns are measured when they run, and only then."""
    spec = function(
        """
        def handler(event, context):
            if key(event).startswith("long"):
                time.sleep(0.06)
            return answer(event)
        """
    )
    short = [f"short{number}" for number in range(500)]
    long = [f"long{number}" for number in range(8)]
    times = durations(WorkerPool(spec, workers=1, timeout=30), keys(*short, *long))

    assert len(times) == 508
    assert all(times[key] >= 0.06 for key in long)
    assert sum(times[key] for key in short) < 30


@pytest.mark.parametrize("end", ["time.sleep(30)", "os._exit(1)"])
def test_calls_without_an_answer_are_measured(function: Write, end: str) -> None:
    """Lambda bills them, too."""
    spec = function(
        f"""
        def handler(event, context):
            if key(event) == "bad":
                time.sleep(0.05)
                {end}
            return answer(event)
        """
    )
    times = durations(WorkerPool(spec, workers=1, timeout=0.5), keys("fine", "bad", "other"))

    assert times.keys() == {"fine", "bad", "other"}
    assert times["bad"] >= 0.05


def test_workers_can_import_the_package_of_their_parent() -> None:
    """The parent may know the package by a path that other processes do not have."""
    assert (Path(_worker_process._PACKAGES) / "s3batch_handler" / "__init__.py").is_file()


def test_the_first_batch_has_one_task(function: Write) -> None:
    """The time until the worker is ready says nothing about its tasks."""
    worker = WorkerProcess(os.environ, log=2, name="1")
    try:
        worker.load(function("handler = len"), 60)
        select.select([worker.results], [], [], 60)

        assert worker.receive() == []
    finally:
        worker.end(0)

    assert worker.ready
    assert worker.batches.size == 1


def test_a_stopped_job_waits_for_running_tasks(function: Write) -> None:
    """No further task starts. Tasks that did not start are returned."""
    spec = function("def handler(event, context):\n  time.sleep(0.1)\n  return answer(event)")
    answers: list[Answer] = []

    with closing(WorkerPool(spec, workers=2, grace=60)) as pool:
        for _, answer, _ in pool.invoke_all(
            TEMPLATE, keys(*"abcdefgh"), stop=lambda: bool(answers)
        ):
            answers.append(answer)

    done = [answer for answer in answers if isinstance(answer, Outcome)]
    assert 1 <= len(done) <= 4


def test_late_answers_count(function: Write, tmp_path: Path) -> None:
    """This process may itself have been stopped for the whole grace period."""
    spec = function(
        f"""
        here = Path({str(tmp_path)!r})
        def handler(event, context):
            (here / key(event)).touch()
            while not (here / {{"a": "b", "b": "go"}}[key(event)]).exists():
                time.sleep(0.01)
            return answer(event)
        """
    )
    stopped = False

    with closing(WorkerPool(spec, workers=2, grace=0)) as pool:
        answers = pool.invoke_all(TEMPLATE, keys("a", "b"), stop=lambda: stopped)
        first = next(answers)
        stopped = True
        (tmp_path / "go").touch()
        select.select([worker.results for worker in pool._busy], [], [], 60)
        (second,) = answers

    success = Outcome(ResultCode.SUCCEEDED, "")
    assert [first[:2], second[:2]] == [(entry, success) for entry in keys(*"ab")]


def test_no_worker_starts_without_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty manifest, the function need not even exist."""
    assert invoke(WorkerPool("nowhere:handler"), []) == {}


def test_large_entries_and_answers_never_block_each_other(function: Write) -> None:
    """Both pipes are full at the same time."""
    spec = function("handler = lambda event, context: answer(event, text=key(event)[-1000:])")
    names = [f"{number:04d}" + "x" * 1_000 for number in range(3_000)]

    answers = invoke(WorkerPool(spec, workers=1, timeout=30), keys(*names))

    assert len(answers) == 3_000


@contextmanager
def open_files(most: int) -> Iterator[None]:
    """Limit the files that this process may open in addition."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(file.name) for file in Path("/dev/fd").iterdir()}
    free = (number for number in count() if number not in used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(islice(free, most, None)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_pool_continues_with_fewer_workers(
    function: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning reports the limit of the system."""
    spec = function(
        """
        def handler(event, context):
            time.sleep(0.02)
            return answer(event)
        """
    )
    entries = keys(*map(str, range(100)))

    with open_files(30):
        answers = invoke(WorkerPool(spec, workers=50), entries)

    assert len(answers) == 100
    assert {type(answer) for answer in answers.values()} == {Outcome}
    (warning,) = caplog.messages
    assert re.fullmatch(r"the job continues with \d+ of 50 workers: Too many open files", warning)


def test_a_pool_without_any_worker_fails_and_closes_its_files(function: Write) -> None:
    """The error names the limit of the system."""
    spec = function("handler = answer")

    with open_files(5):
        before = os.dup(0)
        os.close(before)
        with pytest.raises(InvalidFunction, match=r"cannot start a worker .*: Too many open files"):
            invoke(WorkerPool(spec, workers=1), keys("a"))
        after = os.dup(0)
        os.close(after)

    assert before == after


def test_closing_a_pool_ends_its_workers(function: Write, tmp_path: Path) -> None:
    """Idle workers clean up first. No process is left, not even a zombie."""
    spec = function(
        f"""
        import atexit
        atexit.register(lambda: Path({str(tmp_path / "cleaned-up")!r}).touch())
        handler = lambda event, context: answer(event, text=str(os.getpid()))
        """
    )

    answer = invoke_one(spec, grace=60)

    assert (tmp_path / "cleaned-up").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(text_of(answer)), 0)


@pytest.mark.parametrize(
    "busy",
    [
        pytest.param("time.sleep(60)", id="waiting"),
        pytest.param(
            "re.match('(a|a)*b', 'a' * 40)  # for days, and no other thread has its turn",
            id="in C",
            marks=pytest.mark.skipif(
                sys.platform != "linux",
                reason="F_SETSIG, by which the kernel kills, is Linux's alone",
            ),
        ),
    ],
)
def test_workers_end_when_their_parent_is_killed(
    function: Write, tmp_path: Path, busy: str
) -> None:
    """Even during a task, and with the processes that the function has started."""
    pids = tmp_path / "pids"
    spec = function(
        f"""
        import re, subprocess
        def handler(event, context):
            child = subprocess.Popen(["sleep", "60"])
            Path({str(pids)!r} + ".tmp").write_text(f"{{child.pid}} {{os.getpid()}}")
            os.rename({str(pids)!r} + ".tmp", {str(pids)!r})
            {busy}
        """
    )
    code = (
        "from s3batch_handler.engine.invoke._worker_pool import WorkerPool\n"
        "from s3batch_handler.engine.invoke._events import EventTemplate\n"
        "template = EventTemplate('1.0', {'id': 'j'})\n"
        f"list(WorkerPool({spec!r}).invoke_all(template, [('b', 'k', None)], stop=lambda: False))"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        wait_for(pids.exists)

        parent.send_signal(signal.SIGKILL)

    for pid in pids.read_text().split():
        assert is_gone(int(pid))
