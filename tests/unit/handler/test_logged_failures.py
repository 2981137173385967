"""Which level and traceback the log line of a failed task has."""

from __future__ import annotations

import asyncio
import math
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from pydantic import BaseModel, model_serializer

from s3batch_handler import (
    Outcome,
    PermanentFailure,
    ResultCode,
    Task,
    TemporaryFailure,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.observation import SUCCEEDED, Log, new_metrics


def test_a_failed_task_is_one_line_of_plain_logging(caplog: pytest.LogCaptureFixture) -> None:
    """A success is not logged."""
    handler = task_handler(lambda task: os.environ[task.key] if task.key == "bad" else "done")

    handler(make_event("good", "bad"), None)

    (line,) = caplog.records
    assert line.name == "s3batch_handler"
    assert line.levelname == "ERROR"
    assert "s3://bucket/bad: KeyError: 'bad'" in line.getMessage()
    assert line.exc_info is not None
    assert line.__dict__["key"] == "bad"


def aws_error(code: str, status: int) -> Exception:
    error = Exception(code)
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.response = response  # type: ignore[attr-defined]
    return error


def test_only_unexpected_exceptions_have_a_traceback(
    caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    """Failures of the user are warnings; errors of AWS are one line without a traceback."""
    errors: list[tuple[Exception, str, bool]] = [
        (PermanentFailure("empty"), "WARNING", False),
        (TemporaryFailure("later"), "WARNING", False),
        (BrokenPipeError("named to give_up_on="), "WARNING", False),
        (KeyError("named to classify="), "WARNING", False),
        (ConnectionResetError("gone"), "WARNING", False),
        (aws_error("SlowDown", 503), "WARNING", False),
        (aws_error("NoSuchKey", 404), "ERROR", False),
        (ValueError("a bug"), "ERROR", True),
    ]
    for error, level, has_traceback in errors:
        for is_async in [False, True]:
            with subtests.test(error=error, is_async=is_async):
                caplog.clear()

                def classify(error: BaseException) -> ResultCode | None:
                    return ResultCode.PERMANENT_FAILURE if isinstance(error, KeyError) else None

                def fail(task: Task) -> None:
                    raise error

                async def fail_async(task: Task) -> None:
                    raise error

                function: Any = fail_async if is_async else fail
                handler = task_handler(give_up_on=(BrokenPipeError,), classify=classify)(function)

                handler.run(make_task("a.jpg"))

                # asyncio logs coroutines that other tests have left.
                (record,) = (log for log in caplog.records if log.name == "s3batch_handler")
                assert record.levelname == level
                assert bool(record.exc_info) is has_traceback
                assert "a.jpg" in record.getMessage()


def test_messages_of_failures_are_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """They are redacted in the report and in the log."""
    secret = "aB3xY5zK9mQ7"

    def fail(task: Task) -> Outcome:
        text = f"https://b.s3.amazonaws.com/{task.key}?Signature={secret}"
        if task.key == "returned":
            return Outcome(ResultCode.PERMANENT_FAILURE, text)
        raise (PermanentFailure if task.key == "failure" else ValueError)(text)

    for key in ("returned", "failure", "error"):
        outcome = task_handler(fail).run(make_task(key))

        assert outcome.message.endswith(f"https://b.s3.amazonaws.com/{key}?Signature=***")
    assert secret not in caplog.text


def test_keys_are_not_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """A task has to be found by its key."""

    @task_handler
    def handler(task: Task) -> None:
        raise ValueError

    handler.run(make_task("token=aB3xY5zK9mQ7/file"))

    assert "s3://bucket/token=aB3xY5zK9mQ7/file: ValueError" in caplog.text


def no_such_key() -> ClientError:
    message = "The specified key does not exist."
    return ClientError({"Error": {"Code": "NoSuchKey", "Message": message}}, "GetObject")


def sync_function(value: Any) -> Any:
    def function(task: Task) -> object:
        if isinstance(value, Exception):
            raise value
        return value

    return function


def async_function(value: Any) -> Any:
    async def function(task: Task) -> object:
        await asyncio.sleep(0)
        return sync_function(value)(task)

    return function


def wrapped_async_function(value: Any) -> Any:
    function = async_function(value)

    def wrapper(task: Task) -> object:
        return function(task)

    return wrapper


@pytest.mark.filterwarnings("ignore::s3batch_handler.ThreadTimeLimitWarning")
def test_a_returned_failure_is_logged_as_a_raised_one(
    caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    """Each failed task is one warning without a traceback."""
    returneds: list[tuple[Any, Exception]] = [
        (Outcome(ResultCode.PERMANENT_FAILURE, "no"), PermanentFailure("no")),
        ((ResultCode.TEMPORARY_FAILURE, "busy"), TemporaryFailure("busy")),
        ({"resultCode": "PermanentFailure", "resultString": "no"}, PermanentFailure("no")),
    ]
    makes: list[Any] = [sync_function, async_function, wrapped_async_function]
    for returned, raised in returneds:
        for make in makes:
            for concurrency in [1, 3]:
                for own in [True, False]:
                    with subtests.test(
                        returned=returned, make=make, concurrency=concurrency, own=own
                    ):
                        caplog.clear()

                        def lines_of(value: Any) -> list[Any]:
                            log = Log()
                            caplog.clear()
                            observed: Any = (
                                {"logger": log.logger, "metrics": new_metrics()} if own else {}
                            )
                            decorator: Any = task_handler(concurrency=concurrency, **observed)
                            decorator(make(value))(make_event("a", "b", "c"), make_context())
                            if own:
                                names = ("level", "message", "key", "result_code", "exception")
                                return sorted(
                                    tuple(line.get(name) for name in names) for line in log.lines
                                )
                            return sorted(
                                (
                                    record.levelname,
                                    record.getMessage(),
                                    record.__dict__["key"],
                                    record.exc_info,
                                )
                                for record in caplog.records
                            )

                        lines = lines_of(returned)

                        assert len(lines) == 3
                        assert {(line[0], line[-1]) for line in lines} == {("WARNING", None)}
                        assert lines == lines_of(raised)


def test_a_success_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    for value in (None, "fine", SUCCEEDED, ResultCode.SUCCEEDED, {"resultCode": "Succeeded"}):
        task_handler(sync_function(value))(make_event("a"), make_context())

    assert not caplog.records


def test_an_exception_group_is_logged_like_its_exceptions(
    caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    """A ``TaskGroup`` raises a group, even for one exception."""
    cases: list[tuple[list[Exception], str, bool]] = [
        ([PermanentFailure("empty"), PermanentFailure("no photo")], "WARNING", False),
        ([ExceptionGroup("inner", [PermanentFailure("empty")])], "WARNING", False),
        ([no_such_key(), no_such_key()], "ERROR", False),
        ([PermanentFailure("empty"), ZeroDivisionError("a bug")], "ERROR", True),
    ]
    for errors, level, has_traceback in cases:
        with subtests.test(errors=errors):
            caplog.clear()

            @task_handler
            def handler(task: Task) -> None:
                raise ExceptionGroup("group", errors)

            handler(make_event("a"), make_context())

            (record,) = caplog.records
            assert (record.levelname, record.exc_info is not None) == (level, has_traceback)


def test_a_waiter_error_with_an_aws_error_has_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = no_such_key().response

    @task_handler
    def handler(task: Task) -> None:
        raise WaiterError("object_exists", "refused", response)

    handler(make_event("a"), make_context())

    (record,) = caplog.records
    assert record.exc_info is None


class Spoiled(BaseModel):
    """A result whose serializer raises an exception."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    @model_serializer
    def _broken(self) -> str:
        raise self._error


def test_a_result_that_is_not_json_is_logged_with_a_traceback(
    caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    """It is a mistake in the user's code."""
    cases: list[Any] = [
        Spoiled(ZeroDivisionError("by zero")),
        [Spoiled(ZeroDivisionError("by zero"))],
        b"bytes",
        math.nan,
        {"resultCode": "Perhaps"},
    ]
    for value in cases:
        with subtests.test(value=value):
            caplog.clear()
            response = task_handler(sync_function(value))(make_event("a"), make_context())

            (record,) = caplog.records
            assert response["results"][0]["resultCode"] == "PermanentFailure"
            assert record.levelname == "ERROR"
            assert record.exc_info is not None


def test_a_failure_raised_by_a_serializer_is_logged_as_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    function = sync_function(Spoiled(TemporaryFailure("busy")))

    response = task_handler(function)(make_event("a"), make_context())

    (record,) = caplog.records
    assert response["results"][0]["resultCode"] == "TemporaryFailure"
    assert (record.levelname, record.exc_info) == ("WARNING", None)
