"""Payloads that are not as documented: warnings, and errors if checks are strict."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import (
    InvalidEvent,
    Invocation,
    JobRef,
    UnexpectedEventWarning,
)
from s3batch_handler.core._payload import (
    parse_event,
)
from s3batch_handler.testing import make_event
from tests.support.payloads import JSON, LoadEvent

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTED = ["v1.json", "v2.json", "v1_version_missing.json", "v2_no_arguments.json"]


def test_documented_event_causes_no_warning(
    subtests: pytest.Subtests, load_event: LoadEvent
) -> None:
    """An event as AWS documents it causes no warning."""
    for name in DOCUMENTED:
        for strict in [False, True]:
            with subtests.test(name=name, strict=strict):
                parse_event(load_event(name), strict=strict)
                parse_event(load_event(name), strict=strict)


ODD = {
    "odd_unknown_schema.json": "other than 1.0 and 2.0",
    "odd_no_job.json": "job: missing",
    "odd_job_null.json": "job: expected an object, got null",
    "odd_job_without_id.json": "job.id: missing",
    "odd_extra_fields.json": r"tasks\[0\].s3Size: unknown field",
    "odd_v1_with_arguments.json": "job.userArguments: unknown field",
    "odd_v2_with_arn.json": r"tasks\[0\].s3Bucket: missing",
}


def test_undocumented_event_is_accepted_with_a_warning(
    subtests: pytest.Subtests, load_event: LoadEvent
) -> None:
    """Undocumented events that can be parsed are accepted, with a warning."""
    for name, says in ODD.items():
        with subtests.test(name=name):
            with pytest.warns(UnexpectedEventWarning, match=says):
                invocation = parse_event(load_event(name))

            (task,) = invocation.tasks
            assert (task.bucket, task.key) == ("holiday-photos", "photos/summer.jpg")


def test_warning_names_the_line_of_the_caller(load_event: LoadEvent) -> None:
    with pytest.warns(UnexpectedEventWarning) as caught:
        parse_event(load_event("odd_no_job.json"))

    assert [warning.filename for warning in caught] == [__file__]


def test_warning_says_what_differs(load_event: LoadEvent) -> None:
    with pytest.warns(UnexpectedEventWarning) as caught:
        parse_event(load_event("odd_unknown_schema.json"))

    (warning,) = caught
    assert str(warning.message) == (
        "the event differs from AWS's documentation: the event: an invocationSchemaVersion other "
        "than 1.0 and 2.0"
    )


@pytest.mark.filterwarnings("ignore::s3batch_handler.UnexpectedEventWarning")
def test_job_without_an_id_has_an_empty_one(load_event: LoadEvent) -> None:
    assert JobRef().id == ""
    for name in ["odd_no_job.json", "odd_job_null.json", "odd_job_without_id.json"]:
        assert parse_event(load_event(name)).job.id == ""


@pytest.mark.filterwarnings("ignore::s3batch_handler.UnexpectedEventWarning")
def test_name_of_the_bucket_counts_if_there_is_an_arn_too() -> None:
    """The ARN is not even checked."""
    event = make_event("a", bucket="photos")
    event["tasks"][0]["s3BucketArn"] = 5

    assert parse_event(event).tasks[0].bucket == "photos"


def test_strict_refuses_an_undocumented_event(
    subtests: pytest.Subtests, load_event: LoadEvent
) -> None:
    """The error names the field, even if the same event was accepted before."""
    for before in DOCUMENTED:
        for name, says in ODD.items():
            with subtests.test(before=before, name=name):
                parse_event(load_event(before))

                with pytest.raises(InvalidEvent, match=says):
                    parse_event(load_event(name), strict=True)


def test_undocumented_events_cause_one_warning(load_event: LoadEvent) -> None:
    """An environment that gets many such events warns only once."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            parse_event(load_event("odd_extra_fields.json"))

    assert len(seen) == 1


def without(fields: dict[str, Any], name: str, **others: Any) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if field != name} | others


UNDOCUMENTED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a field of the task": lambda task: task | {"s3Size": 1},
    "a field instead of the version": lambda task: without(task, "s3VersionId", s3Size=1),
    "the bucket field of the other schema": lambda task: (
        without(task, "s3Bucket", s3BucketArn="arn:aws:s3:::b")
        if "s3Bucket" in task
        else without(task, "s3BucketArn", s3Bucket="b")
    ),
}


def test_tasks_are_checked_although_their_job_has_been_seen(subtests: pytest.Subtests) -> None:
    """A cached job does not hide undocumented values in tasks."""
    for name, change in UNDOCUMENTED.items():
        for version in ["1.0", "2.0"]:
            for place in [0, 1]:
                with subtests.test(name=name, version=version, place=place):
                    event = make_event("a", "b", schema_version=version)
                    parse_event(event, strict=True)
                    event["tasks"][place] = change(event["tasks"][place])

                    with pytest.warns(UnexpectedEventWarning):
                        parse_event(event)
                    with pytest.raises(InvalidEvent, match=rf"tasks\[{place}\]"):
                        parse_event(event, strict=True)


def test_events_are_checked_although_their_job_has_been_seen() -> None:
    """A cached job does not hide undocumented values next to the tasks."""
    event = make_event("a")
    parse_event(event, strict=True)
    event["region"] = "eu-west-1"

    with pytest.raises(InvalidEvent, match="region: unknown field"):
        parse_event(event, strict=True)


def test_arguments_of_another_schema(load_event: LoadEvent) -> None:
    """User arguments in schema 1.0 are noticed, even after an event of schema 2.0 with them."""
    event = load_event("odd_v1_with_arguments.json")
    parse_event({**load_event("v2.json"), "job": event["job"]})

    with pytest.raises(InvalidEvent, match="userArguments"):
        parse_event(event, strict=True)


def broken(name: list[Any], value: Any) -> Any:
    """A valid event with one value replaced."""
    event = make_event("a.jpg")
    *path, last = name
    place = event
    for step in path:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


def test_invalid_event_is_refused(subtests: pytest.Subtests) -> None:
    """The error names the field."""
    for event, says in [
        (None, "the event: expected an object, got null"),
        ([], "the event: expected an object, got a list"),
        ("{}", "the event: expected an object, got text"),
        (3, "the event: expected an object, got a number"),
        ({}, "nvocation"),
        ({"Records": []}, "nvocation"),
        (broken(["invocationId"], ...), "invocationId: missing"),
        (broken(["invocationId"], 5), "invocationId: expected text, got a number"),
        (broken(["invocationSchemaVersion"], ...), "nvocationSchemaVersion"),
        (broken(["tasks"], ...), "tasks: missing"),
        (broken(["tasks"], {}), "tasks: expected a list, got an object"),
        (broken(["tasks"], None), "tasks: expected a list, got null"),
        (broken(["tasks", 0], "a"), r"tasks\[0\]: expected an object, got text"),
        (broken(["tasks", 0, "s3Key"], ...), r"tasks\[0\].s3Key: missing"),
        (broken(["tasks", 0, "s3Key"], 5), r"tasks\[0\].s3Key: expected text, got a number"),
        (broken(["tasks", 0, "taskId"], None), r"tasks\[0\].taskId: expected text, got null"),
        (broken(["tasks", 0, "s3Bucket"], ...), r"tasks\[0\].s3Bucket: missing"),
        (broken(["tasks", 0, "s3Bucket"], ""), r"tasks\[0\].s3Bucket: does not name a bucket"),
        (broken(["tasks", 0, "s3VersionId"], True), "expected text, got true or false"),
        (broken(["job"], "x"), "job: expected an object, got text"),
        (broken(["job", "id"], 5), "job.id: expected text, got a number"),
        (broken(["job", "userArguments"], []), "job.userArguments: expected an object, got a list"),
        (
            broken(["job", "userArguments"], {"a": 5}),
            "job.userArguments.a: expected text, got a number",
        ),
    ]:
        for strict in [False, True]:
            with subtests.test(event=event, strict=strict), warnings.catch_warnings():
                warnings.simplefilter("ignore", UnexpectedEventWarning)
                with pytest.raises(InvalidEvent, match=says):
                    parse_event(event, strict=strict)


def test_values_stay_out_of_errors() -> None:
    """An error names the field, but not its value, which may be secret or hostile."""
    event = make_event("a.jpg")
    event["job"]["userArguments"] = {"password": ["hunter2"]}

    with pytest.raises(InvalidEvent) as caught:
        parse_event(event, strict=True)

    assert "hunter2" not in str(caught.value)
    assert "password" in str(caught.value)


@given(JSON)
def test_any_json_as_event(event: Any) -> None:
    """Every JSON value is an event or is refused; no other error is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnexpectedEventWarning)
        try:
            read = parse_event(event)
        except InvalidEvent:
            return
    assert isinstance(read, Invocation)


@given(
    path=st.sampled_from(
        [
            ["invocationSchemaVersion"], ["invocationId"], ["job"], ["job", "id"],
            ["job", "userArguments"], ["job", "x"], ["tasks"], ["tasks", 0],
            ["tasks", 0, "taskId"], ["tasks", 0, "s3Key"], ["tasks", 0, "s3VersionId"],
            ["tasks", 0, "s3Bucket"], ["tasks", 0, "s3BucketArn"], ["x"],
        ]
    ),
    value=JSON | st.just(...),
    strict=st.booleans(),
)  # fmt: skip
def test_any_json_in_an_event(path: list[Any], value: Any, strict: bool) -> None:
    """An event with any JSON value anywhere is read or refused; the dict is not changed."""
    event = make_event("a%b.jpg", "c d.jpg", user_arguments={"a": "b"})
    *steps, last = path
    place = event
    for step in steps:
        place = place[step]
    if value is ...:
        if isinstance(place, dict):
            place.pop(last, None)
    else:
        place[last] = value
    before = copy.deepcopy(event)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnexpectedEventWarning)
        try:
            parse_event(event, strict=strict)
        except InvalidEvent as error:
            assert str(error)  # noqa: PT017

    assert repr(event) == repr(before)  # NaN is not equal to itself


@pytest.mark.filterwarnings("ignore::s3batch_handler.UnexpectedEventWarning")
@pytest.mark.parametrize("strict", [False, True])
def test_names_of_fields_are_cut_and_escaped(strict: bool) -> None:
    """Untrusted names of fields are short, and contain no control characters."""
    event: Any = make_event("k", user_arguments={"a": "b"})
    event["job"]["userArguments"] = {"\x1b[2J\x7f\x9b\u202e\n" + "x" * 100_000: 1}

    with pytest.raises(InvalidEvent) as caught:
        parse_event(event, strict=strict)

    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    assert '"\\u001b[2J\\u007f\\u009b\\u202e\\nxxx' in text
