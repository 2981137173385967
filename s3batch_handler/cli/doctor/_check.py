"""The result of a check, and how checks run: in parallel, each within a time limit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from s3batch_handler.cli._errors import error_line

if TYPE_CHECKING:
    from collections.abc import Sequence


class CheckStatus(StrEnum):
    """What a check has found."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class Check(NamedTuple):
    """The result of a check.

    Attributes:
        name: What was checked, such as ``bucket photos``.
        status: ``SKIPPED`` if it does not apply, or if the result is unknown.
        message: What was found.
        remedy: What to do about it.
    """

    name: str
    status: CheckStatus
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Check:
    return Check(name, CheckStatus.OK, message)


def warning(name: str, message: str, remedy: str = "") -> Check:
    return Check(name, CheckStatus.WARNING, message, remedy)


def error(name: str, message: str, remedy: str = "") -> Check:
    return Check(name, CheckStatus.ERROR, message, remedy)


def skipped(name: str, message: str, remedy: str = "") -> Check:
    return Check(name, CheckStatus.SKIPPED, message, remedy)


def cannot_tell(name: str, why: str, remedy: str = "") -> Check:
    """Return the result of a check that got no response."""
    return skipped(name, f"cannot tell: {why}", remedy)


# ---------------------------------------------------------------- running checks

Checker: TypeAlias = Callable[[], Iterable[Check]]
"""A function that checks one subject, and may have several results."""

TIME_LIMIT: Final = 30.0
"""Seconds for all checks, which run at the same time."""


def run_checks(
    checkers: Sequence[tuple[str, Checker]], *, limit: float = TIME_LIMIT
) -> list[Check]:
    """Run checkers in parallel, and return their results in the order of the checkers.

    A checker that raises, or that has not ended within the limit, has one result that says so. Its
    thread is left behind: it is a daemon, so it does not keep the process.

    Args:
        checkers: Each with the name of its subject.
        limit: Seconds.
    """
    answers: queue.SimpleQueue[tuple[int, list[Check]]] = queue.SimpleQueue()
    for index, (name, checker) in enumerate(checkers):
        threading.Thread(
            target=lambda *job: answers.put((job[0], _results(*job[1:]))),
            args=(index, name, checker),
            name=f"s3batch doctor: {name}",
            daemon=True,
        ).start()
    found = dict(_answers_within(limit, answers, len(checkers)))
    return [
        check
        for index, (name, _) in enumerate(checkers)
        for check in found.get(index) or [_no_answer(name, limit)]
    ]


def _results(name: str, checker: Checker) -> list[Check]:
    try:
        return [*checker()]
    except BaseException as problem:  # one check must not end the others
        return [cannot_tell(name, error_line(problem))]


def _answers_within(
    limit: float, answers: queue.SimpleQueue[tuple[int, list[Check]]], count: int
) -> Iterator[tuple[int, list[Check]]]:
    deadline = time.monotonic() + limit
    for _ in range(count):
        try:
            yield answers.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            return


def _no_answer(name: str, limit: float) -> Check:
    return cannot_tell(name, f"no response within {limit:g} s", "check the network and the proxy")
