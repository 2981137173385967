"""Usual events take a fast path, with the same results."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import InvalidEvent, Invocation, Outcome, TaskResult, task_handler
from s3batch_handler.core._payload import (
    build_response,
    build_usual_response,
    parse_event,
    parse_usual_event,
)
from s3batch_handler.testing import make_event
from tests.support.payloads import JSON, PERMANENT, SUCCEEDED, TEMPORARY, LoadEvent

CODES = st.sampled_from([SUCCEEDED, TEMPORARY, PERMANENT])
PATHS = [
    ["invocationSchemaVersion"], ["invocationId"], ["job"], ["job", "id"], ["job", "userArguments"],
    ["job", "userArguments", "a"], ["job", "x"], ["tasks"], ["tasks", 0], ["tasks", 0, "taskId"],
    ["tasks", 0, "s3Key"], ["tasks", 0, "s3VersionId"], ["tasks", 0, "s3Bucket"],
    ["tasks", 0, "s3BucketArn"], ["tasks", 0, "x"], ["x"],
]  # fmt: skip
REMOVED = object()


def changed(event: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    """Return a copy of an event with one value replaced or removed, if its place exists."""
    event = copy.deepcopy(event)
    *steps, last = path
    place: Any = event
    for step in steps:
        if isinstance(place, dict) and step not in place:
            return event
        place = place[step]
    if value is not REMOVED:
        place[last] = value
    elif isinstance(place, dict):
        place.pop(last, None)
    return event


@given(
    schema_version=st.sampled_from(["1.0", "2.0"]),
    key=st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.just("a b+c%2B"),
    version_id=st.none() | st.text(max_size=3),
    path=st.sampled_from(PATHS),
    value=JSON | st.just(REMOVED) | st.sampled_from(["1.0", "2.0", "arn:aws:s3:::b", "%zz", "+"]),
)
def test_the_fast_path_reads_the_same_task(
    schema_version: str, key: str, version_id: str | None, path: list[Any], value: Any
) -> None:
    """An event that takes the fast path is a documented event, and has the same task."""
    arguments = {"a": "b"} if schema_version == "2.0" else None
    event = make_event(
        key, schema_version=schema_version, version_id=version_id, user_arguments=arguments
    )
    parse_event(event)
    odd = changed(event, path, value)
    before = copy.deepcopy(odd)

    task = parse_usual_event(odd)

    if task is not None:
        expected = parse_event(odd, strict=True)
        assert (task,) == expected.tasks
        assert type(task) is type(expected.tasks[0])
        assert odd == before


@pytest.mark.parametrize(
    "name", ["v1.json", "v2.json", "v1_encoded_key.json", "v2_encoded_key.json", "v1_china.json"]
)
def test_documented_events_of_one_job_take_the_fast_path(load_event: LoadEvent, name: str) -> None:
    """From the second event of a job on, documented events take the fast path."""
    event = load_event(name)
    (expected,) = parse_event(event).tasks

    task = parse_usual_event(event)

    assert task == expected
    assert repr(task) == repr(expected)


@pytest.mark.parametrize(
    "change",
    [
        (["tasks", 0, "s3VersionId"], REMOVED),
        (["tasks", 0, "s3VersionId"], ""),
        (["job", "id"], "another job"),
        (["job", "userArguments"], REMOVED),
        (["invocationSchemaVersion"], "3.0"),
        (["tasks"], []),
        (["tasks", 0, "s3Bucket"], ""),
        (["tasks", 0, "taskId"], 5),
        (["invocationId"], None),
        (["x"], 1),
    ],
)
def test_any_difference_avoids_the_fast_path(change: tuple[list[Any], Any]) -> None:
    """An event that differs from the usual form in one value is left to the other function."""
    event = make_event("a", user_arguments={"a": "b"})
    parse_event(event)

    assert parse_usual_event(changed(event, *change)) is None


def test_a_plus_in_a_key_of_a_usual_event_is_a_space() -> None:
    """As in all other events."""
    event = make_event("a")
    parse_event(event)
    event["tasks"][0]["s3Key"] = "2024+05/a+b.txt"

    task = parse_usual_event(event)

    assert task is not None
    assert task.key == "2024 05/a b.txt"
    assert (task,) == parse_event(event).tasks


def test_the_function_cannot_change_a_job_that_is_kept() -> None:
    """A change of an event after it was read does not reach the next event."""
    event = make_event("a", user_arguments={"a": "b"})
    parse_event(event)
    event["job"]["userArguments"]["a"] = "changed"

    task = parse_usual_event(event) or parse_event(event).tasks[0]

    assert task.job.arguments == {"a": "changed"}


@given(code=CODES, missing=CODES, message=st.text() | st.text(min_size=1).map(lambda t: t * 1100))
def test_the_fast_path_builds_the_same_response(code: Any, missing: Any, message: str) -> None:
    """Both functions build the same response."""
    event = make_event("a")
    (task,) = parse_event(event).tasks
    invocation = Invocation(event["invocationId"], "2.0", task.job, (task,))
    outcome = Outcome(code, message)

    usual = build_usual_response("2.0", event["invocationId"], task, outcome, missing)

    response = build_response(invocation, [TaskResult(task, outcome)], missing)
    assert usual == response
    assert list(usual) == list(response)
    assert type(usual["results"][0]["resultCode"]) is str


@given(path=st.sampled_from(PATHS), value=JSON | st.just(REMOVED))
@pytest.mark.filterwarnings("ignore::s3batch_handler.UnexpectedEventWarning")
def test_the_fast_path_of_a_handler_returns_the_same_response(path: list[Any], value: Any) -> None:
    """A handler gives the same answer whether or not it has seen the job before."""
    handler = task_handler(lambda task: f"{task.bucket} {task.key} {task.version_id} {task.job}")
    event = changed(make_event("a%b c", user_arguments={"a": "b"}), path, value)

    def answer() -> Any:
        try:
            return handler(event)
        except InvalidEvent as error:
            return str(error)

    handler(make_event("another", job_id="another job"))
    first, second = answer(), answer()

    assert first == second
