"""The text for an exception in reports and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import PermanentFailure, TemporaryFailure
from tests.support.exceptions import chain, client_error

if TYPE_CHECKING:
    import pytest

SLOW = "SlowDown calling GetObject: Please reduce your request rate."


def test_description_of_an_exception(subtests: pytest.Subtests) -> None:
    for error, words in [
        (ValueError("text"), "ValueError: text"),
        (ValueError(), "ValueError"),
        (ValueError("  \n"), "ValueError"),
        (KeyError("width"), "KeyError: 'width'"),
        (SystemExit(3), "SystemExit: 3"),
        (PermanentFailure("not a photo"), "not a photo"),
        (PermanentFailure(), "PermanentFailure"),
        (chain(TemporaryFailure("later"), ValueError("x")), "later"),
        (chain(TemporaryFailure(), ValueError("x")), "ValueError: x"),
        (chain(TemporaryFailure(), PermanentFailure(), ValueError("x")), "ValueError: x"),
        (chain(RuntimeError("load"), ValueError("x")), "RuntimeError: load"),
        (client_error(), SLOW),
        (
            client_error(status=503, request_id="ABC"),
            f"{SLOW} (HTTP 503, request id ABC)",
        ),
        (client_error(message="", status=503), "SlowDown calling GetObject (HTTP 503)"),
    ]:
        with subtests.test(error=error):
            assert describe(error) == words


def test_description_has_both_ends_of_a_chain() -> None:
    """It has the exception that was raised and the one that decided."""
    error = chain(RuntimeError("no thumbnail"), KeyError("k"), client_error("SlowDown", 503))

    assert describe(error) == (
        "RuntimeError: no thumbnail, caused by "
        "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503)"
    )


def test_description_does_not_repeat_a_text(subtests: pytest.Subtests) -> None:
    for outer, inner, words in [
        ("load: timed out", "timed out", "RuntimeError: load, caused by TimeoutError: timed out"),
        ("timed out", "timed out", "RuntimeError, caused by TimeoutError: timed out"),
        ("(timed out) while loading", "timed out", "RuntimeError: (timed out) while loading"),
        (
            "untimed out",
            "timed out",
            "RuntimeError: untimed out, caused by TimeoutError: timed out",
        ),
        ("load", "", "RuntimeError: load, caused by TimeoutError"),
    ]:
        with subtests.test(outer=outer):
            error = chain(RuntimeError(outer), TimeoutError(*[inner] if inner else []))

            assert describe(error) == words


def test_description_of_a_task_failure_in_a_chain() -> None:
    """A TaskFailure that was caught and converted decides, so its text is included."""
    error = chain(RuntimeError("step 3"), PermanentFailure("not a photo"))

    assert describe(error) == "RuntimeError: step 3, caused by not a photo"


def test_description_of_what_the_user_decided() -> None:
    """It says what decided: the tables, ``retry_on`` or ``classify``."""
    error = chain(RuntimeError("step 3"), KeyError("lock"), ValueError())

    found = classify(error, retry_on=(KeyError,))

    assert found.source is error.__cause__
    assert describe(error, found.source) == "RuntimeError: step 3, caused by KeyError: 'lock'"


def test_description_keeps_the_aws_error_behind_what_the_user_decided() -> None:
    """A rule for the outermost exception does not hide the AWS error that caused it."""
    error = chain(RuntimeError("copy"), client_error(status=503, request_id="7QXEXAMPLE"))

    found = classify(error, give_up_on=(RuntimeError,))

    assert found.source is error
    assert "7QXEXAMPLE" in describe(error, found.source)


def test_description_of_a_task_failure_without_text_in_a_circle() -> None:
    bare, outer = TemporaryFailure(), RuntimeError("x")
    bare.__cause__, outer.__cause__ = outer, bare

    assert describe(bare) == "RuntimeError: x"
    assert describe(outer) == "RuntimeError: x"


def test_description_of_a_group() -> None:
    """It has the number of exceptions, and the first ones."""
    inner = ExceptionGroup("inner", [KeyError("k"), client_error("SlowDown", 503)])
    error = ExceptionGroup("copying", [TimeoutError("late"), inner, ValueError("a"), OSError("b")])

    assert describe(error) == (
        "ExceptionGroup: copying (5 errors: TimeoutError: late; KeyError: 'k'; "
        "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503); and 2 more)"
    )


def test_description_of_a_group_of_one() -> None:
    error = BaseExceptionGroup("stop", [KeyboardInterrupt()])

    assert describe(error) == "BaseExceptionGroup: stop (1 error: KeyboardInterrupt)"


def test_description_of_an_exception_whose_text_raises() -> None:
    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe(HostileError()) == "HostileError: (its text cannot be shown)"


def test_long_text_is_truncated(subtests: pytest.Subtests) -> None:
    for error in [
        ValueError("x" * 10_000_000),
        client_error(message="x" * 10_000_000),
        PermanentFailure("x" * 10_000_000),
        chain(RuntimeError("x" * 10_000_000), TimeoutError("y" * 10_000_000)),
        ExceptionGroup(
            "x" * 10_000_000, [ValueError("y" * 10_000_000), *[ValueError("z")] * 10_000]
        ),
    ]:
        with subtests.test(type=type(error)):
            assert len(describe(error)) < 5_000


def test_cause_is_described_within_the_limit_of_a_report() -> None:
    """A long outer text must not move the request ID beyond the row's 1,024 characters."""
    error = chain(RuntimeError("x" * 5000), client_error(status=503, request_id="7QXEXAMPLE"))

    assert "7QXEXAMPLE" in describe(error)[:1024]


@given(st.text(), st.text())
def test_any_text_can_be_described(outer: str, inner: str) -> None:
    """The description is not empty, and begins with the type."""
    error = chain(RuntimeError(outer), TimeoutError(inner))

    assert describe(error).startswith("RuntimeError")
