"""User arguments and payloads arrive as the models of the user."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest
from pydantic import BaseModel

from s3batch_handler import JobRef, Outcome, ResultCode, Task, task_handler
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import LoadEvent, results_of, soon
from tests.support.time_limits import sleep

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


class CopyArguments(BaseModel):
    target: str
    width: int = 100


class Instruction(BaseModel):
    source: str
    width: int


def test_user_arguments_become_the_model(load_event: LoadEvent) -> None:
    @task_handler(arguments=CopyArguments)
    def handler(task: Task[CopyArguments]) -> Any:
        assert isinstance(task.job.arguments, CopyArguments)
        return [task.job.id, task.job.arguments.target, task.job.arguments.width]

    ((code, message),) = results_of(handler(load_event("v2.json"), None))

    assert code == "Succeeded"
    assert json.loads(message) == ["f3cc4f60-61f6-4a2b-8a21-d07600c373ce", "thumbnails", 640]


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
@pytest.mark.parametrize("concurrency", [1, 2])
def test_invalid_user_arguments_fail_all_tasks(concurrency: int) -> None:
    """Each message names the fields; no task is started."""
    begun: list[Any] = []
    handler = task_handler(arguments=CopyArguments, concurrency=concurrency)(begun.append)

    response = handler(make_event("a", "b", user_arguments={"width": "wide"}), make_context())

    ((code, message), other) = results_of(response)
    assert code == "PermanentFailure"
    assert message.startswith("the job's user arguments are invalid: target: missing; width: ")
    assert "wide" not in message
    assert other == (code, message)
    assert not begun


def test_a_json_key_becomes_the_model(load_event: LoadEvent) -> None:
    @task_handler(payload=Instruction, arguments=CopyArguments)
    def handler(task: Task[CopyArguments, Instruction]) -> str:
        assert isinstance(task.payload, Instruction)
        return f"{task.payload.source} {task.payload.width} {task.job.arguments.target}"

    response = handler(load_event("v2_json_key.json"), make_context())

    assert results_of(response) == [("Succeeded", "photos/summer.jpg 320 thumbnails")]


def test_an_invalid_payload_fails_its_task(subtests: pytest.Subtests) -> None:
    """The message names the field."""
    for key, says in [
        ('{"source": "a"}', "width: missing"),
        ('{"source": "a", "width": "x"}', "width: "),
        ("photos/summer.jpg", "the key: "),
        ('["a", 5]', "the key: expected an object, got a list"),
        ("{", "the key: "),
    ]:
        with subtests.test(key=key):
            handler = task_handler(payload=Instruction)(lambda task: "done")

            response = handler(make_event(key, '{"source": "b", "width": 1}'), make_context())

            ((code, message), other) = results_of(response)
            assert code == "PermanentFailure"
            assert message.startswith(f"the payload in the key is invalid: {says}")
            assert other == ("Succeeded", "done")


def test_run_reads_models_and_keeps_time_limits() -> None:
    @task_handler(arguments=CopyArguments, payload=Instruction, task_timeout=0.5)
    def handler(task: Task[CopyArguments, Instruction]) -> str:
        if task.payload.width == 0:
            sleep()
        return f"{task.job.arguments.target} {task.payload.source}"

    task = make_task('{"source": "a", "width": 1}', user_arguments={"target": "b"})
    slow = make_task('{"source": "a", "width": 0}', user_arguments={"target": "b"})

    assert handler.run(task) == Outcome(SUCCEEDED, "b a")
    assert handler.run(make_task("a")).code is PERMANENT
    with soon():
        assert handler.run(slow).code is TEMPORARY
    assert handler.run(task, make_context(timeout=0.5)).message.startswith("not started")


def test_run_accepts_models_of_the_test() -> None:
    @task_handler(arguments=CopyArguments, payload=Instruction)
    def handler(task: Task[CopyArguments, Instruction]) -> str:
        return f"{task.job.arguments.target} {task.payload.source}"

    task = Task[CopyArguments, Instruction](
        id="1",
        bucket="b",
        key="k",
        job=JobRef[CopyArguments](id="j", arguments=CopyArguments(target="x")),
        payload=Instruction(source="y", width=1),
    )

    assert handler.run(task) == Outcome(SUCCEEDED, "x y")


def done(task: Task[Any, Any]) -> str:
    return "done"


@pytest.mark.parametrize("option", ["arguments", "payload"])
def test_an_old_pydantic_is_refused_with_the_option_that_needs_it(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pydantic, "VERSION", "2.10.6")
    make_handler: Any = task_handler

    with pytest.raises(ImportError, match=rf"^task_handler\({option}=…\) needs pydantic 2\.11"):
        make_handler(**{option: Instruction})(done)
