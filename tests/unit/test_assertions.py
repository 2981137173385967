"""Assertions on results of tasks, and what they show."""

from __future__ import annotations

import re
from typing import Any

import pytest

from s3batch_handler import Outcome, PermanentFailure, ResultCode, Task, task_handler
from s3batch_handler.testing import (
    assert_failed,
    assert_succeeded,
    make_context,
    make_event,
    make_task,
    run_job,
)
from s3batch_handler.testing._comparisons import explain_comparison

EVENT = make_event("a b.jpg", "c.txt")


@task_handler
def handler(task: Task) -> str:
    if not task.key.endswith(".jpg"):
        raise PermanentFailure("not a photo")
    return f"{task.key} at 80"


def failure_of(assertion: Any, *arguments: Any, **options: Any) -> str:
    """Return the text of an assertion that fails."""
    with pytest.raises(AssertionError) as raised:
        assertion(*arguments, **options)
    return str(raised.value)


@pytest.mark.parametrize(
    "results",
    [
        handler.run(make_task("a b.jpg")),
        run_job(handler, ["a b.jpg"]),
        run_job(handler, ["a b.jpg"])[0],
        iter(run_job(handler, ["a b.jpg"])),
        handler(make_event("a b.jpg"), make_context()),
    ],
    ids=["outcome", "rows", "row", "iterator", "response"],
)
def test_results_of_all_kinds_are_checked(results: Any) -> None:
    """A test passes what it got, without unpacking it."""
    assert_succeeded(results, message="a b.jpg at 80")


def test_a_failure_is_checked_with_its_code_and_message() -> None:
    """Both are optional; a pattern is searched in the message."""
    rows = run_job(handler, ["c.txt"])

    assert_failed(rows)
    assert_failed(rows, code=ResultCode.PERMANENT_FAILURE, message="not a photo")
    assert_failed(handler.run(make_task("c.txt")), message=re.compile("photo$"))


def test_each_unexpected_result_is_shown() -> None:
    """The text shows the object, the code and the message, and leaves out expected results."""
    text = failure_of(assert_succeeded, run_job(handler, ["a b.jpg", "c.txt"]))

    assert text.splitlines() == [
        "unexpected result of 1 of 2 tasks",
        "",
        "s3://bucket/c.txt",
        "  code:    PermanentFailure, expected Succeeded",
        "  message: not a photo",
    ]


def test_the_difference_of_a_message_is_marked() -> None:
    """The marks are below the characters that differ."""
    text = failure_of(assert_succeeded, Outcome(ResultCode.SUCCEEDED, "at 80"), message="at 81")

    assert text.splitlines()[2:] == [
        "the task",
        "  code:    Succeeded",
        "  message: at 80",
        "  difference (- expected, + actual):",
        "    - at 81",
        "    ?     ^",
        "    + at 80",
        "    ?     ^",
    ]


def test_tasks_of_a_response_are_named_by_short_ids_or_by_keys() -> None:
    """With the event, the text names keys."""
    response = handler(EVENT, make_context())

    short = failure_of(assert_failed, response, code="TemporaryFailure")
    named = failure_of(assert_failed, response, event=EVENT)

    assert len(short) < 300
    assert "task AAAAAAAA…" in short
    assert named.splitlines()[2:] == [
        "s3://bucket/a b.jpg",
        "  code:    Succeeded, expected a failure",
        "  message: a b.jpg at 80",
    ]


@pytest.mark.parametrize(("change", "count"), [(list.pop, 0), (lambda r: r.append(r[-1]), 2)])
def test_each_task_of_the_event_has_one_result(change: Any, count: int) -> None:
    """A missing or repeated result fails the assertion."""
    response = handler(EVENT, make_context())
    change(response["results"])

    text = failure_of(assert_failed, response, event=EVENT)

    assert text == f"s3://bucket/c.txt has {count} results, expected 1"


def test_no_results_fail_every_assertion() -> None:
    """Otherwise a job over nothing would succeed."""
    assert failure_of(assert_succeeded, []) == "there are no results of tasks"
    assert failure_of(assert_failed, run_job(handler, ["a.jpg"]).failed) == (
        "there are no results of tasks"
    )


def test_ten_tasks_are_shown() -> None:
    """The text of a large job remains readable."""
    text = failure_of(assert_succeeded, run_job(handler, [f"{n:02}.txt" for n in range(12)]))

    assert text.count("s3://") == 10
    assert text.endswith("… and 2 more")


@pytest.mark.parametrize("wrong", [None, "Succeeded", {"a": 1}, [make_task()], make_task()])
def test_other_values_are_refused(wrong: Any) -> None:
    """A wrong value is a mistake of the test, not a failure."""
    with pytest.raises(TypeError, match=r"expected the outcome of handler\.run"):
        assert_succeeded(wrong)


def test_comparisons_show_the_fields_that_differ() -> None:
    """IDs are shortened, and fields that are the same are only named."""
    first, second = run_job(handler, ["a b.jpg", "c.txt"])
    response = handler(make_event("a b.jpg"), make_context())
    del response["results"][0]["resultString"]

    assert explain_comparison(handler.run(make_task("c.txt")), (ResultCode.SUCCEEDED, "")) == [
        "Outcome == tuple (- right, + left)",
        "code: PermanentFailure != Succeeded",
        "message: not a photo != ",
    ]
    assert explain_comparison(make_task("a", id="x" * 2000), make_task("a", id="y" * 2000)) == [
        "Task == Task (- right, + left)",
        "id: xxxxxxxx…xxxxxxxx != yyyyyyyy…yyyyyyyy",
        "same: bucket, key, version_id, job, payload",
    ]
    assert "key: a b.jpg != c.txt" in (explain_comparison(first, second) or ())
    assert explain_comparison(response, {**response, "treatMissingKeysAs": "Succeeded"}) == [
        "dict == dict (- right, + left)",
        "treatMissingKeysAs: TemporaryFailure != Succeeded",
        "same: invocationSchemaVersion, invocationId, results[0].taskId, results[0].resultCode",
    ]


@pytest.mark.parametrize(
    ("left", "right"), [((1, 2), (1, 3)), ({"results": []}, {}), (1, 2), (make_task(), 1)]
)
def test_comparisons_of_other_values_are_left_to_pytest(left: object, right: object) -> None:
    """Users compare tuples and dicts of their own."""
    assert explain_comparison(left, right) is None
