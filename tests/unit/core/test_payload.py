"""The Lambda payload, read and written."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import (
    InvalidEvent,
    InvalidResponse,
    Invocation,
    JobRef,
    ObjectRef,
    Outcome,
    ResultCode,
    Task,
    TaskResult,
    UnexpectedEventWarning,
)
from s3batch_handler.core._payload import (
    MAX_RESPONSE_BYTES,
    build_event,
    build_response,
    parse_event,
    parse_response,
)
from s3batch_handler.testing import make_event

LoadEvent = Callable[[str], dict[str, Any]]
SUCCEEDED, TEMPORARY, PERMANENT = ResultCode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)

# ---------------------------------------------------------------- reading events


def test_schema_1(load_event: LoadEvent) -> None:
    """An event of schema 1.0 names its bucket by an ARN and has no user arguments."""
    invocation = parse_event(load_event("v1.json"))

    (task,) = invocation.tasks
    assert invocation.schema_version == "1.0"
    assert invocation.id == "YXNkbGZqYWRmaiBhc2RmdW9hZHNmZGpmaGFzbGtkaGZza2RmaAo"
    assert invocation.job == JobRef(id="f3cc4f60-61f6-4a2b-8a21-d07600c373ce")
    assert task == Task(
        bucket="holiday-photos",
        key="photos/summer.jpg",
        version_id="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        id="dGFzay0wMDAx",
        job=invocation.job,
    )


def test_schema_2(load_event: LoadEvent) -> None:
    """An event of schema 2.0 names its bucket by name and has user arguments."""
    invocation = parse_event(load_event("v2.json"))

    (task,) = invocation.tasks
    assert invocation.schema_version == "2.0"
    assert task.bucket == "holiday-photos"
    assert task.job is invocation.job
    assert task.job.arguments == {"target": "thumbnails", "width": "640"}


def test_location(load_event: LoadEvent) -> None:
    """``task.location`` is what boto3's calls take, with the version only if there is one."""
    (task,) = parse_event(load_event("v1.json")).tasks
    (latest,) = parse_event(load_event("v1_version_null.json")).tasks

    assert task.location == {
        "Bucket": "holiday-photos",
        "Key": "photos/summer.jpg",
        "VersionId": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    }
    assert latest.location == {"Bucket": "holiday-photos", "Key": "photos/summer.jpg"}


def test_bucket(subtests: pytest.Subtests, load_event: LoadEvent) -> None:
    """Whatever kind of bucket it is, ``task.bucket`` is what boto3 takes."""
    for name, bucket in [
        ("v1_access_point.json", "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers"),
        (
            "v1_multi_region_access_point.json",
            "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
        ),
        (
            "v1_object_lambda.json",
            "arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/readers",
        ),
        ("v1_arn_without_service.json", "holiday-photos"),
        ("v1_arn_with_region_and_account.json", "holiday-photos"),
        ("v1_china.json", "holiday-photos"),
        ("v1_govcloud.json", "holiday-photos"),
        ("v1_directory_bucket.json", "holiday--use1-az4--x-s3"),
        ("v2_directory_bucket.json", "holiday--use1-az4--x-s3"),
    ]:
        with subtests.test(name=name):
            (task,) = parse_event(load_event(name), strict=True).tasks

            assert task.bucket == bucket


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("v1_encoded_key.json", "year 2024/a+b.jpg"),
        ("v2_encoded_key.json", "year 2024/あ 🌻 é.jpg"),
        ("v1_key_no_utf8.json", "caf\udce9.jpg"),
    ],
)
def test_encoded_key(load_event: LoadEvent, name: str, key: str) -> None:
    """Keys are decoded; bytes that are no UTF-8 are kept visible, not replaced."""
    (task,) = parse_event(load_event(name)).tasks

    assert task.key == key


@pytest.mark.parametrize(
    ("name", "version_id"),
    [
        ("v1_version_missing.json", None),
        ("v1_version_null.json", None),
        ("v1_version_empty.json", None),
        ("v1_version_literal_null.json", "null"),
    ],
)
def test_version_id(load_event: LoadEvent, name: str, version_id: str | None) -> None:
    """No version, in three spellings, and the version ``null``: the one from before versioning."""
    (task,) = parse_event(load_event(name), strict=True).tasks

    assert task.version_id == version_id


@pytest.mark.parametrize(
    "name", ["v2_no_arguments.json", "v2_arguments_null.json", "v2_arguments_empty.json"]
)
def test_no_user_arguments(load_event: LoadEvent, name: str) -> None:
    """A job without user arguments has an empty mapping of them, however that is spelled."""
    invocation = parse_event(load_event(name), strict=True)

    assert invocation.job.arguments == {}


def test_long_ids(load_event: LoadEvent) -> None:
    """Ids are opaque and of any length, as those of S3 are."""
    event = load_event("v1_long_ids.json")

    invocation = parse_event(event)

    assert len(invocation.tasks[0].id) > 1200
    assert len(invocation.id) > 2000
    assert invocation.id == event["invocationId"]


def test_many_tasks(load_event: LoadEvent) -> None:
    """Any number of tasks is read, in order, with ids that may be there twice, or none at all."""
    many = parse_event(load_event("v2_many_tasks.json"))
    twice = parse_event(load_event("v2_duplicate_ids.json"))
    none = parse_event(load_event("v2_no_task.json"))

    assert [task.key for task in many.tasks] == ["a.jpg", "b.jpg", "c.jpg"]
    assert len({task.id for task in twice.tasks}) == 1
    assert [task.key for task in twice.tasks] == ["a.jpg", "b.jpg", "a.jpg"]
    assert none.tasks == ()


DOCUMENTED = ["v1.json", "v2.json", "v1_version_missing.json", "v2_no_arguments.json"]


def test_documented_event(subtests: pytest.Subtests, load_event: LoadEvent) -> None:
    """An event as AWS documents it passes without a warning."""
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


def test_odd_event(subtests: pytest.Subtests, load_event: LoadEvent) -> None:
    """What AWS does not document but can be understood is accepted, with a warning."""
    for name, says in ODD.items():
        with subtests.test(name=name):
            with pytest.warns(UnexpectedEventWarning, match=says):
                invocation = parse_event(load_event(name))

            (task,) = invocation.tasks
            assert (task.bucket, task.key) == ("holiday-photos", "photos/summer.jpg")


def test_odd_event_strictly(subtests: pytest.Subtests, load_event: LoadEvent) -> None:
    """``strict`` refuses it, whatever was seen before, and names the field."""
    for before in DOCUMENTED:
        for name, says in ODD.items():
            with subtests.test(before=before, name=name):
                parse_event(load_event(before))

                with pytest.raises(InvalidEvent, match=says):
                    parse_event(load_event(name), strict=True)


def test_odd_event_once(load_event: LoadEvent) -> None:
    """An environment that gets odd events all day warns of them once."""
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
    """A job that is remembered does not hide what is undocumented in any of the tasks."""
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
    """A job that is remembered does not hide what is undocumented beside the tasks."""
    event = make_event("a")
    parse_event(event, strict=True)
    event["region"] = "eu-west-1"

    with pytest.raises(InvalidEvent, match="region: unknown field"):
        parse_event(event, strict=True)


def test_arguments_of_another_schema(load_event: LoadEvent) -> None:
    """User arguments that schema 1.0 must not have are noticed, though 2.0 has just had them."""
    event = load_event("odd_v1_with_arguments.json")
    parse_event({**load_event("v2.json"), "job": event["job"]})

    with pytest.raises(InvalidEvent, match="userArguments"):
        parse_event(event, strict=True)


def broken(name: list[Any], value: Any) -> Any:
    """A good event in which one thing is another."""
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


def test_no_event(subtests: pytest.Subtests) -> None:
    """What cannot be understood is refused with the name of the field."""
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
        (broken(["tasks", 0, "s3Bucket"], ""), r"tasks\[0\].s3Bucket: names no bucket"),
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
    """An error names the field, never its value: that may be secret, or hostile."""
    event = make_event("a.jpg")
    event["job"]["userArguments"] = {"password": ["hunter2"]}

    with pytest.raises(InvalidEvent) as caught:
        parse_event(event, strict=True)

    assert "hunter2" not in str(caught.value)
    assert "password" in str(caught.value)


@given(JSON)
def test_any_json_as_event(event: Any) -> None:
    """Any JSON value is an event or is refused; nothing else can happen."""
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
    """An event with any JSON value in any place is read or refused, the caller's dict unchanged."""
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


def test_event_stays_as_it_is(load_event: LoadEvent) -> None:
    """The caller's event is never changed, and never shared."""
    event = load_event("v2_encoded_key.json")
    before = copy.deepcopy(event)

    invocation = parse_event(event)

    assert event == before
    event["job"]["userArguments"]["target"] = "elsewhere"
    event["tasks"][0]["s3Key"] = "another"
    assert invocation.job.arguments["target"] == "thumbnails"
    assert invocation.tasks[0].key == "year 2024/あ 🌻 é.jpg"
    assert parse_event(event).job.arguments["target"] == "elsewhere"


def test_event_with_a_task_in_it(load_event: LoadEvent) -> None:
    """A task that is one already is no wire form of one: it is refused, not changed."""
    (task,) = parse_event(load_event("v2.json")).tasks
    before = repr(task)

    with pytest.raises(InvalidEvent, match=r"tasks\[0\]"):
        parse_event({**load_event("v1.json"), "tasks": [task]})

    assert repr(task) == before


def test_changing_what_invocations_share(load_event: LoadEvent) -> None:
    """One task cannot change what the next one gets."""
    event = load_event("v2.json")
    arguments: Any = parse_event(event).job.arguments  # a mapping, to type checkers

    for change in [
        lambda: arguments.__setitem__("target", "mine"),
        lambda: arguments.__delitem__("target"),
        lambda: arguments.__ior__({"target": "mine"}),
        lambda: arguments.update(target="mine"),
        lambda: arguments.setdefault("more", "mine"),
        lambda: arguments.pop("target"),
        arguments.popitem,
        arguments.clear,
    ]:
        with pytest.raises(TypeError, match="read-only"):
            change()

    assert parse_event(event).job.arguments == {"target": "thumbnails", "width": "640"}


def test_user_arguments_pass_for_a_dict(load_event: LoadEvent) -> None:
    """User arguments go where dicts go: JSON, boto3's ``Metadata``, ``|``, a copy to change."""
    arguments: Any = parse_event(load_event("v2.json")).job.arguments

    mine = dict(arguments)
    mine["target"] = "elsewhere"

    assert isinstance(arguments, dict)
    assert json.loads(json.dumps(arguments)) == arguments
    assert arguments | {"width": "320"} == {"target": "thumbnails", "width": "320"}
    assert arguments["target"] == "thumbnails"


def test_threads_get_their_own_jobs() -> None:
    """Threads that read events of different jobs at a time do not mix them up."""
    events = [make_event("a", job_id=str(number)) for number in range(4)]
    mixed_up: list[str] = []

    def read(event: Any) -> None:
        ids = {parse_event(event).job.id for _ in range(2000)}
        mixed_up.extend(ids - {event["job"]["id"]})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read, args=[event]) for event in events]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert not mixed_up


def test_tasks_are_nouns_like_others(load_event: LoadEvent) -> None:
    """A task from an event is like one that a test makes, in all that can be done with it."""
    (task,) = parse_event(load_event("v2.json")).tasks
    made = Task(
        bucket=task.bucket, key=task.key, version_id=task.version_id, id=task.id,
        job=JobRef(id=task.job.id, arguments=dict(task.job.arguments)),
    )  # fmt: skip

    assert task == made
    assert repr(task) == repr(made)
    assert task.model_dump() == made.model_dump()
    assert json.loads(task.model_dump_json()) == made.model_dump()
    for other in [pickle.loads(pickle.dumps(task)), copy.copy(task), copy.deepcopy(task)]:
        assert other == task
        assert hash(other) == hash(task)
    assert task.model_copy(update={"key": "b"}) == made.model_copy(update={"key": "b"})
    assert task.model_copy(update={"key": "b"}) != task
    with pytest.raises(ValueError, match="frozen"):
        task.key = "b"


def test_nouns_made_of_valid_fields() -> None:
    """The quick way to make a noun makes the same noun."""
    quick = ObjectRef.from_valid({"bucket": "b", "key": "k", "version_id": None})
    slow = ObjectRef(bucket="b", key="k", version_id=None)

    assert quick == slow
    assert hash(quick) == hash(slow)
    assert repr(quick) == repr(slow)
    assert quick.model_fields_set == slow.model_fields_set
    assert pickle.loads(pickle.dumps(quick)) == slow
    assert copy.deepcopy(quick) == slow
    assert quick.model_copy(update={"key": "x"}).key == "x"
    assert ObjectRef.model_validate_json(quick.model_dump_json()) == slow


def test_a_validator_of_tasks_does_not_disturb() -> None:
    """Events are read in the same way after, and if possible before, tasks have been validated."""
    program = """
import json, sys
from s3batch_handler.core._model import JobRef, Task
Task(bucket="b", key="k", id="1", job=JobRef(id="j"))
Task.model_rebuild(force=True)
from s3batch_handler.core._payload import build_event, parse_event
event = json.loads(sys.stdin.read())
(task,) = parse_event(event, strict=True).tasks
print(task.key, task.job.id, task.payload)
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(make_event("a b.jpg", job_id="job")),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "a b.jpg job None\n"


# ---------------------------------------------------------------- building events

BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}", fullmatch=True) | st.just(
    "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers"
)


@st.composite
def invocations(draw: Any) -> Any:
    version = draw(st.sampled_from(["1.0", "2.0"]))
    arguments = st.dictionaries(TEXT, TEXT, max_size=3) if version == "2.0" else st.just({})
    job = JobRef(id=draw(TEXT), arguments=draw(arguments))
    task = st.builds(
        Task, id=TEXT, bucket=BUCKETS, key=TEXT, job=st.just(job),
        version_id=st.none() | TEXT.filter(bool),
    )  # fmt: skip
    tasks = tuple(draw(st.lists(task, max_size=3)))
    return Invocation(id=draw(TEXT), schema_version=version, job=job, tasks=tasks)


@given(invocations())
def test_events_there_and_back(invocation: Invocation) -> None:
    """An event that we build is one that AWS could send, and is read back as it was."""
    event = json.loads(json.dumps(build_event(invocation)))

    assert parse_event(event, strict=True) == invocation


# ---------------------------------------------------------------- building responses


def respond(invocation: Invocation, outcomes: list[Outcome], **options: Any) -> Any:
    results = [TaskResult(*pair) for pair in zip(invocation.tasks, outcomes, strict=True)]
    return build_response(invocation, results, **options)


def test_response(load_event: LoadEvent) -> None:
    """An answer repeats what the event said, and has one result for each task, in order."""
    event = load_event("v2_duplicate_ids.json")
    invocation = parse_event(event)

    response = respond(
        invocation,
        [Outcome(SUCCEEDED, "done"), Outcome(TEMPORARY, "later"), Outcome(PERMANENT)],
        treat_missing_keys_as=PERMANENT,
    )

    assert response == {
        "invocationSchemaVersion": "2.0",
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [
            {"taskId": "dGFzay0wMDAx", "resultCode": "Succeeded", "resultString": "done"},
            {"taskId": "dGFzay0wMDAx", "resultCode": "TemporaryFailure", "resultString": "later"},
            {"taskId": "dGFzay0wMDAx", "resultCode": "PermanentFailure", "resultString": ""},
        ],
    }
    assert {type(result["resultCode"]) for result in response["results"]} == {str}


def test_missing_keys_by_default(load_event: LoadEvent) -> None:
    """A task that nobody answered is tried again: the default that AWS documents."""
    response = respond(parse_event(load_event("v2_no_task.json")), [])

    assert response["treatMissingKeysAs"] == "TemporaryFailure"
    assert response["results"] == []


def test_size_of_a_response(subtests: pytest.Subtests) -> None:
    """However many tasks there are, the response is one that Lambda takes (6 MB)."""
    for count in [1, 20, 21, 480, 1000, 3000]:
        for message in ["🌻" * 5000, "\x00" * 5000, '"' * 1024, "é" * 1024, "x" * 1024]:
            with subtests.test(count=count, message=message):
                event = make_event(*(str(number) for number in range(count)))
                invocation = parse_event(event)

                response = respond(invocation, [Outcome(PERMANENT, message)] * count)

                assert len(json.dumps(response)) <= 6 * 1024 * 1024
                assert len(json.dumps(response, ensure_ascii=False).encode()) <= 6 * 1024 * 1024
                assert [result["taskId"] for result in response["results"]] == [
                    task["taskId"] for task in event["tasks"]
                ]
                assert all(
                    0 < len(result["resultString"]) <= 1024 for result in response["results"]
                )


def as_json(count: int, message: str) -> tuple[int, set[str]]:
    """Return the size of a response with that many results, and their texts."""
    invocation = parse_event(make_event(*(str(number) for number in range(count))))
    response = respond(invocation, [Outcome(PERMANENT, message)] * count)
    return len(json.dumps(response)), {result["resultString"] for result in response["results"]}


@pytest.mark.parametrize("message", ["🌻" * 1024, '"' * 1024, "x" * 1024])
def test_messages_are_shortened_no_earlier_and_no_further_than_needed(message: str) -> None:
    """The last response that fits is left alone; the next one still has most of each message."""
    each = as_json(2, message)[0] - as_json(1, message)[0]
    most = MAX_RESPONSE_BYTES // each
    while as_json(most, message)[1] == {message}:
        most += 1

    size, texts = as_json(most - 1, message)
    assert texts == {message}
    assert MAX_RESPONSE_BYTES - 2 * each < size <= MAX_RESPONSE_BYTES

    size, (text,) = as_json(most, message)
    assert size <= MAX_RESPONSE_BYTES
    assert len(text) > (900 if message.startswith("🌻") else 450)
    assert text.endswith("… [cut, of 1,024 characters]")


def test_short_messages_stay_in_a_large_response() -> None:
    """Where a response is too large, the long messages pay for it, and say how long they were."""
    event = make_event(*(str(number) for number in range(3000)))
    invocation = parse_event(event)
    outcomes = [Outcome(PERMANENT, "🌻" * 5000)] * 2999 + [Outcome(SUCCEEDED, "done")]

    response = respond(invocation, outcomes)

    assert response["results"][-1]["resultString"] == "done"
    assert response["results"][0]["resultString"].endswith("… [cut, of 5,000 characters]")
    assert response["results"][0]["resultString"].startswith("🌻🌻🌻🌻")


# ---------------------------------------------------------------- reading responses

EVENT = make_event("a", "b")
ID_A, ID_B = (task["taskId"] for task in EVENT["tasks"])


def answer(*results: Any, **fields: Any) -> Any:
    return {
        "invocationSchemaVersion": "2.0",
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": EVENT["invocationId"],
        "results": list(results),
        **fields,
    }


def result(task_id: Any, code: Any = "Succeeded", string: Any = "done") -> Any:
    return {"taskId": task_id, "resultCode": code, "resultString": string}


def test_answers_come_in_the_order_of_the_tasks() -> None:
    """Each task gets its own outcome, in whatever order the function answered."""
    outcomes = parse_response(EVENT, answer(result(ID_B, "TemporaryFailure", "b"), result(ID_A)))

    assert outcomes == [Outcome(SUCCEEDED, "done"), Outcome(TEMPORARY, "b")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"treatMissingKeysAs": "PermanentFailure"}, PERMANENT),
        ({"treatMissingKeysAs": "Succeeded"}, SUCCEEDED),
        ({"treatMissingKeysAs": None}, TEMPORARY),
    ],
)
def test_task_without_an_answer(fields: dict[str, Any], code: ResultCode) -> None:
    """A task that was not answered is what ``treatMissingKeysAs`` says."""
    _, missing = parse_response(EVENT, answer(result(ID_A), **fields))

    assert missing.code is code


def test_task_without_an_answer_by_default() -> None:
    """Without ``treatMissingKeysAs`` it is tried again: the default that AWS documents."""
    response = answer(result(ID_A))
    del response["treatMissingKeysAs"]

    assert parse_response(EVENT, response)[1].code is TEMPORARY


def test_answers_nobody_asked_for() -> None:
    """An unknown task id is ignored; of two answers to one task, the first counts."""
    response = answer(
        result("another"), result(ID_A, string="one"), result(ID_A, string="two"), result(ID_B)
    )

    outcomes = parse_response(EVENT, response)

    assert outcomes == [Outcome(SUCCEEDED, "one"), Outcome(SUCCEEDED, "done")]


def test_answers_of_other_peoples_handlers() -> None:
    """Handlers in the form of AWS's samples are understood: null strings, extra keys, no id."""
    response = answer(result(ID_A, string=None), {"taskId": ID_B, "resultCode": "Succeeded"})
    response |= {"statusCode": 200}
    del response["invocationId"]

    assert parse_response(EVENT, response) == [Outcome(SUCCEEDED), Outcome(SUCCEEDED)]


def test_long_result_string() -> None:
    """A report has room for 1,024 characters."""
    outcome, _ = parse_response(EVENT, answer(result(ID_A, string="x" * 5000), result(ID_B)))

    assert outcome.message == "x" * 1024


def test_no_response(subtests: pytest.Subtests) -> None:
    """What S3 could not use is refused with the name of the field."""
    for response, says in [
        (None, "the response: expected an object, got null"),
        ("done", "the response: expected an object, got text"),
        ({}, "invocationSchemaVersion: missing"),
        (answer(results=None), "results: expected a list, got null"),
        (answer({"taskId": ID_A}), r"results\[0\].resultCode: missing"),
        (answer(result(ID_A, "Done")), r"results\[0\].resultCode"),
        (answer(result(ID_A, None)), r"results\[0\].resultCode"),
        (answer(result(5)), r"results\[0\].taskId: expected text, got a number"),
        (answer(result(ID_A, string=5)), r"resultString: expected text, got a number"),
        (answer(treatMissingKeysAs="Ignore"), "treatMissingKeysAs"),
        (answer(invocationId="another"), "invocationId: not the same as in the event"),
        (answer(invocationSchemaVersion="1.0"), "invocationSchemaVersion: not the same"),
    ]:
        with subtests.test(response=response), pytest.raises(InvalidResponse, match=says):
            parse_response(EVENT, response)


@given(JSON | st.fixed_dictionaries({"invocationSchemaVersion": JSON | st.just("2.0"),
    "results": JSON | st.lists(st.fixed_dictionaries({"taskId": JSON, "resultCode": JSON}))},
    optional={"treatMissingKeysAs": JSON, "invocationId": JSON}))  # fmt: skip
def test_any_json_as_response(response: Any) -> None:
    """Any JSON value is an answer or is refused; nothing else can happen."""
    try:
        outcomes = parse_response(EVENT, response)
    except InvalidResponse:
        return
    assert len(outcomes) == 2


@given(st.lists(st.builds(Outcome, st.sampled_from(ResultCode), st.text(max_size=2000))))
def test_responses_there_and_back(outcomes: list[Outcome]) -> None:
    """What a function answers arrives: codes, and as much of the messages as a report holds."""
    event = make_event(*map(str, range(len(outcomes))))

    response = json.loads(json.dumps(respond(parse_event(event), outcomes)))

    read = parse_response(event, response)
    assert [outcome.code for outcome in read] == [outcome.code for outcome in outcomes]
    assert all(
        there.message == here.message
        for there, here in zip(read, outcomes, strict=True)
        if here.message.isprintable() and len(here.message) <= 1024
    )


# ---------------------------------------------------------------- names of others in our messages


@pytest.mark.filterwarnings("ignore::s3batch_handler.UnexpectedEventWarning")
@pytest.mark.parametrize("strict", [False, True])
def test_names_of_fields_are_cut_and_escaped(strict: bool) -> None:
    """An event comes from elsewhere: its names must neither flood a log nor steer a terminal."""
    event: Any = make_event("k", user_arguments={"a": "b"})
    event["job"]["userArguments"] = {"\x1b[2J\x9b\u202e\n" + "x" * 100_000: 1}

    with pytest.raises(InvalidEvent) as caught:
        parse_event(event, strict=strict)

    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    assert '"\\u001b[2J\\u009b\\u202e\\nxxx' in text


# ---------------------------------------------------------------- what people see of a task


def test_ids_are_short_where_people_read_them() -> None:
    """S3's have more than a thousand characters; both ends are shown, as they begin alike."""
    event = make_event("a.jpg", "b.jpg")
    invocation = parse_event(event)
    first, second = invocation.tasks

    texts = [repr(first), str(first), f"{invocation}", repr(TaskResult(first, Outcome(SUCCEEDED)))]

    assert all(len(text) < 1000 for text in texts)
    for text in texts:
        assert first.id not in text
        assert f"{first.id[:8]}…{first.id[-8:]}" in text
        assert "a.jpg" in text
    assert invocation.id not in repr(invocation)
    assert repr(first) != repr(second)


def test_short_ids_are_shown_whole() -> None:
    task = Task(bucket="b", key="k", id="task-1", job=JobRef())

    assert "id='task-1'" in repr(task)
