"""``idempotency=``: a task that is done returns its stored outcome, any other task is run."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler import Outcome, PermanentFailure, ResultCode, Task, task_handler
from s3batch_handler.testing import make_context, make_event, make_task, run_job
from tests.support.handlers import codes_of, decorate, results_of
from tests.support.idempotency import counting

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer


@pytest.mark.parametrize("schema_version", ["1.0", "2.0"])
def test_a_task_that_is_done_returns_its_stored_outcome(
    layer: BasePersistenceLayer, schema_version: str
) -> None:
    """The text is that of the first report, also if it was escaped or truncated."""
    calls = []

    @task_handler(idempotency=layer)
    def handler(task: Task) -> str:
        calls.append(task.key)
        return "é\n" * 2000

    event = make_event("a b.txt", schema_version=schema_version)
    first = handler(event, make_context())
    again = handler(event, make_context())

    assert calls == ["a b.txt"]
    assert again == first
    assert codes_of(first) == ["Succeeded"]


def test_the_store_keeps_the_result_as_in_a_response(table: Any, dynamodb: Any) -> None:
    @task_handler(idempotency=dynamodb)
    def handler(task: Task) -> dict[str, int]:
        return {"size": 7}

    handler.run(make_task())

    (item,) = table.scan()["Items"]
    assert item["status"] == "COMPLETED"
    assert json.loads(item["data"]) == {"resultCode": "Succeeded", "resultString": '{"size":7}'}


def test_the_store_keeps_as_much_of_a_message_as_a_report(table: Any, dynamodb: Any) -> None:
    handler = decorate(idempotency=dynamodb)(lambda task: "x" * 1_000_000)

    handler.run(make_task())

    (item,) = table.scan()["Items"]
    assert len(json.loads(item["data"])["resultString"]) == 1024


def fail(outcome: Any) -> Any:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (PermanentFailure("no"), "PermanentFailure"),
        (TimeoutError("slow"), "TemporaryFailure"),
        (ValueError("unexpected"), "PermanentFailure"),
        (SystemExit(1), "PermanentFailure"),
        (Outcome(ResultCode.TEMPORARY_FAILURE, "later"), "TemporaryFailure"),
        (float("nan"), "PermanentFailure"),
    ],
    ids=repr,
)
def test_a_task_that_failed_is_run_again(
    dynamodb: Any, table: Any, failure: Any, code: str
) -> None:
    results = [failure, "done"]
    handler = decorate(idempotency=dynamodb)(lambda task: fail(results.pop(0)))

    first = handler(make_event("a"), make_context())
    items = table.scan()["Items"]
    second = handler(make_event("a"), make_context())

    assert codes_of(first) == [code]
    assert items == []
    assert results_of(second) == [("Succeeded", "done")]


def test_a_task_that_failed_the_invocation_is_run_again(dynamodb: Any) -> None:
    """``unexpected="raise"``: the exception leaves the handler."""
    results = [ValueError("unexpected"), "done"]
    handler = decorate(idempotency=dynamodb, unexpected="raise")(
        lambda task: fail(results.pop(0)),
    )

    with pytest.raises(ValueError, match="unexpected"):
        handler(make_event("a"), make_context())

    assert results_of(handler(make_event("a"), make_context())) == [("Succeeded", "done")]


def test_a_task_in_progress_in_another_invocation_fails_temporarily(
    layer: BasePersistenceLayer,
) -> None:
    """The message says when the task can run, in case that the other invocation was stopped."""
    others: list[Outcome] = []

    @task_handler(idempotency=layer)
    def handler(task: Task) -> str:
        others.append(handler.run(task, make_context(timeout=100)))
        return "done"

    outcome = handler.run(make_task(), make_context(timeout=500))

    assert outcome == ("Succeeded", "done")
    ((code, message),) = others
    assert code is ResultCode.TEMPORARY_FAILURE
    assert message.startswith(
        "in progress in another invocation. If that invocation was stopped, the task"
    )
    seconds = int(message.split()[-2])
    assert 400 < seconds <= 500


def test_the_second_of_two_equal_tasks_in_an_event_gets_the_outcome_of_the_first(
    layer: BasePersistenceLayer,
) -> None:
    """They have different IDs, and each ID has its result."""
    calls = []

    @task_handler(idempotency=layer)
    def handler(task: Task) -> str:
        calls.append(task.key)
        return f"call {len(calls)}"

    event = make_event("a", "b", "a")
    response = handler(event, make_context())

    assert results_of(response) == [
        ("Succeeded", "call 1"),
        ("Succeeded", "call 2"),
        ("Succeeded", "call 1"),
    ]
    assert [result["taskId"] for result in response["results"]] == [
        task["taskId"] for task in event["tasks"]
    ]


def declared_as_async(calls: list[str]) -> Callable[[Task], object]:
    async def function(task: Task) -> str:
        calls.append(task.key)
        return f"call {len(calls)}"

    return function


def returning_a_coroutine(calls: list[str]) -> Callable[[Task], object]:
    function = declared_as_async(calls)

    def plain(task: Task) -> object:
        return function(task)

    return plain


@pytest.mark.parametrize("create", [declared_as_async, returning_a_coroutine])
def test_async_functions_are_run_once(
    dynamodb: Any, create: Callable[[list[str]], Callable[[Task], object]]
) -> None:
    calls: list[str] = []
    handler = decorate(idempotency=dynamodb)(create(calls))

    responses = [handler(make_event("a"), make_context()) for _ in range(2)]

    assert [results_of(response) for response in responses] == [[("Succeeded", "call 1")]] * 2


def test_an_async_task_that_failed_is_run_again(dynamodb: Any) -> None:
    results = [TimeoutError("slow"), "done"]

    @task_handler(idempotency=dynamodb)
    async def handler(task: Task) -> Any:
        return fail(results.pop(0))

    responses = [handler(make_event("a"), make_context()) for _ in range(2)]

    assert [codes_of(response) for response in responses] == [["TemporaryFailure"], ["Succeeded"]]


def test_a_retry_in_a_job_does_not_run_a_task_whose_response_was_lost(
    layer: BasePersistenceLayer,
) -> None:
    calls: list[str] = []
    lost: list[str] = []

    @task_handler(idempotency=layer)
    def handler(task: Task) -> str:
        calls.append(task.key)
        return f"charged for {task.key}"

    def losing_the_first_response(event: Any, context: Any) -> Any:
        response = handler(event, context)
        (task,) = event["tasks"]
        if task["s3Key"] not in lost:
            lost.append(task["s3Key"])
            response["results"] = []
        return response

    rows = run_job(losing_the_first_response, ["a", "b"])

    assert [row.message for row in rows] == ["charged for a", "charged for b"]
    assert sorted(lost) == ["a", "b"]
    assert sorted(calls) == ["a", "b"]


@pytest.mark.parametrize(("value", "calls"), [("true", 2), ("1", 2), ("false", 1), ("", 1)])
def test_tests_can_disable_idempotency_as_in_powertools(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, value: str, calls: int
) -> None:
    handler = counting(dynamodb)
    monkeypatch.setenv("POWERTOOLS_IDEMPOTENCY_DISABLED", value)

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        messages = [handler.run(make_task()).message for _ in range(2)]

    assert messages[-1] == f"call {calls}"
    assert ["POWERTOOLS_IDEMPOTENCY_DISABLED" in str(one.message) for one in shown] == (
        [True, True] if calls == 2 else []
    )


def test_a_stored_success_counts_as_a_success_in_metrics(
    dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from aws_lambda_powertools import Metrics

    metrics = Metrics(namespace="Photos", service="thumbnails")
    metrics.clear_metrics()  # all metrics of a process are in one place
    calls = []

    @metrics.log_metrics
    @task_handler(idempotency=dynamodb, metrics=metrics)
    def handler(task: Task) -> None:
        calls.append(task.key)

    context: Any = make_context()
    handler(make_event("a", "a"), context)

    assert calls == ["a"]
    assert json.loads(capsys.readouterr().out)["TaskSucceeded"] == [1.0, 1.0]
