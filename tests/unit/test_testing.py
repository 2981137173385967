"""Events, contexts, tasks and jobs of ``s3batch_handler.testing``."""

from __future__ import annotations

import time
from typing import Any

import pytest

from s3batch_handler import ObjectRef, Task, TemporaryFailure, task_handler
from s3batch_handler.core._payload import parse_event
from s3batch_handler.testing import make_context, make_event, make_task, run_job


@pytest.mark.parametrize("schema_version", ["1.0", "2.0"])
def test_an_event_is_as_aws_documents_it(schema_version: str) -> None:
    """A strict handler accepts it, keys are decoded unchanged, and IDs are opaque and long."""
    event = make_event("a b+c/ü.txt", "a b+c/ü.txt", schema_version=schema_version)

    invocation = parse_event(event, strict=True)

    first, second = invocation.tasks
    assert first.key == second.key == "a b+c/ü.txt"
    assert first.id != second.id
    assert first.id.startswith("AAAAAAAAAA")
    assert len(first.id) >= 1000


def test_the_same_arguments_create_the_same_event() -> None:
    """Snapshots of events remain valid."""
    assert make_event("a", user_arguments={"k": "v"}) == make_event("a", user_arguments={"k": "v"})


def test_user_arguments_require_schema_2() -> None:
    """S3 refuses user arguments in schema 1.0, and so does ``make_event``."""
    with pytest.raises(ValueError, match="schema_version"):
        make_event("a", schema_version="1.0", user_arguments={"k": "v"})


def test_an_event_of_tasks_keeps_their_fields() -> None:
    """A task keeps its ID, bucket and version."""
    task = make_task("k", bucket="b", version_id="v", id="mine")

    (sent,) = parse_event(make_event(task)).tasks

    assert (sent.id, sent.bucket, sent.key, sent.version_id) == ("mine", "b", "k", "v")


def test_an_event_of_tasks_has_their_job() -> None:
    """The event has the job of its tasks, with its user arguments."""
    task = make_task("k", user_arguments={"target": "x"}, job_id="mine")

    invocation = parse_event(make_event(task, "another key"))

    assert (invocation.job.id, invocation.job.arguments) == ("mine", {"target": "x"})


@pytest.mark.parametrize(
    ("tasks", "options", "says"),
    [
        ([make_task("a"), make_task("b", job_id="other")], {}, "different jobs"),
        ([make_task("a")], {"user_arguments": {"k": "v"}}, "that of its tasks"),
        ([make_task("a")], {"job_id": "other"}, "that of its tasks"),
        ([make_task("a", user_arguments={"k": "v"})], {"schema_version": "1.0"}, "schema_version"),
    ],
)
def test_make_event_refuses_conflicting_jobs(tasks: list[Task], options: Any, says: str) -> None:
    """An event has one job, and no argument is ignored silently."""
    with pytest.raises(ValueError, match=says):
        make_event(*tasks, **options)


def test_the_remaining_time_of_a_context_decreases() -> None:
    """A constant value would hide errors when little time remains."""
    context, short = make_context(timeout=60, function_name="f"), make_context(timeout=0.01)

    before = context.get_remaining_time_in_millis()
    time.sleep(0.02)

    assert 0 < context.get_remaining_time_in_millis() < before <= 60_000
    assert short.get_remaining_time_in_millis() == 0
    assert context.function_name == "f"


def test_run_job_returns_the_rows_of_the_report() -> None:
    """Keys are decoded, retries are done, and exceptions are in the messages."""
    tries: dict[str, int] = {}

    @task_handler
    def handler(task: Task) -> str:
        tries[task.key] = tries.get(task.key, 0) + 1
        if task.key == "later" and tries[task.key] == 1:
            raise TemporaryFailure("not yet")
        if task.key == "never":
            raise TemporaryFailure("never")
        return f"{task.job.arguments['target']}: {task.version_id}"

    rows = run_job(
        handler,
        ["a b.txt", "later", "never", ObjectRef(bucket="x", key="y", version_id="1")],
        user_arguments={"target": "x"},
    )

    by_key = {row.key: row for row in rows}
    assert by_key["a b.txt"].message == "x: None"
    assert by_key["y"].message == "x: 1"
    assert by_key["later"].status == "succeeded"
    assert (by_key["never"].error_code, by_key["never"].message) == ("TemporaryFailure", "never")
    assert tries["never"] == 4


def test_run_job_accepts_handlers_without_this_package() -> None:
    """An exception of a plain Lambda function becomes the row that AWS writes."""

    def handler(event: dict[str, object], context: object) -> None:
        raise KeyError("x")

    (row,) = run_job(handler, ["k"], schema_version="1.0")

    assert row.error_code == "PermanentFailure"
    assert row.message.startswith('Lambda returned function error: {"errorMessage":"\'x\'"')


def test_a_job_ends_when_more_tasks_have_failed_than_are_tolerated() -> None:
    """The other objects have no row."""

    @task_handler
    def handler(task: Task) -> None:
        raise ValueError(task.key)

    assert len(run_job(handler, "abcdefghij", tolerate="20%")) == 3
    assert len(run_job(handler, "abcdefghij", tolerate=0)) == 1
    assert len(run_job(handler, "abcdefghij")) == 10
    with pytest.raises(ValueError, match="'few' is not a number of tasks"):
        run_job(handler, "a", tolerate="few")
