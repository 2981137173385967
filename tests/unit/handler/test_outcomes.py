"""What a function returns or raises decides the result of its task."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given

from s3batch_handler import (
    JobRef,
    Outcome,
    PermanentFailure,
    ResultCode,
    Task,
    TemporaryFailure,
    task_handler,
)
from s3batch_handler.testing import make_context, make_event, make_task, strategies
from tests.support.handlers import decorate, raising, results_of

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


RETURNED: list[tuple[Any, tuple[str, str]]] = [
    (None, ("Succeeded", "")),
    ("done", ("Succeeded", "done")),
    ({"size": 3}, ("Succeeded", '{"size":3}')),
    (Outcome(TEMPORARY, "later"), ("TemporaryFailure", "later")),
    (Outcome(PERMANENT), ("PermanentFailure", "")),
    (ResultCode.PERMANENT_FAILURE, ("PermanentFailure", "")),
    (JobRef(id="j"), ("Succeeded", '{"id":"j","arguments":{}}')),
    ("x\ny\ud800", ("Succeeded", "x\\ny\ufffd")),
    ("x" * 2000, ("Succeeded", "x" * 996 + "… [cut, of 2,000 characters]")),
]


def test_a_returned_value_becomes_the_result(subtests: pytest.Subtests) -> None:
    """A function may also return a failure."""
    for value, answer in RETURNED:
        with subtests.test(value=value):
            response = task_handler(lambda task: value)(make_event("a"), None)

            assert results_of(response) == [answer]


def test_a_returned_value_that_is_not_a_result_fails_the_task(subtests: pytest.Subtests) -> None:
    """The message says what the function returned."""
    cases: list[Any] = [
        b"raw",
        math.nan,
        object(),
        (x for x in "a"),
        {1, b"raw"},
        Outcome("Done"),  # type: ignore[arg-type]
        Outcome(None),  # type: ignore[arg-type]
    ]
    for value in cases:
        with subtests.test(value=value):
            ((code, message),) = results_of(task_handler(lambda task: value)(make_event("a"), None))

            assert code == "PermanentFailure"
            assert "the function" in message
            assert "return" in message


@given(strategies.results())
def test_any_returned_value_gives_a_valid_response(value: Any) -> None:
    """Lambda and S3 can read it."""
    response = task_handler(lambda task: value)(make_event("a"), None)

    ((code, message),) = results_of(json.loads(json.dumps(response)))
    assert code in {"Succeeded", "TemporaryFailure", "PermanentFailure"}
    assert len(message) <= 1024
    message.encode()


class FakeError(Exception):
    def __init__(self, *, cannot_be_shown: bool = False) -> None:
        super().__init__("some text")
        self.cannot_be_shown = cannot_be_shown

    def __str__(self) -> str:  # type: ignore[explicit-override]
        if self.cannot_be_shown:
            raise ValueError("not even this")
        return "some text"


NO_SUCH_KEY = ClientError(
    {
        "Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."},
        "ResponseMetadata": {"HTTPStatusCode": 404, "RequestId": "TX234S0F24A06C7"},  # type: ignore[typeddict-item]
    },
    "GetObject",
)


def test_a_raised_exception_decides_the_result(subtests: pytest.Subtests) -> None:
    """The message names the exception."""
    cases: list[tuple[Exception, str, str]] = [
        (TemporaryFailure("not yet"), "TemporaryFailure", "not yet"),
        (PermanentFailure("never"), "PermanentFailure", "never"),
        (TemporaryFailure(), "TemporaryFailure", "TemporaryFailure"),
        (ConnectionResetError("gone"), "TemporaryFailure", "ConnectionResetError: gone"),
        (TimeoutError(), "TemporaryFailure", "TimeoutError"),
        (ZeroDivisionError("a bug"), "PermanentFailure", "ZeroDivisionError: a bug"),
        (NO_SUCH_KEY, "PermanentFailure", "NoSuchKey calling GetObject"),
        (NO_SUCH_KEY, "PermanentFailure", "TX234S0F24A06C7"),
        (FakeError(), "PermanentFailure", "FakeError: some text"),
        (FakeError(cannot_be_shown=True), "PermanentFailure", "FakeError"),
        (ExceptionGroup("several", [TimeoutError()]), "TemporaryFailure", "several"),
        (StopIteration("odd"), "PermanentFailure", "StopIteration"),
        (RecursionError("deep"), "PermanentFailure", "RecursionError"),
        (MemoryError(), "PermanentFailure", "MemoryError"),
    ]
    for error, code, says in cases:
        with subtests.test(error=error):
            ((answered, message),) = results_of(task_handler(raising(error))(make_event("a"), None))

            assert answered == code
            assert says in message


def test_exceptions_that_end_processes_fail_only_their_task(subtests: pytest.Subtests) -> None:
    """The other tasks of the invocation succeed."""
    errors: list[BaseException] = [
        SystemExit("bye"),
        SystemExit(0),
        KeyboardInterrupt(),
        GeneratorExit(),
        BaseExceptionGroup("all", [SystemExit()]),
        type("OwnBase", (BaseException,), {})("own"),
    ]
    for context in (None, make_context()):
        for error in errors:
            with subtests.test(context=context, error=error):

                @task_handler(unexpected="raise")
                def handler(task: Task) -> str:
                    if task.key == "b":
                        raise error
                    return "done"

                response = handler(make_event("a", "b", "c"), context)

                assert [code for code, _ in results_of(response)] == [
                    "Succeeded",
                    "PermanentFailure",
                    "Succeeded",
                ]
                assert type(error).__name__ in results_of(response)[1][1]


class Throttled(Exception):
    pass


class NotAPhoto(ConnectionError):
    pass


def test_retry_on_and_give_up_on_come_before_the_table() -> None:
    handler = task_handler(retry_on=(Throttled,), give_up_on=(NotAPhoto,))

    temporary = handler(raising(Throttled()))(make_event("a"), None)
    permanent = handler(raising(NotAPhoto()))(make_event("a"), None)

    assert results_of(temporary) == [("TemporaryFailure", "Throttled")]
    assert results_of(permanent) == [("PermanentFailure", "NotAPhoto")]


def test_classify_is_called_first() -> None:
    """``None`` means that the next rule decides."""

    def opinion(error: BaseException) -> ResultCode | None:
        return TEMPORARY if "again" in str(error) else None

    handler = task_handler(classify=opinion, give_up_on=(KeyError,))

    asked = handler(raising(KeyError("again")))(make_event("a"), None)
    not_asked = handler(raising(KeyError("never")))(make_event("a"), None)

    assert [code for code, _ in results_of(asked)] == ["TemporaryFailure"]
    assert [code for code, _ in results_of(not_asked)] == ["PermanentFailure"]


def test_unexpected_is_the_code_of_unclassified_exceptions(subtests: pytest.Subtests) -> None:
    for code in ResultCode:
        with subtests.test(code=code):
            handler = task_handler(unexpected=code)(raising(ZeroDivisionError("a bug")))

            assert results_of(handler(make_event("a"), None)) == [
                (code.value, "ZeroDivisionError: a bug")
            ]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_unexpected_raise_fails_the_invocation(concurrency: int) -> None:
    """Classified exceptions still become results."""
    options: Any = {"unexpected": "raise", "concurrency": concurrency}
    event = make_event("a", "b")

    known = decorate(**options)(raising(NO_SUCH_KEY))(event, None)

    assert [code for code, _ in results_of(known)] == ["PermanentFailure"] * 2
    with pytest.raises(ZeroDivisionError):
        decorate(**options)(raising(ZeroDivisionError()))(event, None)


@given(strategies.exceptions())
def test_any_raised_exception_gives_a_valid_response(error: Exception) -> None:
    """Lambda and S3 can read it."""

    def work(task: Task) -> None:
        raise error

    response = task_handler(work)(make_event("a"), None)

    ((code, message),) = results_of(json.loads(json.dumps(response)))
    assert code in {"TemporaryFailure", "PermanentFailure"}
    assert 0 < len(message) <= 1024
    message.encode()


def test_the_message_of_a_success_is_not_redacted() -> None:
    """A function may have been written to create presigned URLs."""
    url = "https://b.s3.amazonaws.com/k?Signature=aB3xY5zK9mQ7"

    assert task_handler(lambda task: url).run(make_task("k")).message == url
    outcome = Outcome(ResultCode.SUCCEEDED, url)
    assert task_handler(lambda task: outcome).run(make_task("k")).message == url
