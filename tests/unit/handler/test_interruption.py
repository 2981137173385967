"""What a function can do when it is interrupted."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.handler._time_limit import call_within
from tests.support.handlers import LONG, soon
from tests.support.time_limits import IN_SLEEP, LIMIT, InterruptibleIf, sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_except_exception_does_not_catch_an_interruption() -> None:
    def careful(_: object) -> str:
        with contextlib.suppress(Exception):
            try:
                sleep()
            except Exception:
                return "caught"
        return "suppressed"

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, careful, None)


def test_cleanup_code_has_half_of_the_reserve() -> None:
    """It may be in ``finally``, ``with`` or a generator."""
    done = []

    @contextlib.contextmanager
    def manager() -> Iterator[None]:
        try:
            yield
        finally:
            time.sleep(0.05)
            done.append("manager")

    def generator() -> Iterator[None]:
        with manager():
            yield
            sleep()

    def work(_: object) -> None:
        try:
            for _ in generator():
                pass
        finally:
            time.sleep(0.05)
            done.append("finally")

    with soon(), pytest.raises(OutOfTime):
        call_within(1.0, work, None, LONG / 4)  # for busy machines

    assert done == ["manager", "finally"]


def test_cleanup_code_after_a_wait_for_a_lock_has_half_of_the_reserve() -> None:
    done = []

    def work(_: object) -> None:
        try:
            threading.Event().wait(LONG)
        finally:
            time.sleep(0.05)
            done.append("finally")

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, work, None, LONG / 4)

    assert done == ["finally"]


def spin_in_try(steps: list[str]) -> None:
    try:
        steps.append("try")
        while True:
            sum(range(1000))
    finally:
        steps.append("finally")


def spin_in_with(steps: list[str]) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(steps.append, "finally")
        steps.append("try")
        while True:
            steps.count("")


@pytest.mark.parametrize("spin", [spin_in_try, spin_in_with])
def test_finally_runs_at_any_interruption_of_a_loop(spin: Callable[[list[str]], None]) -> None:
    """Before Python 3.13, an exception of a signal handler may skip it."""
    steps: list[str] = []
    in_try = InterruptibleIf(lambda _: steps[-1:] == ["try"])

    for _ in range(5):
        with soon(), pytest.raises(OutOfTime):
            call_within(0.02, spin, steps, LONG / 4, in_try)

    assert steps == ["try", "finally"] * 5


def test_a_swallowed_interruption_is_repeated() -> None:
    """The second one comes after half of the reserve."""
    swallowed = []

    def stubborn(_: object) -> None:
        try:
            sleep()
        except BaseException as error:
            swallowed.append(type(error))
        sleep()

    with soon(), pytest.raises(OutOfTime):
        call_within(LIMIT, stubborn, None, 1.0, IN_SLEEP)

    assert swallowed == [OutOfTime]


def test_a_function_that_ends_after_an_interruption_returns_its_value() -> None:
    def work(_: object) -> str:
        with contextlib.suppress(BaseException):
            sleep()
        return "done"

    with soon():
        assert call_within(LIMIT, work, None, 1.0, IN_SLEEP) == "done"


def test_an_exception_raised_from_the_interruption_is_its_cause() -> None:
    """The call still raises OutOfTime."""

    def work(_: object) -> None:
        try:
            sleep()
        except BaseException as error:
            raise ValueError("something failed") from error

    with soon(), pytest.raises(OutOfTime) as caught:
        call_within(LIMIT, work, None, 1.0, IN_SLEEP)

    assert isinstance(caught.value.__cause__, ValueError)
