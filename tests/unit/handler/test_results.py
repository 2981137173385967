"""Returned values that become the message of a successful task."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from typing_extensions import override

from s3batch_handler import Outcome, PermanentFailure, ResultCode
from s3batch_handler.handler._results import AwaitableReturned, outcome_of

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


Colour = enum.Enum("Colour", {"RED": "red"}, type=str)


class Loud(str):
    __slots__ = ()

    @override
    def __str__(self) -> str:
        return self.upper()


def test_a_function_that_returns_nothing_has_an_empty_message() -> None:
    assert outcome_of(None) == Outcome(SUCCEEDED, "")


@pytest.mark.parametrize("text", ["", "done", "été 🌻", Loud("done"), Colour.RED])
def test_text_is_the_message(text: str) -> None:
    """A subclass of ``str`` is converted to its value."""
    outcome = outcome_of(text)

    assert outcome.code is SUCCEEDED
    assert outcome.message == text
    assert type(outcome.message) is str


@pytest.mark.parametrize("code", ResultCode)
def test_a_result_code_is_an_outcome_without_a_message(code: ResultCode) -> None:
    assert outcome_of(code) == Outcome(code)


@pytest.mark.parametrize("code", ResultCode)
def test_an_outcome_is_returned_unchanged(code: ResultCode) -> None:
    assert outcome_of(Outcome(code, "so be it")) == Outcome(code, "so be it")


@pytest.mark.parametrize(
    ("sloppy", "outcome"),
    [
        (("PermanentFailure", "no"), Outcome(PERMANENT, "no")),
        ((SUCCEEDED, None), Outcome(SUCCEEDED, "")),
        ((SUCCEEDED, {"a": 1}), Outcome(SUCCEEDED, '{"a":1}')),
        ((SUCCEEDED, Loud("done")), Outcome(SUCCEEDED, "done")),
    ],
)
def test_an_outcome_with_other_types_is_converted(sloppy: Any, outcome: Outcome) -> None:
    made = outcome_of(Outcome(*sloppy))

    assert made == outcome
    assert type(made.code) is ResultCode


@pytest.mark.parametrize("code", ["Done", None, 1, []])
def test_an_unknown_result_code_is_refused(code: Any) -> None:
    with pytest.raises(PermanentFailure, match="not a valid ResultCode"):
        outcome_of(Outcome(code))


def test_a_returned_coroutine_is_raised_to_be_awaited() -> None:

    async def work() -> str:
        return "done"

    coroutine = work()

    with pytest.raises(AwaitableReturned) as caught:
        outcome_of(coroutine)

    assert caught.value.awaitable is coroutine
    coroutine.close()


def test_a_coroutine_within_a_value_is_refused() -> None:
    """The message says that it was never awaited."""

    async def work() -> str:
        return "done"

    with pytest.raises(PermanentFailure, match="it was never awaited"):
        outcome_of([work()])
