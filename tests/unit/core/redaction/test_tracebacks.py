"""Tracebacks in the log have no credentials."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from typing_extensions import override

from s3batch_handler.core._logged_exceptions import redact_exception
from tests.support.redaction import SECRET, Account, error_of, raised


def logged(error: BaseException) -> str:
    """Return what logging makes of an exception."""
    shown = redact_exception(error)
    return logging.Formatter().formatException((type(shown), shown, shown.__traceback__))


def test_exception_without_secrets_is_logged_itself() -> None:
    """Log handlers find its class and attributes."""
    error = raised(ValueError("too dark"), cause=raised(KeyError("k")))

    assert redact_exception(error) is error


def test_traceback_has_no_secrets() -> None:
    """In causes, contexts, notes, groups and lines of a syntax error; the rest is unchanged."""
    pydantic_error = error_of(lambda: Account.model_validate({"name": "x", "pin": SECRET}))
    syntax_error = error_of(lambda: compile(f"token='{SECRET}' x", "a.py", "exec"))
    context = ValueError(f"?token={SECRET}")
    context.__context__ = syntax_error
    group = ExceptionGroup(f"token={SECRET}", [pydantic_error, raised(context), OSError("fine")])
    error = raised(RuntimeError(f"http://ann:{SECRET}@h/"), cause=group)
    error.add_note(f"password={SECRET}")

    text = logged(error)

    assert SECRET in "".join(traceback.format_exception(error))
    assert SECRET not in text
    assert "in raised" in text
    assert "RuntimeError: http://ann:***@h/\npassword=***" in text
    assert "ExceptionGroup: token=*** (3 sub-exceptions)" in text
    assert "pydantic_core._pydantic_core.ValidationError: 1 validation error for Account" in text
    assert "ValueError: ?token=***" in text
    assert "OSError: fine" in text
    assert "direct cause" in text


def test_circular_chains_are_logged() -> None:
    first, second = ValueError(f"token={SECRET}"), ValueError("b")
    first.__context__, second.__context__ = second, first

    assert SECRET not in logged(first)


def test_group_that_contains_itself_ends() -> None:
    class Circle(ExceptionGroup[Exception]):
        @property
        @override
        def exceptions(self) -> tuple[Any, ...]:
            return (self, ValueError(f"token={SECRET}"))

    assert SECRET not in logged(Circle("a", [ValueError()]))


def test_huge_exception_is_cut_in_the_log() -> None:
    assert len(logged(raised(ValueError("x" * 10_000_000)))) < 10_000


def test_exception_without_a_text_is_logged_with_its_traceback() -> None:
    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    text = logged(raised(HostileError()))

    assert "HostileError: (its text cannot be shown)" in text
    assert "in raised" in text
