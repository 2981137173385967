"""Convert payloads of S3 Batch Operations to invocations and back."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import (
    InvalidEvent,
    Invocation,
    JobRef,
    Outcome,
    Task,
    TaskResult,
)
from s3batch_handler.core._payload import (
    build_event,
    parse_event,
    parse_usual_event,
)
from s3batch_handler.testing import make_event
from tests.support.payloads import SUCCEEDED, TEXT, LoadEvent


def test_event_of_schema_1_names_its_bucket_by_an_arn(load_event: LoadEvent) -> None:
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


def test_event_of_schema_2_names_its_bucket_by_name(load_event: LoadEvent) -> None:
    """An event of schema 2.0 names its bucket by name and has user arguments."""
    invocation = parse_event(load_event("v2.json"))

    (task,) = invocation.tasks
    assert invocation.schema_version == "2.0"
    assert task.bucket == "holiday-photos"
    assert task.job is invocation.job
    assert task.job.arguments == {"target": "thumbnails", "width": "640"}


def test_location_has_the_arguments_of_boto3(load_event: LoadEvent) -> None:
    """``task.location`` has boto3's arguments, with a version ID only if there is one."""
    (task,) = parse_event(load_event("v1.json")).tasks
    (latest,) = parse_event(load_event("v1_version_null.json")).tasks

    assert task.location == {
        "Bucket": "holiday-photos",
        "Key": "photos/summer.jpg",
        "VersionId": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    }
    assert latest.location == {"Bucket": "holiday-photos", "Key": "photos/summer.jpg"}


def test_bucket_of_a_task_is_what_boto3_takes(
    subtests: pytest.Subtests, load_event: LoadEvent
) -> None:
    """For each kind of bucket, ``task.bucket`` is the value for boto3's ``Bucket``."""
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
def test_keys_of_events_are_decoded(load_event: LoadEvent, name: str, key: str) -> None:
    """Keys are decoded; bytes that are not valid UTF-8 remain visible."""
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
def test_missing_version_ids_are_none(
    load_event: LoadEvent, name: str, version_id: str | None
) -> None:
    """A missing version ID has three spellings; ``null`` is the version from before versioning."""
    (task,) = parse_event(load_event(name), strict=True).tasks

    assert task.version_id == version_id


@pytest.mark.parametrize(
    "name", ["v2_no_arguments.json", "v2_arguments_null.json", "v2_arguments_empty.json"]
)
def test_missing_user_arguments_are_an_empty_mapping(load_event: LoadEvent, name: str) -> None:
    """A job without user arguments has an empty mapping, in each spelling."""
    invocation = parse_event(load_event(name), strict=True)

    assert invocation.job.arguments == {}


def test_ids_may_have_any_length(load_event: LoadEvent) -> None:
    """IDs are opaque and of any length, like those of S3."""
    event = load_event("v1_long_ids.json")

    invocation = parse_event(event)

    assert len(invocation.tasks[0].id) > 1200
    assert len(invocation.id) > 2000
    assert invocation.id == event["invocationId"]


def test_all_tasks_are_read_in_order(load_event: LoadEvent) -> None:
    """Any number of tasks is read in order, even if IDs are missing or repeated."""
    many = parse_event(load_event("v2_many_tasks.json"))
    twice = parse_event(load_event("v2_duplicate_ids.json"))
    none = parse_event(load_event("v2_no_task.json"))

    assert [task.key for task in many.tasks] == ["a.jpg", "b.jpg", "c.jpg"]
    assert len({task.id for task in twice.tasks}) == 1
    assert [task.key for task in twice.tasks] == ["a.jpg", "b.jpg", "a.jpg"]
    assert none.tasks == ()


def test_event_of_the_caller_does_not_change(load_event: LoadEvent) -> None:
    """No part of it is shared with the tasks."""
    event = load_event("v2_encoded_key.json")
    before = copy.deepcopy(event)

    invocation = parse_event(event)

    assert event == before
    event["job"]["userArguments"]["target"] = "elsewhere"
    event["tasks"][0]["s3Key"] = "another"
    assert invocation.job.arguments["target"] == "thumbnails"
    assert invocation.tasks[0].key == "year 2024/あ 🌻 é.jpg"
    assert parse_event(event).job.arguments["target"] == "elsewhere"


def test_event_with_a_task_object_is_refused(load_event: LoadEvent) -> None:
    """Only JSON values are accepted."""
    (task,) = parse_event(load_event("v2.json")).tasks
    before = repr(task)

    with pytest.raises(InvalidEvent, match=r"tasks\[0\]"):
        parse_event({**load_event("v1.json"), "tasks": [task]})

    assert repr(task) == before


def test_tasks_cannot_change_what_invocations_share(load_event: LoadEvent) -> None:
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


def test_user_arguments_work_like_a_dict(load_event: LoadEvent) -> None:
    """In JSON, in boto3's ``Metadata``, with ``|``, and as a copy that can be changed."""
    arguments: Any = parse_event(load_event("v2.json")).job.arguments

    mine = dict(arguments)
    mine["target"] = "elsewhere"

    assert isinstance(arguments, dict)
    assert json.loads(json.dumps(arguments)) == arguments
    assert arguments | {"width": "320"} == {"target": "thumbnails", "width": "320"}
    assert arguments["target"] == "thumbnails"


def test_threads_get_their_own_jobs() -> None:
    """Threads that read events of different jobs do not mix them up."""
    events = [make_event("a", job_id=str(number)) for number in range(4)]
    mixed_up: list[str] = []

    def read(event: Any) -> None:
        ids = set[str]()
        for _ in range(2000):
            task = parse_usual_event(event) or parse_event(event).tasks[0]
            ids.add(task.job.id)
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


def test_tasks_of_events_are_like_tasks_of_tests(load_event: LoadEvent) -> None:
    """They support the same operations."""
    (task,) = parse_event(load_event("v2.json")).tasks
    made = Task(
        bucket=task.bucket, key=task.key, version_id=task.version_id, id=task.id,
        job=JobRef(id=task.job.id, arguments=dict(task.job.arguments)),
    )  # fmt: skip

    assert task == made
    assert repr(task) == repr(made)
    for other in [pickle.loads(pickle.dumps(task)), copy.copy(task), copy.deepcopy(task)]:
        assert other == task
        assert hash(other) == hash(task)
    assert task.replace(key="b") == made.replace(key="b")
    assert task.replace(key="b") != task


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
def test_events_can_be_built_and_parsed(invocation: Invocation) -> None:
    """An event that we build could come from AWS, and is read back unchanged."""
    event = json.loads(json.dumps(build_event(invocation)))

    assert parse_event(event, strict=True) == invocation


@pytest.mark.parametrize("name", ["v1.json", "v1_access_point.json", "v2.json"])
def test_built_event_is_the_one_of_aws(load_event: LoadEvent, name: str) -> None:
    event = load_event(name)

    assert build_event(parse_event(event)) == event


def test_ids_are_shortened_in_repr() -> None:
    """S3's IDs have over a thousand characters and begin alike, so both ends are shown."""
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
