"""Objects, tasks and jobs are immutable values, which users' own classes may contain."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import typing
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from s3batch_handler import JobRef, ObjectRef, Task
from s3batch_handler.core._model import UserArguments, new_task
from s3batch_handler.documents import ReportRow, TaskStatus

T = TypeVar("T")
JOB = JobRef(id="j", arguments=UserArguments({"target": "thumbnails"}))
TASK = Task(bucket="b", key="a b.jpg", version_id="null", id="A" * 1000, job=JOB)
ROW = ReportRow(bucket="b", key="k", status=TaskStatus.FAILED, error_code="PermanentFailure")
VALUES = [ObjectRef(bucket="b", key="k"), JOB, TASK, ROW]


class Arguments(BaseModel):
    target: str


class Payload(BaseModel):
    width: int


def test_values_are_compared_by_their_fields(subtests: pytest.Subtests) -> None:
    """Equal fields mean equal values of the same hash; classes are not equal to each other."""
    for value in VALUES:
        with subtests.test(value=value):
            other = value.replace()

            assert other == value
            assert other is not value
            assert hash(other) == hash(value)
    assert TASK.replace(key="other") != TASK
    assert ObjectRef(bucket="b", key="k") != ROW.replace(status=TaskStatus.SUCCEEDED)
    assert ObjectRef(bucket="b", key="k") != ("b", "k", None)
    assert len({*VALUES, *VALUES}) == len(VALUES)


def test_a_subclass_may_allow_attributes_that_are_not_fields() -> None:
    """As for ``functools.cached_property``, which needs a ``__dict__``."""

    class Photo(ObjectRef):
        __slots__ = ("__dict__", "__weakref__")

    photo = Photo(bucket="b", key="k", version_id=None)
    vars(photo)["size"] = 5

    assert repr(photo) == "Photo(bucket='b', key='k', version_id=None)"
    assert photo == Photo(bucket="b", key="k", version_id=None)


def test_values_never_change(subtests: pytest.Subtests) -> None:
    """The error says how to get a copy with the change, or which fields there are."""
    for value in [*VALUES, new_task("b", "k", None, "i", JOB)]:
        with subtests.test(value=value):
            before = repr(value)
            field: Any = value._fields[0]

            with pytest.raises(AttributeError, match=rf"use the copy .*\.replace\({field}=…\)"):
                setattr(value, field, "x")
            with pytest.raises(AttributeError, match="never changes"):
                delattr(value, field)
            with pytest.raises(AttributeError, match="its fields are"):
                setattr(value, "size", 1)
            assert repr(value) == before


def test_a_copy_may_have_other_values() -> None:
    """``replace`` returns a copy in which some fields differ, and refuses unknown fields."""
    other = TASK.replace(key="other", version_id=None)

    assert type(other) is Task
    assert (other.key, other.version_id, other.job) == ("other", None, JOB)
    assert TASK.key == "a b.jpg"
    with pytest.raises(TypeError, match="size"):
        TASK.replace(size=1)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace is new in Python 3.13")
def test_the_standard_library_replaces_fields() -> None:
    """``copy.replace`` works as for dataclasses and named tuples."""
    assert copy.replace(TASK, key="x") == TASK.replace(key="x")  # type: ignore[attr-defined]


def test_values_can_be_copied_and_pickled(subtests: pytest.Subtests) -> None:
    """Also tasks with the model of a user."""
    models = TASK.replace(
        job=JobRef(id="j", arguments=Arguments(target="x")), payload=Payload(width=1)
    )
    for value in [*VALUES, models]:
        with subtests.test(value=value):
            for other in [
                copy.copy(value),
                copy.deepcopy(value),
                *(pickle.loads(pickle.dumps(value, protocol)) for protocol in range(6)),
            ]:
                assert other == value
                assert type(other) is type(value)


def test_reprs_are_readable() -> None:
    """All fields are shown, and IDs are shortened."""
    assert repr(TASK) == (
        "Task(bucket='b', key='a b.jpg', version_id='null', id='AAAAAAAA…AAAAAAAA', "
        "job=JobRef(id='j', arguments={'target': 'thumbnails'}), payload=None)"
    )
    assert repr(ObjectRef(bucket="b", key="k")) == "ObjectRef(bucket='b', key='k', version_id=None)"


def test_ids_of_up_to_24_characters_are_shown_whole() -> None:
    """Longer ones keep both ends, because the IDs of S3 begin alike."""
    assert "id='abcdefghijklmnopqrstuvwx'," in repr(TASK.replace(id="abcdefghijklmnopqrstuvwx"))
    assert "id='abcdefgh…rstuvwxy'," in repr(TASK.replace(id="abcdefghijklmnopqrstuvwxy"))


def test_a_refused_change_says_what_to_write_instead() -> None:
    value: Any = ObjectRef(bucket="b", key="k")
    with pytest.raises(AttributeError) as refused:
        value.key = "other"
    assert str(refused.value) == (
        "cannot set key: an ObjectRef never changes; "
        "use the copy that objectref.replace(key=…) returns"
    )
    with pytest.raises(AttributeError) as unknown:
        value.size = 1
    assert str(unknown.value) == (
        "cannot set size: an ObjectRef never changes; its fields are bucket, key, version_id"
    )
    task: Any = TASK
    with pytest.raises(AttributeError) as other_article:
        task.key = "other"
    assert str(other_article.value).startswith("cannot set key: a Task never changes; ")
    arguments: Any = JOB.arguments
    with pytest.raises(TypeError) as read_only:
        arguments["target"] = "other"
    assert str(read_only.value) == (
        "the job's arguments are read-only. Change a copy: dict(task.job.arguments)"
    )


def test_fields_are_given_by_name() -> None:
    """Positions would be easy to confuse; missing and unknown fields are named."""
    make: Any = ObjectRef
    with pytest.raises(TypeError, match="positional"):
        make("bucket", "key")
    with pytest.raises(TypeError, match="key"):
        make(bucket="b")
    with pytest.raises(TypeError, match="size"):
        make(bucket="b", key="k", size=1)


def test_a_task_that_is_made_quickly_is_the_same_task() -> None:
    """Events are read with a faster function, which makes equal tasks."""
    quick = new_task("b", "k", None, "i", JOB)
    slow = Task(bucket="b", key="k", id="i", job=JOB)

    assert quick == slow
    assert type(quick) is Task
    assert hash(quick) == hash(slow)


def test_a_class_of_the_user_may_add_fields() -> None:
    """A subclass is compared, shown and copied with its own fields."""

    class Photo(ObjectRef):
        __slots__ = ("width",)
        width: int

        def __init__(self, *, width: int, **fields: Any) -> None:
            super().__init__(**fields)
            object.__setattr__(self, "width", width)

    photo = Photo(bucket="b", key="k", width=5)

    assert repr(photo) == "Photo(bucket='b', key='k', version_id=None, width=5)"
    assert photo.replace(width=6) != photo
    assert photo.replace(width=6).replace(width=5) == photo


def test_types_name_the_models_of_the_user() -> None:
    """``Task[…]`` takes one model or two, and ``JobRef[…]`` one."""
    assert typing.get_args(Task[Arguments]) == (Arguments, None)
    assert typing.get_args(Task[Arguments, Payload]) == (Arguments, Payload)
    assert typing.get_args(JobRef[Arguments]) == (Arguments,)
    made = Task[Arguments](bucket="b", key="k", id="i", job=JobRef(arguments=Arguments(target="x")))
    assert type(made) is Task
    alias: Any = Task
    with pytest.raises(TypeError, match="2 at most, got 3"):
        alias[int, int, int]


# ---------------------------------------------------------------- pydantic


class Record(BaseModel):
    object: ObjectRef
    task: Task[Arguments, Payload | None]
    plain: Task
    job: JobRef
    row: ReportRow


RECORD = Record(
    object=ObjectRef(bucket="b", key="k"),
    task=Task(bucket="b", key="k", id="i", job=JobRef(arguments=Arguments(target="x"))),
    plain=TASK,
    job=JOB,
    row=ROW,
)


def test_models_of_users_contain_values() -> None:
    """They take instances, objects and JSON, and write objects and JSON."""
    written = RECORD.model_dump(mode="json")

    assert Record.model_validate(written) == RECORD
    assert Record.model_validate_json(RECORD.model_dump_json()) == RECORD
    assert json.loads(RECORD.model_dump_json()) == written
    assert written["object"] == {"bucket": "b", "key": "k", "version_id": None}
    assert written["task"]["job"] == {"id": "", "arguments": {"target": "x"}}
    assert isinstance(Record.model_validate(written).plain.job.arguments, UserArguments)


def test_models_of_users_check_values() -> None:
    """Wrong types, missing and unknown fields are refused, also in strict mode."""
    adapter = TypeAdapter(Task[Arguments])
    good = {"bucket": "b", "key": "k", "id": "i", "job": {"arguments": {"target": "x"}}}

    assert adapter.validate_python(good).job.arguments == Arguments(target="x")
    for wrong in [
        {**good, "bucket": 5},
        {**good, "size": 5},
        {**good, "job": {"arguments": {}}},
        {**good, "job": {}},
        {"bucket": "b"},
        "text",
    ]:
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
    with pytest.raises(ValidationError):
        adapter.validate_python({**good, "bucket": b"b"}, strict=True)
    assert adapter.validate_python(adapter.validate_python(good), strict=True).key == "k"


def test_models_of_users_have_a_json_schema() -> None:
    """The schema has the fields of the values and of the models in them."""
    schema = TypeAdapter(Task[Arguments, Payload]).json_schema()

    assert schema["required"] == ["bucket", "key", "id", "job"]
    assert schema["properties"]["version_id"]["default"] is None
    assert schema["$defs"]["Arguments"]["properties"]["target"]["type"] == "string"
    assert Record.model_json_schema(mode="serialization")["properties"]["plain"]


def test_generic_models_of_users_contain_values() -> None:
    """A type variable of the user stands for a model."""

    class Page(BaseModel, Generic[T]):
        tasks: list[Task[T]]

    page = Page[Arguments].model_validate(
        {"tasks": [{"bucket": "b", "key": "k", "id": "i", "job": {"arguments": {"target": "x"}}}]}
    )

    assert page.tasks[0].job.arguments.target == "x"
