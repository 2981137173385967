"""Run handlers with mutated events, and find defects of the library."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from s3batch_handler import (
    InvalidEvent,
    Outcome,
    ResultCode,
    Task,
    TemporaryFailure,
    UnexpectedEventWarning,
    task_handler,
)
from s3batch_handler.core._payload import parse_event, parse_response
from tests.support.event_mutations import mutated_event
from tests.support.response_grammar import violations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass
class Findings:
    """What happened to the events of a run.

    Attributes:
        accepted: The number of events whose tasks ran.
        refused: The number of refused events, by the first field that the error names.
        defects: Seeds of events that were neither accepted nor refused properly, with the problem.
    """

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    defects: list[tuple[int, str]] = field(default_factory=list)

    def __iadd__(self, other: Self) -> Self:
        self.accepted += other.accepted
        self.refused += other.refused
        self.defects += other.defects
        return self


def fuzz(seeds: Iterable[int]) -> Findings:
    """Run handlers with the mutated event of each seed, and count what happens."""
    findings = Findings()
    with silence():
        for seed in seeds:
            problems = check_event(mutated_event(seed), findings)
            findings.defects += [(seed, problem) for problem in problems]
    return findings


def check_event(event: Any, findings: Findings | None = None) -> list[str]:
    """Return what handlers, a lenient and a strict one, do wrong with an event.

    Each event is answered by a valid response, or refused by an ``InvalidEvent`` that names a
    field. It is never changed.
    """
    findings = Findings() if findings is None else findings
    before = json.dumps(event)
    problems = []
    for strict, handler in enumerate(_HANDLERS):
        _tasks.clear()
        try:
            problem = _problem(event, handler, bool(strict), findings)
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
        problems += [] if problem is None else [problem]
    if json.dumps(event) != before:
        problems.append("the event was changed")
    return problems


def _work(task: Task) -> Any:
    """Return one of the values that functions return, or raise, depending on the key."""
    _tasks.append(task)
    match len(task.key) % 6:
        case 0:
            return task.key
        case 1:
            raise TemporaryFailure(task.key)
        case 2:
            return {"key": task.key, "arguments": task.job.arguments}
        case 3:
            raise ValueError(task.key)
        case 4:
            return Outcome(ResultCode.PERMANENT_FAILURE, task.key)
        case _:
            return None


_tasks: list[Task] = []
_HANDLERS = [task_handler(strict=strict)(_work) for strict in (False, True)]


@contextmanager
def silence() -> Iterator[None]:
    """Ignore the warnings and the log lines of the library, of which there are thousands."""
    logger = logging.getLogger("s3batch_handler")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnexpectedEventWarning)
            yield
    finally:
        logger.disabled = was_disabled


def _problem(
    event: Any, handler: Callable[..., Any], strict: bool, findings: Findings
) -> str | None:
    """Return what is wrong with the response to an event, if anything."""
    try:
        response = handler(event, None)
    except InvalidEvent as error:
        return _problem_of_refusal(event, str(error), strict, findings)
    findings.accepted += 1
    found = violations(event, response)
    if found:
        return f"invalid response: {found}"
    if len(parse_response(event, response)) != len(event["tasks"]):
        return "not one outcome for each task"
    read = parse_event(event, strict=strict).tasks
    if _tasks != [task for task in read if _is_utf8(task.key)]:
        return "the tasks of the handler are not those of the event"
    return None


def _problem_of_refusal(event: Any, text: str, strict: bool, findings: Findings) -> str | None:
    match = re.fullmatch(r"(?:not an S3 .*? event|the event differs .*?): (.+?): .+", text)
    if match is None:
        return f"the error names no field: {text[:200]!r}"
    if not text.isprintable() or len(text) > 2500:
        return f"the error is not one short line: {text[:200]!r}"
    findings.refused[re.sub(r"\[\d+\]", "[n]", match[1])[:40]] += 1
    return None


def _is_utf8(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
