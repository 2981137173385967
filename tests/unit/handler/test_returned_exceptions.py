"""Exceptions that a function returns count as raised."""

from __future__ import annotations

from typing import Any

import pytest

from s3batch_handler import PermanentFailure, TemporaryFailure
from s3batch_handler.handler._results import outcome_of


def test_a_returned_exception_counts_as_raised(subtests: pytest.Subtests) -> None:
    """``return TemporaryFailure(…)`` has the effect of ``raise``."""
    cases: list[BaseException] = [
        TemporaryFailure("later"),
        TimeoutError("later"),
        SystemExit("later"),
    ]
    for value in cases:
        with subtests.test(value=value):
            with pytest.raises(type(value)) as caught:
                outcome_of(value)

            assert caught.value is value


def test_an_exception_in_a_returned_value_counts_as_raised(subtests: pytest.Subtests) -> None:
    """``asyncio.gather(…, return_exceptions=True)`` returns exceptions in a list."""
    cases: list[Any] = [
        [TimeoutError("later"), None],
        (1, TimeoutError("later")),
        {"copied": TimeoutError("later"), "tagged": None},
        [[TimeoutError("later")], {"a": 1}],
    ]
    for value in cases:
        with subtests.test(value=value), pytest.raises(TimeoutError, match="later"):
            outcome_of(value)


def test_several_exceptions_in_a_returned_value_count_as_a_group() -> None:
    errors = [TimeoutError("later"), ValueError("never")]

    with pytest.raises(ExceptionGroup) as caught:
        outcome_of([1, *errors])

    assert [*caught.value.exceptions] == errors


def test_a_returned_failure_class_counts_as_raised() -> None:
    """Other classes are not JSON."""
    with pytest.raises(TemporaryFailure):
        outcome_of(TemporaryFailure)
    with pytest.raises(PermanentFailure, match="'type' is not JSON"):
        outcome_of(TimeoutError)
