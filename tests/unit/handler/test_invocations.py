"""``@task_handler``: one invocation, from the event to the response."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any

import pytest

from s3batch_handler import (
    InvalidEvent,
    Outcome,
    PermanentFailure,
    ResultCode,
    Task,
    UnexpectedEventWarning,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import LoadEvent, echo, raising, results_of

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


def test_bare(load_event: LoadEvent) -> None:
    """A function that returns text is a whole handler, whose answer repeats what was asked."""
    event = load_event("v1_long_ids.json")

    response = echo(event, make_context())

    assert response == {
        "invocationSchemaVersion": "1.0",
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": event["invocationId"],
        "results": [
            {
                "taskId": event["tasks"][0]["taskId"],
                "resultCode": "Succeeded",
                "resultString": "photos/summer.jpg",
            }
        ],
    }


def test_with_options(load_event: LoadEvent) -> None:
    """Options go in parentheses, and are written to the answer where they belong there."""
    handler = task_handler(treat_missing_keys_as=PERMANENT)(lambda task: task.bucket)

    response = handler(load_event("v2.json"), make_context())

    assert response["treatMissingKeysAs"] == "PermanentFailure"
    assert results_of(response) == [("Succeeded", "holiday-photos")]


def test_task(load_event: LoadEvent) -> None:
    """A function gets everything that the event says of the task."""
    seen: list[Task] = []
    task_handler(seen.append)(load_event("v2.json"), None)

    (task,) = seen
    assert task.location == {
        "Bucket": "holiday-photos",
        "Key": "photos/summer.jpg",
        "VersionId": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    }
    assert task.id == "dGFzay0wMDAx"
    assert task.job.id == "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"
    assert task.job.arguments["target"] == "thumbnails"
    assert task.payload is None


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("v2_no_task.json", []),
        ("v2.json", ["photos/summer.jpg"]),
        ("v2_many_tasks.json", ["a.jpg", "b.jpg", "c.jpg"]),
        ("v2_duplicate_ids.json", ["a.jpg", "b.jpg", "a.jpg"]),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_every_task_is_answered_once(
    load_event: LoadEvent, name: str, keys: list[str], concurrency: int
) -> None:
    """Any number of tasks, none included: one answer each, in the order in which they came."""
    event = load_event(name)
    handler = task_handler(concurrency=concurrency)(lambda task: task.key)

    response = handler(event, None)

    assert results_of(response) == [("Succeeded", key) for key in keys]
    assert [result["taskId"] for result in response["results"]] == [
        task["taskId"] for task in event["tasks"]
    ]


def test_one_failure_among_others(load_event: LoadEvent) -> None:
    """A task that fails does not concern the others."""

    @task_handler
    def handler(task: Task) -> str:
        if task.key == "b.jpg":
            raise PermanentFailure("not this one")
        return "done"

    response = handler(load_event("v2_many_tasks.json"), make_context())

    assert results_of(response) == [
        ("Succeeded", "done"),
        ("PermanentFailure", "not this one"),
        ("Succeeded", "done"),
    ]


def test_key_that_is_no_utf8(load_event: LoadEvent) -> None:
    """Such a key fails its own task, named as in the manifest; the function never sees it."""
    event = load_event("v2_many_tasks.json")
    event["tasks"][1]["s3Key"] = "caf%E9+%C3%A9.jpg"

    response = echo(event, make_context())

    assert results_of(response) == [
        ("Succeeded", "a.jpg"),
        ("PermanentFailure", "the key is not valid UTF-8: caf%E9%20%C3%A9.jpg"),
        ("Succeeded", "c.jpg"),
    ]


def test_key_with_half_a_surrogate_pair(load_event: LoadEvent) -> None:
    """JSON can hold such a thing; no object can have it for a name."""
    event = load_event("v2.json")
    event["tasks"][0]["s3Key"] = "a\ud800b"

    ((code, message),) = results_of(echo(event, make_context()))

    assert code == "PermanentFailure"
    assert message == "the key is not valid UTF-8: 'a\\ud800b'"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("event", [None, {}, [], {"Records": []}, make_event("a") | {"tasks": 5}])
def test_no_event(event: Any, strict: bool) -> None:
    """What is no event of S3 Batch Operations is refused before any task is begun."""
    begun: list[Task] = []
    handler = task_handler(strict=strict)(begun.append)

    with pytest.raises(InvalidEvent):
        handler(event, None)

    assert not begun


def test_no_event_among_tasks() -> None:
    """One task that cannot be understood: no task is begun."""
    begun: list[Task] = []
    event = make_event("a", "b")
    del event["tasks"][1]["s3Key"]

    with pytest.raises(InvalidEvent, match=r"tasks\[1\].s3Key: missing"):
        task_handler(begun.append)(event, None)

    assert not begun


def test_odd_event(load_event: LoadEvent) -> None:
    """An event that AWS does not document is warned of, or with ``strict`` refused."""
    event = load_event("odd_extra_fields.json")

    with pytest.warns(UnexpectedEventWarning, match="s3Size"):
        response = echo(event, None)
    with pytest.raises(InvalidEvent, match="s3Size"):
        task_handler(strict=True)(lambda task: "done")(event, None)

    assert results_of(response) == [("Succeeded", "photos/summer.jpg")]


def test_event_stays_as_it_is(load_event: LoadEvent) -> None:
    """The caller's event is never modified, not even below the surface."""
    event = load_event("v2_encoded_key.json")
    before = copy.deepcopy(event)

    @task_handler
    def handler(task: Task) -> None:
        task.location["Bucket"] = "mine"
        task.job.arguments["target"] = "mine"  # type: ignore[index]  # that is the point

    response = handler(event, None)

    assert event == before
    assert "read-only" in results_of(response)[0][1]
    assert results_of(task_handler(lambda task: task.job.arguments["target"])(event))[0][1] == (
        "thumbnails"
    )


def test_what_is_not_used_is_not_imported() -> None:
    """A plain handler brings neither Powertools nor asyncio nor thread pools into its process."""
    program = """
import json, sys
from s3batch_handler import task_handler
handler = task_handler(lambda task: task.key)
handler(json.load(sys.stdin), None)
print([name for name in ("aws_lambda_powertools", "aws_xray_sdk", "asyncio", "boto3", "logging",
                         "concurrent.futures.thread") if name in sys.modules])
"""

    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        input=json.dumps(make_event("a")),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


def test_run() -> None:
    """``handler.run(task)`` does one task and says what became of it."""
    assert echo.run(make_task("a b.txt")) == Outcome(SUCCEEDED, "a b.txt")
    assert task_handler(raising(TimeoutError())).run(make_task()).code is TEMPORARY
