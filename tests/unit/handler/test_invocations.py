"""``@task_handler``: one invocation, from the event to the response."""

from __future__ import annotations

import copy
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


def test_a_function_that_returns_text_is_a_whole_handler(load_event: LoadEvent) -> None:
    """The response has the schema version and the IDs of the event."""
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


def test_options_in_parentheses_reach_the_response(load_event: LoadEvent) -> None:
    handler = task_handler(treat_missing_keys_as=PERMANENT)(lambda task: task.bucket)

    response = handler(load_event("v2.json"), make_context())

    assert response["treatMissingKeysAs"] == "PermanentFailure"
    assert results_of(response) == [("Succeeded", "holiday-photos")]


def test_the_function_gets_all_fields_of_the_task(load_event: LoadEvent) -> None:
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


def test_every_task_has_one_result_in_the_order_of_the_event(
    load_event: LoadEvent, subtests: pytest.Subtests
) -> None:
    """Also for an event without tasks."""
    for name, keys in [
        ("v2_no_task.json", []),
        ("v2.json", ["photos/summer.jpg"]),
        ("v2_many_tasks.json", ["a.jpg", "b.jpg", "c.jpg"]),
        ("v2_duplicate_ids.json", ["a.jpg", "b.jpg", "a.jpg"]),
    ]:
        for concurrency in [1, 2]:
            with subtests.test(name=name, concurrency=concurrency):
                event = load_event(name)
                handler = task_handler(concurrency=concurrency)(lambda task: task.key)

                response = handler(event, None)

                assert results_of(response) == [("Succeeded", key) for key in keys]
                assert [result["taskId"] for result in response["results"]] == [
                    task["taskId"] for task in event["tasks"]
                ]


def test_a_failed_task_does_not_affect_the_others(load_event: LoadEvent) -> None:
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


def test_a_key_that_is_not_utf8_fails_its_task(load_event: LoadEvent) -> None:
    """The message names the key as in the manifest; the function is not called."""
    event = load_event("v2_many_tasks.json")
    event["tasks"][1]["s3Key"] = "caf%E9+%C3%A9.jpg"

    response = echo(event, make_context())

    assert results_of(response) == [
        ("Succeeded", "a.jpg"),
        ("PermanentFailure", "the key is not valid UTF-8: caf%E9%20%C3%A9.jpg"),
        ("Succeeded", "c.jpg"),
    ]


def test_a_key_with_half_a_surrogate_pair_fails_its_task(load_event: LoadEvent) -> None:
    """JSON can hold such a key, but no object can have it."""
    event = load_event("v2.json")
    event["tasks"][0]["s3Key"] = "a\ud800b"

    ((code, message),) = results_of(echo(event, make_context()))

    assert code == "PermanentFailure"
    assert message == "the key is not valid UTF-8: 'a\\ud800b'"


def test_an_event_of_another_service_is_refused(subtests: pytest.Subtests) -> None:
    """No task is started."""
    events: list[Any] = [None, {}, [], {"Records": []}, make_event("a") | {"tasks": 5}]
    for strict in [False, True]:
        for event in events:
            with subtests.test(strict=strict, event=event):
                begun: list[Task] = []
                handler = task_handler(strict=strict)(begun.append)

                with pytest.raises(InvalidEvent):
                    handler(event, None)

                assert not begun


def test_an_event_with_one_invalid_task_is_refused() -> None:
    """No task is started."""
    begun: list[Task] = []
    event = make_event("a", "b")
    del event["tasks"][1]["s3Key"]

    with pytest.raises(InvalidEvent, match=r"tasks\[1\].s3Key: missing"):
        task_handler(begun.append)(event, None)

    assert not begun


def test_an_undocumented_event_warns_or_with_strict_is_refused(load_event: LoadEvent) -> None:
    event = load_event("odd_extra_fields.json")

    with pytest.warns(UnexpectedEventWarning, match="s3Size"):
        response = echo(event, None)
    with pytest.raises(InvalidEvent, match="s3Size"):
        task_handler(strict=True)(lambda task: "done")(event, None)

    assert results_of(response) == [("Succeeded", "photos/summer.jpg")]


def test_the_event_of_the_caller_is_not_modified(load_event: LoadEvent) -> None:
    """Nested values are not modified either."""
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


def test_run_returns_the_outcome_of_one_task() -> None:
    assert echo.run(make_task("a b.txt")) == Outcome(SUCCEEDED, "a b.txt")
    assert task_handler(raising(TimeoutError())).run(make_task()).code is TEMPORARY
