"""One cell of the matrix: what happened, and whether it is what was expected."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from s3batch_handler.documents.reports._report import read_report
from tests.faults.fault import OUT_OF_TIME, succeeded

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents import ReportRow
    from tests.faults.fault import Expected, Kind


HEALTHY: Final = succeeded("^process ")


class Answer(NamedTuple):
    """What came back for a task: the kind, and the message or the error."""

    kind: Kind
    message: str

    def matches(self, expected: Expected) -> bool:
        return self.kind == expected.kind and bool(
            re.search(expected.pattern, self.message, re.DOTALL)
        )


_NO_ANSWER: Final = Answer("exit", "no answer")


@dataclass
class Observed:
    """What happened to all tasks of a cell.

    Attributes:
        answers: The answers to each key. Each task needs exactly one.
        rows: The rows of the completion report for each key, from the status on.
    """

    answers: defaultdict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, answer: Answer) -> None:
        self.answers[key].append(answer)

    def read_report(self, folder: Path) -> None:
        """Add the answers of the job whose report is in a folder."""
        for row in read_report(folder).rows():
            self.add(row.key, _answer_in(row))
            cells = row.status, row.http_status, row.error_code or "", row.message
            self.rows[row.key] = ",".join(map(str, cells))


def _answer_in(row: ReportRow) -> Answer:
    message = row.message or ""
    _, is_error, payload = message.partition("Lambda returned function error: ")
    if not is_error:
        return Answer(cast("Kind", row.error_code or "Succeeded"), message)
    if "timed out after" in payload:
        return Answer("timeout", payload)
    return Answer("exit" if "Runtime.ExitError" in payload else "error", payload)


@dataclass
class Cell:
    """What happened when a fault was caused in one way with one value of ``isolation=``.

    The tasks before and after the fault are healthy. The last one sleeps, which shows whether the
    process still has a time limit.

    Attributes:
        calls: How often the function was called for the fault.
        error: The error that ended the run of the cell.
    """

    keys: tuple[str, str, str, str]
    expected: Expected
    observed: Observed
    calls: int
    error: str = ""

    @property
    def answer(self) -> Answer:
        """The answer to the task with the fault."""
        return next(iter(self.observed.answers[self.keys[1]]), _NO_ANSWER)

    @property
    def row(self) -> str:
        """The row of the completion report, or ``""`` if there is no report."""
        return self.observed.rows.get(self.keys[1], "")

    @property
    def same_process(self) -> bool:
        """Whether the next task ran in the process of the task before the fault."""
        before, after = (self.observed.answers[self.keys[place]] for place in (0, 2))
        return before == after

    def problems(self) -> list[str]:
        """Return what is not as expected."""
        before, fault, after, sleep = self.keys
        expectations = {
            fault: self.expected,
            after: HEALTHY,
            sleep: self.expected.then or OUT_OF_TIME,
            before: HEALTHY,
        }
        found = [self.error] if self.error else []
        for key, expected in expectations.items():
            answers = self.observed.answers[key]
            if len(answers) != 1:
                found.append(f"{key}: {len(answers)} answers")
            found += [
                f"{key}: expected {expected.kind} {expected.pattern!r}, got {answer.kind}: "
                f"{answer.message[:300]}"
                for answer in answers
                if not answer.matches(expected)
            ]
        if self.calls != 1:
            found.append(f"{fault}: the function was called {self.calls} times")
        return found
