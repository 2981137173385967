"""What ``s3batch_handler.testing`` offers to tests of handlers."""

from __future__ import annotations

import time
from typing import Any

import pytest

from s3batch_handler import ObjectRef, Task, TemporaryFailure, task_handler
from s3batch_handler.core._payload import parse_event
from s3batch_handler.testing import make_context, make_event, make_task, run_job


@pytest.mark.parametrize("schema_version", ["1.0", "2.0"])
def test_an_event_is_as_aws_documents_it(schema_version: str) -> None:
    """Strict reading takes it, keys come out as they were given, ids are opaque and long."""
    event = make_event("a b+c/ü.txt", "a b+c/ü.txt", schema_version=schema_version)

    invocation = parse_event(event, strict=True)

    first, second = invocation.tasks
    assert first.key == second.key == "a b+c/ü.txt"
    assert first.id != second.id
    assert first.id.startswith("AAAAAAAAAA")
    assert len(first.id) >= 1000


def test_an_event_is_the_same_each_time() -> None:
    """Snapshots of it stay as they are."""
    assert make_event("a", user_arguments={"k": "v"}) == make_event("a", user_arguments={"k": "v"})


def test_user_arguments_need_schema_2() -> None:
    """What S3 would refuse is refused here."""
    with pytest.raises(ValueError, match="schema_version"):
        make_event("a", schema_version="1.0", user_arguments={"k": "v"})


def test_tasks_in_an_event() -> None:
    """A task of one's own keeps its id, bucket and version."""
    task = make_task("k", bucket="b", version_id="v", id="mine")

    (sent,) = parse_event(make_event(task)).tasks

    assert (sent.id, sent.bucket, sent.key, sent.version_id) == ("mine", "b", "k", "v")


def test_tasks_bring_their_job_along() -> None:
    """An event is about the job of its tasks, with its user arguments."""
    task = make_task("k", user_arguments={"target": "x"}, job_id="mine")

    invocation = parse_event(make_event(task, "another key"))

    assert (invocation.job.id, invocation.job.arguments) == ("mine", {"target": "x"})


@pytest.mark.parametrize(
    ("tasks", "options", "says"),
    [
        ([make_task("a"), make_task("b", job_id="other")], {}, "of several"),
        ([make_task("a")], {"user_arguments": {"k": "v"}}, "bring their job"),
        ([make_task("a")], {"job_id": "other"}, "bring their job"),
        ([make_task("a", user_arguments={"k": "v"})], {"schema_version": "1.0"}, "schema_version"),
    ],
)
def test_events_that_cannot_be(tasks: list[Task], options: Any, says: str) -> None:
    """There is one job in an event, and nobody's choice of it is dropped in silence."""
    with pytest.raises(ValueError, match=says):
        make_event(*tasks, **options)


def test_the_time_of_a_context_runs() -> None:
    """A fake that always says the same would hide what happens when time is short."""
    context, short = make_context(timeout=60, function_name="f"), make_context(timeout=0.01)

    before = context.get_remaining_time_in_millis()
    time.sleep(0.02)

    assert 0 < context.get_remaining_time_in_millis() < before <= 60_000
    assert short.get_remaining_time_in_millis() == 0
    assert context.function_name == "f"


def test_a_job_in_a_test() -> None:
    """Rows come as the report has them: decoded keys, redrives done, exceptions told."""
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


def test_a_handler_without_this_package() -> None:
    """Any function that speaks S3 Batch Operations will do; one that raises gets AWS's row."""

    def handler(event: dict[str, object], context: object) -> None:
        raise KeyError("x")

    (row,) = run_job(handler, ["k"], schema_version="1.0")

    assert row.error_code == "PermanentFailure"
    assert row.message.startswith('Lambda returned function error: {"errorMessage":"\'x\'"')
