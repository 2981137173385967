"""Returned values that become the message of a successful task."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from typing_extensions import override

from s3batch_handler import Outcome, PermanentFailure, ResultCode
from s3batch_handler.handler._result_errors import AwaitableReturned
from s3batch_handler.handler._results import outcome_of

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


Color = enum.Enum("Color", {"RED": "red"}, type=str)


class Loud(str):
    __slots__ = ()

    @override
    def __str__(self) -> str:
        return self.upper()


def test_a_function_that_returns_nothing_has_an_empty_message() -> None:
    assert outcome_of(None) == Outcome(SUCCEEDED, "")


def test_text_is_the_message(subtests: pytest.Subtests) -> None:
    """A subclass of ``str`` is converted to its value."""
    for text in ["", "done", "x" * len("PermanentFailure"), "été 🌻", Loud("done"), Color.RED]:
        with subtests.test(text=text):
            outcome = outcome_of(text)

            assert outcome.code is SUCCEEDED
            assert outcome.message == text
            assert type(outcome.message) is str


def test_a_result_code_is_an_outcome_without_a_message(subtests: pytest.Subtests) -> None:
    for code in ResultCode:
        with subtests.test(code=code):
            assert outcome_of(code) == Outcome(code)


def test_an_outcome_is_returned_unchanged(subtests: pytest.Subtests) -> None:
    for code in ResultCode:
        with subtests.test(code=code):
            assert outcome_of(Outcome(code, "so be it")) == Outcome(code, "so be it")


def test_an_outcome_with_other_types_is_converted(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, Outcome]] = [
        (("PermanentFailure", "no"), Outcome(PERMANENT, "no")),
        ((SUCCEEDED, None), Outcome(SUCCEEDED, "")),
        ((SUCCEEDED, {"a": 1}), Outcome(SUCCEEDED, '{"a":1}')),
        ((SUCCEEDED, Loud("done")), Outcome(SUCCEEDED, "done")),
    ]
    for sloppy, outcome in cases:
        with subtests.test(sloppy=sloppy):
            made = outcome_of(Outcome(*sloppy))

            assert made == outcome
            assert type(made.code) is ResultCode


def test_an_unknown_result_code_is_refused(subtests: pytest.Subtests) -> None:
    cases: list[Any] = ["Done", None, 1, []]
    for code in cases:
        with (
            subtests.test(code=code),
            pytest.raises(PermanentFailure, match="not a valid ResultCode"),
        ):
            outcome_of(Outcome(code))


def test_a_returned_coroutine_is_raised_to_be_awaited() -> None:
    async def work() -> str:
        return "done"

    coroutine = work()

    with pytest.raises(AwaitableReturned) as caught:
        outcome_of(coroutine)

    assert caught.value.awaitable is coroutine
    assert str(caught.value) == "the function returned something that was never awaited"
    coroutine.close()


def test_a_coroutine_within_a_value_is_refused() -> None:
    """The message says that it was never awaited."""

    async def work() -> str:
        return "done"

    with pytest.raises(PermanentFailure, match="it was never awaited"):
        outcome_of([work()])
