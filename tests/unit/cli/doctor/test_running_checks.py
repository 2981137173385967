"""Checks run in parallel, and no check takes the others with it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from s3batch_handler.cli.doctor._check import CheckStatus, ok, run_checks, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check


def test_results_are_in_the_order_of_the_checkers() -> None:
    """The first checker ends last: it waits for the second one."""
    second_has_ended = threading.Event()

    def first() -> Iterator[Check]:
        assert second_has_ended.wait(60)
        yield ok("a", "1")
        yield warning("b", "2")

    def second() -> Iterator[Check]:
        yield ok("c", "3")
        second_has_ended.set()

    checks = run_checks([("first", first), ("second", second)])

    assert [check.name for check in checks] == ["a", "b", "c"]


def test_a_checker_that_raises_has_one_result_that_says_so() -> None:
    def broken() -> Iterator[Check]:
        yield ok("half", "a result before the error")
        raise SystemExit("it broke")

    checks = run_checks([("broken", broken), ("fine", lambda: [ok("fine", "yes")])])

    assert [(check.name, check.status) for check in checks] == [
        ("broken", CheckStatus.SKIPPED),
        ("fine", CheckStatus.OK),
    ]
    assert "it broke" in checks[0].message


def test_a_checker_that_hangs_does_not_delay_the_results() -> None:
    end = threading.Event()

    def hanging() -> Iterator[Check]:
        end.wait(60)
        yield ok("hanging", "too late")

    try:
        checks = run_checks([("hanging", hanging), ("fine", lambda: [ok("fine", "yes")])], limit=3)
    finally:
        end.set()

    assert checks[0].message == "cannot tell: no response within 3 s"
    assert checks[1] == ok("fine", "yes")
