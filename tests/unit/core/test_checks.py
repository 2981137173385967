"""Checks of JSON values are built from smaller ones, and name the place of each problem."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._event_checks import _documented_event, _task_with
from s3batch_handler.core._validation import (
    check_text,
    explain,
    list_of,
    mapping_of,
    nullable,
    object_of,
    one_of,
)
from s3batch_handler.testing import make_event

if TYPE_CHECKING:
    from s3batch_handler.core._validation import Check


def problems(check: Check, value: object) -> list[tuple[tuple[int | str, ...], str]]:
    """Return the problems of a value at the place ``at``."""
    return [*check(value, ("at",))]


def test_a_nullable_value_may_be_null() -> None:
    assert problems(nullable(check_text), None) == []
    assert problems(nullable(check_text), "a") == []
    assert problems(nullable(check_text), 5) == [(("at",), "expected text, got a number")]


def test_a_choice_is_one_of_its_texts() -> None:
    """The text that was found is not repeated."""
    check = one_of(["1.0", "2.0"])

    assert problems(check, "2.0") == []
    assert problems(check, "3.0") == [(("at",), "expected one of 1.0, 2.0")]
    assert problems(check, None) == [(("at",), "expected one of 1.0, 2.0, got null")]
    assert problems(check, 5) == [(("at",), "expected one of 1.0, 2.0, got a number")]


def test_each_item_of_a_list_is_checked() -> None:
    check = list_of(check_text)

    assert problems(check, []) == problems(check, ("a", "b")) == []
    assert problems(check, {}) == [(("at",), "expected a list, got an object")]
    assert problems(check, ["a", 5, "b", None]) == [
        (("at", 1), "expected text, got a number"),
        (("at", 3), "expected text, got null"),
    ]


def test_each_name_and_value_of_a_mapping_is_checked() -> None:
    check = mapping_of(check_text)

    assert problems(check, {"a": "b"}) == []
    assert problems(check, []) == [(("at",), "expected an object, got a list")]
    assert problems(check, {"a": True, 5: "b", 6: None}) == [
        (("at", "a"), "expected text, got true or false"),
        (("at", "5"), "expected text, got a number"),
        (("at", "6"), "expected text, got a number"),
        (("at", "6"), "expected text, got null"),
    ]


def test_an_object_has_its_fields_and_optional_ones() -> None:
    """Other fields are accepted, unless it must have exactly these."""
    fields = {"a": check_text, "b": check_text}
    check = object_of(fields, optional={"b"})
    exact = object_of(fields, exactly=True)

    assert problems(check, {"a": "1", "x": 1}) == []
    assert problems(check, 5) == [(("at",), "expected an object, got a number")]
    assert problems(check, {"b": 5}) == [
        (("at", "a"), "missing"),
        (("at", "b"), "expected text, got a number"),
    ]
    assert problems(exact, {"a": "1", "b": "2"}) == []
    assert problems(exact, {"a": "1", "x": 1, 5: 1}) == [
        (("at", "b"), "missing"),
        (("at", "x"), "unknown field"),
        (("at", "5"), "unknown field"),
    ]


def test_places_are_explained_by_their_names(subtests: pytest.Subtests) -> None:
    """A name that would look like a path is in quotes; a long one is shortened."""
    for path, place in [
        (("tasks", 0, "s3-key_1"), "tasks[0].s3-key_1"),
        (("a.b", "c"), '"a.b".c'),
        (("été x",), '"été x"'),
        (("-",), '"-"'),
        (("_",), '"_"'),
        (("a" * 80,), "a" * 80),
        (("a" * 81,), "a" * 80 + "…"),
        (("a" * 80, "b" * 80, "c" * 80, "d" * 57), f"{'a' * 80}.{'b' * 80}.{'c' * 80}.{'d' * 57}"),
        (
            ("a" * 80, "b" * 80, "c" * 80, "d" * 58),
            f"{'a' * 80}.{'b' * 19}…{'c' * 41}.{'d' * 58}",
        ),
        ((), "the value"),
    ]:
        with subtests.test(path=path):
            assert explain([(path, "missing")], whole="the value") == f"{place}: missing"


def test_five_problems_are_explained_and_the_others_counted() -> None:
    five = [((name,), "missing") for name in "abcde"]
    text = "a: missing; b: missing; c: missing; d: missing; e: missing"

    assert explain(five, whole="it") == text
    assert explain([*five, *five[:2]], whole="it") == f"{text}; and 2 more"


def test_other_values_are_named_by_their_class() -> None:
    assert problems(check_text, b"") == [(("at",), "expected text, got bytes")]


def test_problems_are_explained_in_at_most_300_characters() -> None:
    text = explain([((), "x" * 301)], whole="it")

    assert text == "it: " + "x" * 274 + "… [cut, of 301 characters]"
    assert explain([((), "x" * 300)], whole="it") == "it: " + "x" * 300


BUCKET = {"1.0": "s3BucketArn", "2.0": "s3Bucket"}


def documented(version: str) -> dict[str, Any]:
    arguments = {"a": "b"} if version == "2.0" else None
    return make_event("a", "b", schema_version=version, user_arguments=arguments)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_documented_event_has_exactly_these_fields(version: str) -> None:
    """Each field is needed, except those that AWS leaves out, and has its type."""
    check = _documented_event(version)
    places: list[tuple[tuple[int | str, ...], tuple[str, ...], str]] = [
        ((), ("invocationSchemaVersion", "invocationId"), "text"),
        ((), ("job",), "an object"),
        ((), ("tasks",), "a list"),
        (("job",), ("id",), "text"),
        (("tasks", 1), ("taskId", "s3Key", BUCKET[version]), "text"),
    ]
    assert problems(check, documented(version)) == []
    for path, names, kind in places:
        assert_needed(check, documented(version), path, names, kind)
    for path in [(), ("job",), ("tasks", 0)]:
        event = documented(version)
        at(event, path)["x"] = 1
        assert problems(check, event) == [(("at", *path, "x"), "unknown field")]


def test_a_documented_event_may_leave_out_arguments_and_the_version_id() -> None:
    check = _documented_event("2.0")
    for path, name in [(("job",), "userArguments"), (("tasks", 0), "s3VersionId")]:
        event = documented("2.0")
        at(event, path)[name] = None
        assert problems(check, event) == []
        del at(event, path)[name]
        assert problems(check, event) == []
        at(event, path)[name] = 5
        ((place, _),) = problems(check, event)
        assert place == ("at", *path, name)


@pytest.mark.parametrize("bucket_field", ["s3BucketArn", "s3Bucket"])
def test_a_task_may_have_more_fields(bucket_field: str) -> None:
    check = _task_with(bucket_field)
    task = {"taskId": "t", "s3Key": "k", bucket_field: "photos", "x": 1}

    assert problems(check, task) == []
    assert_needed(check, task, (), ("taskId", "s3Key", bucket_field), "text")
    assert problems(check, task | {"s3VersionId": None}) == []
    assert problems(check, task | {"s3VersionId": 5}) == [
        (("at", "s3VersionId"), "expected text, got a number")
    ]
    assert problems(check, task | {bucket_field: "a/b"}) == [
        (("at", bucket_field), "does not name a bucket")
    ]


def assert_needed(
    check: Check, value: Any, path: tuple[int | str, ...], names: tuple[str, ...], kind: str
) -> None:
    """Check that an object needs fields, and that they must be of a type."""
    for name in names:
        without, wrong = copy.deepcopy(value), copy.deepcopy(value)
        del at(without, path)[name]
        at(wrong, path)[name] = 5

        assert problems(check, without) == [(("at", *path, name), "missing")]
        assert problems(check, wrong) == [(("at", *path, name), f"expected {kind}, got a number")]


def at(value: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
