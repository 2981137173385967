"""Everything that a handler can do works in a child process, too."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from pydantic import BaseModel

from s3batch_handler import JobRef, PermanentFailure, ResultCode, Task, TaskCrashed
from s3batch_handler.handler._isolation_memory import allocated_megabytes
from s3batch_handler.handler._isolation_protocol import AnswerReader, InvalidAnswer
from s3batch_handler.testing import make_context, make_event, make_task, run_job
from tests.support.handlers import codes_of, decorate, passes_on, results_of
from tests.support.idempotency import FileLayer
from tests.support.isolation import crash, isolated, process_id

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()"),
    pytest.mark.usefixtures("no_child_is_left"),
]

SUCCEEDED = ResultCode.SUCCEEDED


def test_an_exception_is_classified_and_logged_in_the_child(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """This is done in the child."""

    def fail(task: Task) -> None:
        raise LookupError("no such photo")

    outcome = isolated(fail, retry_on=LookupError).run(make_task("a"))

    assert outcome == (ResultCode.TEMPORARY_FAILURE, "LookupError: no such photo")


def test_the_exit_of_a_process_is_an_exception_that_options_classify(
    subtests: pytest.Subtests,
) -> None:
    """By default, it is permanent."""
    found = []

    def classify(error: BaseException) -> None:
        assert isinstance(error, TaskCrashed)
        found.append((error.exit_code, error.signal))

    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "PermanentFailure"),
        ({"retry_on": TaskCrashed}, "TemporaryFailure"),
        ({"unexpected": ResultCode.TEMPORARY_FAILURE}, "TemporaryFailure"),
        ({"classify": classify}, "PermanentFailure"),
    ]
    for options, code in cases:
        with subtests.test(options=options):
            assert isolated(crash, **options).run(make_task("a")).code == code
    assert found == [(3, None)]


def test_unexpected_raise_fails_the_invocation() -> None:
    """The exception has the name and the text of the one in the child, and its traceback."""

    def fail(task: Task) -> None:
        raise LookupError("no such photo")

    with pytest.raises(Exception, match="no such photo") as caught:
        isolated(fail, unexpected="raise")(make_event("a"), None)

    assert (type(caught.value).__name__, str(caught.value)) == ("LookupError", "no such photo")
    assert "in fail" in caught.value.__notes__[0]
    with pytest.raises(TaskCrashed, match="exited with code 3"):
        isolated(crash, unexpected="raise")(make_event("a"), None)


def test_a_task_that_ends_at_its_time_limit_runs_its_cleanup(tmp_path: Path) -> None:
    """The message has the line, and a new process runs the next task."""

    def sleep(task: Task) -> str:
        try:
            while task.key == "slow":
                time.sleep(60)
        finally:
            (tmp_path / task.key).touch()
        return str(os.getpid())

    handler = isolated(sleep, task_timeout=0.3, time_reserve=10)
    process = handler.run(make_task("a")).message

    outcome = handler.run(make_task("slow"))

    assert outcome.code is ResultCode.TEMPORARY_FAILURE
    assert outcome.message.startswith("stopped after 0.3 s in sleep(), line ")
    assert (tmp_path / "slow").exists()
    assert handler.run(make_task("b")).message not in ("", process)


def test_async_functions_run_in_the_child() -> None:
    """The event loop is kept."""
    import asyncio

    loops: list[asyncio.AbstractEventLoop] = []

    async def work(task: Task) -> str:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        if task.key == "fail":
            raise PermanentFailure("no")
        if task.key == "exit":
            os._exit(4)
        return f"{len(loops)} {len({*map(id, loops)})}"

    results = results_of(isolated(work)(make_event("a", "fail", "c", "exit", "e"), None))

    assert [code for code, _ in results] == [
        "Succeeded",
        "PermanentFailure",
        "Succeeded",
        "PermanentFailure",
        "Succeeded",
    ]
    assert [results[0][1], results[2][1], results[4][1]] == ["1 1", "3 1", "1 1"]


def test_a_wrapper_that_returns_a_coroutine_is_awaited() -> None:
    async def work(task: Task) -> str:
        return task.key

    assert isolated(passes_on(work)).run(make_task("a")) == (SUCCEEDED, "a")


def test_an_async_handler_works_inside_a_running_event_loop() -> None:
    """An async test calls it there."""
    import asyncio

    async def work(task: Task) -> str:
        await asyncio.sleep(0)
        return task.key

    async def main() -> Any:
        return isolated(work).run(make_task("a"))

    assert asyncio.run(main()) == (SUCCEEDED, "a")


@pytest.mark.parametrize("is_async", [False, True])
def test_tasks_at_the_same_time_have_their_own_processes(is_async: bool, tmp_path: Path) -> None:
    """Each task waits for the other one. A crash fails one task only."""

    def work(task: Task) -> str:
        (tmp_path / f"began-{task.key}").touch()
        while len([*tmp_path.glob("began-*")]) < 3:
            time.sleep(0.01)
        if task.key == "b":
            os._exit(3)
        return str(os.getpid())

    async def work_async(task: Task) -> str:
        return work(task)

    function = work_async if is_async else work
    results = results_of(isolated(function, concurrency=3)(make_event("a", "b", "c"), None))

    assert [code for code, _ in results] == ["Succeeded", "PermanentFailure", "Succeeded"]
    assert results[0][1] != results[2][1]


def test_models_are_parsed_in_the_child() -> None:
    class Arguments(BaseModel):
        target: str

    class Payload(BaseModel):
        size: int

    def work(task: Any) -> str:
        return f"{task.job.arguments.target} {task.payload.size}"

    handler = isolated(work, arguments=Arguments, payload=Payload)
    event = make_event('{"size": 3}', '{"size": "x"}', user_arguments={"target": "t"})

    (first, second) = results_of(handler(event, None))

    assert first == ("Succeeded", "t 3")
    assert second[0] == "PermanentFailure"
    assert "payload in the key is invalid" in second[1]


def test_a_task_that_cannot_be_pickled_is_inherited() -> None:
    """Its arguments are an object of a local class; a new process has a copy of it."""

    class Local:
        target = "t"

    def work(task: Any) -> str:
        return f"{getattr(task.job.arguments, 'target', '')}{task.key}"

    handler = isolated(work)
    outcomes = [
        handler.run(make_task("a")),
        handler.run(make_task("b").replace(job=JobRef(arguments=Local()))),
        handler.run(make_task("c")),
    ]

    assert [message for _, message in outcomes] == ["a", "tb", "c"]


def test_results_of_any_content_arrive() -> None:
    texts = ["x" * 100_000, "\0\ud800é'\"\\\n", ""]

    def work(task: Task) -> str:
        return texts[int(task.key)]

    handler = isolated(work)

    assert [handler.run(make_task(str(number))).message for number in range(3)] == texts


def test_a_long_exception_arrives_shortened() -> None:
    """Even the longest answer is parsed within milliseconds."""

    def fail(task: Task) -> None:
        raise ValueError("x" * 10_000_000)

    with pytest.raises(Exception, match="xxx") as caught:
        isolated(fail, unexpected="raise")(make_event("a"), None)

    assert str(caught.value) == "x" * 100_000


def test_an_answer_of_invalid_length_is_refused() -> None:
    """The parent refuses it before the rest arrives."""
    reader = AnswerReader(b"12345678")

    with pytest.raises(InvalidAnswer):
        reader.feed(b"12345678" + (6_000_001).to_bytes(4, "big"))


def test_a_message_that_is_too_long_for_lambda_is_shortened_as_without_isolation() -> None:
    def work(task: Task) -> str:
        return "x" * 10_000_000

    responses = [handler(make_event("a"), None) for handler in (decorate(work), isolated(work))]

    ((_, message),) = results_of(responses[0])
    assert message.endswith("10,000,000 characters]")
    assert responses[0] == responses[1]


def test_a_crashed_task_is_counted_and_logged_by_the_parent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line has the keys of the task, and the traceback of a crash."""
    import ctypes

    metrics = Metrics(namespace="Photos", service="thumbnails")
    metrics.clear_metrics()  # all metrics of a process are in one place
    with (tmp_path / "log").open("a") as stream:
        logger = Logger(service=str(tmp_path), stream=stream)

        def work(task: Task) -> None:
            ctypes.string_at(0)

        handler = metrics.log_metrics(isolated(work, logger=logger, metrics=metrics))
        handler(make_event("a"), make_context())

    (line,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (line["level"], line["key"]) == ("ERROR", "a")
    assert "SIGSEGV" in line["message"]
    assert "Segmentation fault" in line["exception"]
    published = json.loads(capsys.readouterr().out)
    assert published["TaskPermanentFailure"] == [1.0]


def test_log_lines_and_metrics_of_tasks_are_those_of_their_invocation(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The child was created in an earlier invocation."""
    metrics = Metrics(namespace="Photos", service="thumbnails")
    metrics.clear_metrics()  # all metrics of a process are in one place
    with (tmp_path / "log").open("a") as stream:
        logger = Logger(service=str(tmp_path), stream=stream)

        def work(task: Task) -> None:
            logger.info("at work")
            metrics.add_metric(f"Own{task.key}", "Count", 1)

        decorated = metrics.log_metrics(isolated(work, logger=logger, metrics=metrics))
        handler = logger.inject_lambda_context(decorated)
        for number in range(2):
            handler(make_event(str(number)), make_context(function_name=f"name{number}"))

    lines = [*map(json.loads, (tmp_path / "log").read_text().splitlines())]
    assert [(line["key"], line["function_name"]) for line in lines] == [
        ("0", "name0"),
        ("1", "name1"),
    ]
    published = [*map(json.loads, capfd.readouterr().out.splitlines())]
    names = [
        sorted(key for key in blob if key.startswith(("Own", "TaskSucc"))) for blob in published
    ]
    assert names == [["Own0"], ["TaskSucceeded"], ["Own1"], ["TaskSucceeded"]]


def test_the_trace_of_a_task_is_that_of_its_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(task: Task) -> str:
        return os.environ.get("_X_AMZN_TRACE_ID", "none")

    handler = isolated(work)
    traces = []
    for trace in ("Root=1", "Root=2"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
        traces.append(handler.run(make_task("a")).message)
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    traces.append(handler.run(make_task("a")).message)

    assert traces == ["Root=1", "Root=2", "none"]


def test_a_job_runs_isolated_tasks() -> None:
    """The failure of a crashed task is in the report."""
    report = run_job(isolated(lambda task: crash(task) if task.key == "b" else None), ["a", "b"])

    assert [row.key for row in report.failed] == ["b"]


def test_idempotency_keeps_only_tasks_that_succeeded(tmp_path: Path) -> None:
    """The parent writes the records, so that of a crashed task is deleted."""
    layer = FileLayer(tmp_path)

    def work(task: Task) -> str:
        with (tmp_path / "tried").open("a") as tried:
            tried.write(task.key)
        if task.key == "b" and (tmp_path / "tried").read_text().count("b") == 1:
            os._exit(3)
        return task.key

    handler = isolated(work, idempotency=layer)

    codes = [[code for code, _ in results_of(handler(make_event("a", "b"), None))] for _ in "12"]

    assert codes == [["Succeeded", "PermanentFailure"], ["Succeeded", "Succeeded"]]
    assert (tmp_path / "tried").read_text() == "abb"
    assert layer.statuses() == ["COMPLETED"] * 2


def test_the_memory_limit_is_that_of_the_function() -> None:
    """A reserve is left for the parent. A process that has reached the limit is replaced."""

    def work(task: Task) -> str:
        if task.key == "big":
            bytearray(20 << 30)
        return str(os.getpid())

    handler = isolated(work)
    context = make_context(memory_limit_in_mb="10240")

    results = results_of(handler(make_event("a", "big", "c"), context))

    assert [code for code, _ in results] == ["Succeeded", "TemporaryFailure", "Succeeded"]
    assert " its memory limit of 10200 MB in work(), line " in results[1][1]
    assert results[0][1] != results[2][1]


def test_a_small_function_may_use_threads() -> None:
    """Linux counts the whole stack of each thread, so the limit is higher than the memory."""

    def work(task: Task) -> None:
        threads = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    response = isolated(work)(make_event("a"), make_context(memory_limit_in_mb="128"))

    assert codes_of(response) == ["Succeeded"]


@pytest.mark.parametrize("is_async", [False, True])
def test_lack_of_memory_is_a_temporary_failure(is_async: bool) -> None:
    """Threads and the result need memory, too."""

    def work(task: Task) -> Any:
        match task.key:
            case "data":
                data: list[object] = []
                while True:
                    data.append(bytes(1 << 20))
            case "threads":
                for _ in range(100):
                    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
            case "result":
                return ["x" * (250 << 20)]
        return "fine"

    async def work_async(task: Task) -> Any:
        return work(task)

    limit = allocated_megabytes() + 350  # modules that other tests have imported need memory, too
    handler = isolated(work_async if is_async else work, isolation_memory=limit)

    results = results_of(handler(make_event("data", "a", "threads", "b", "result", "c"), None))

    assert [code for code, _ in results] == ["TemporaryFailure", "Succeeded"] * 3
    assert all(f"has reached its memory limit of {limit} MB" in text for _, text in results[::2])


def test_a_limit_below_what_the_process_has_is_refused() -> None:
    outcome = isolated(process_id, isolation_memory=1).run(make_task("a"))

    assert outcome.code is ResultCode.PERMANENT_FAILURE
    assert "isolation_memory is 1 MB, but the process has" in outcome.message
