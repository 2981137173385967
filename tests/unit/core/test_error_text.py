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


def test_words_for_an_exception(subtests: pytest.Subtests) -> None:
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


def test_words_name_both_ends_of_a_chain() -> None:
    """What came out, and what it was about; the steps between help nobody."""
    error = chain(RuntimeError("no thumbnail"), KeyError("k"), client_error("SlowDown", 503))

    assert describe(error) == (
        "RuntimeError: no thumbnail, caused by "
        "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503)"
    )


def test_words_are_not_said_twice(subtests: pytest.Subtests) -> None:
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


def test_words_for_a_failure_raised_by_a_helper() -> None:
    """A TaskFailure that was caught and converted decides, so its text is told."""
    error = chain(RuntimeError("step 3"), PermanentFailure("not a photo"))

    assert describe(error) == "RuntimeError: step 3, caused by not a photo"


def test_words_for_what_the_user_has_decided() -> None:
    """Whoever decided is named: the built-in table, ``retry_on`` or ``classify``."""
    error = chain(RuntimeError("step 3"), KeyError("lock"), ValueError())

    found = classify(error, retry_on=(KeyError,))

    assert found.source is error.__cause__
    assert describe(error, found.source) == "RuntimeError: step 3, caused by KeyError: 'lock'"


def test_words_keep_the_request_behind_what_the_user_has_decided() -> None:
    """An opinion on the outermost exception does not hide the AWS error behind it."""
    error = chain(RuntimeError("copy"), client_error(status=503, request_id="7QXEXAMPLE"))

    found = classify(error, give_up_on=(RuntimeError,))

    assert found.source is error
    assert "7QXEXAMPLE" in describe(error, found.source)


def test_words_for_a_bare_failure_in_a_circle() -> None:
    bare, outer = TemporaryFailure(), RuntimeError("x")
    bare.__cause__, outer.__cause__ = outer, bare

    assert describe(bare) == "RuntimeError: x"
    assert describe(outer) == "RuntimeError: x"


def test_words_for_a_group() -> None:
    """How many, and the first few of them."""
    inner = ExceptionGroup("inner", [KeyError("k"), client_error("SlowDown", 503)])
    error = ExceptionGroup("copying", [TimeoutError("late"), inner, ValueError("a"), OSError("b")])

    assert describe(error) == (
        "ExceptionGroup: copying (5 errors: TimeoutError: late; KeyError: 'k'; "
        "SlowDown calling GetObject: Please reduce your request rate. (HTTP 503); and 2 more)"
    )


def test_words_for_a_group_of_one() -> None:
    error = BaseExceptionGroup("stop", [KeyboardInterrupt()])

    assert describe(error) == "BaseExceptionGroup: stop (1 error: KeyboardInterrupt)"


def test_text_that_cannot_be_had() -> None:
    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe(HostileError()) == "HostileError: (its text cannot be shown)"


def test_huge_text_is_cut(subtests: pytest.Subtests) -> None:
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


def test_cause_is_named_within_what_a_report_keeps() -> None:
    """A long text outside must not push the request id out of the row's 1,024 characters."""
    error = chain(RuntimeError("x" * 5000), client_error(status=503, request_id="7QXEXAMPLE"))

    assert "7QXEXAMPLE" in describe(error)[:1024]


@given(st.text(), st.text())
def test_describe_takes_any_text(outer: str, inner: str) -> None:
    """Whatever stands in a message, there are words, with the type first."""
    error = chain(RuntimeError(outer), TimeoutError(inner))

    assert describe(error).startswith("RuntimeError")
