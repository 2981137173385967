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


def test_none() -> None:
    """A function that returns nothing has succeeded and has nothing to say."""
    assert outcome_of(None) == Outcome(SUCCEEDED, "")


@pytest.mark.parametrize("text", ["", "done", "été 🌻", Loud("done"), Colour.RED])
def test_text(text: str) -> None:
    """Text is the message as it is, also that of a subclass with ideas of its own."""
    outcome = outcome_of(text)

    assert outcome.code is SUCCEEDED
    assert outcome.message == text
    assert type(outcome.message) is str


@pytest.mark.parametrize("code", ResultCode)
def test_code(code: ResultCode) -> None:
    """A bare code is an outcome without a message."""
    assert outcome_of(code) == Outcome(code)


@pytest.mark.parametrize("code", ResultCode)
def test_outcome(code: ResultCode) -> None:
    """An outcome is itself, whatever its code."""
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
def test_sloppy_outcome(sloppy: Any, outcome: Outcome) -> None:
    """A code spelled as AWS spells it will do, and a message that can be made text."""
    made = outcome_of(Outcome(*sloppy))

    assert made == outcome
    assert type(made.code) is ResultCode


@pytest.mark.parametrize("code", ["Done", None, 1, []])
def test_outcome_that_is_none(code: Any) -> None:
    """A code that S3 does not know never leaves the function."""
    with pytest.raises(PermanentFailure, match="not a valid ResultCode"):
        outcome_of(Outcome(code))


def test_a_coroutine_is_handed_back() -> None:
    """What has to be awaited first is no outcome yet: the caller gets it to await it."""

    async def work() -> str:
        return "done"

    coroutine = work()

    with pytest.raises(AwaitableReturned) as caught:
        outcome_of(coroutine)

    assert caught.value.awaitable is coroutine
    coroutine.close()


def test_a_coroutine_within_a_value_is_refused() -> None:
    """Nobody awaits what is part of a value; the text says what to do about it."""

    async def work() -> str:
        return "done"

    with pytest.raises(PermanentFailure, match="it was never awaited"):
        outcome_of([work()])
