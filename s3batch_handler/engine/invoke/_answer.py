"""What became of one task's call: what the function answered, or why it did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from s3batch_handler.core._model import Outcome, ResultCode


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The function raised, ran out of time, or ended its process: Lambda answers with an error.

    Attributes:
        payload: Lambda's answer, JSON with ``errorMessage`` and mostly ``errorType``.
    """

    payload: str


@dataclass(frozen=True, slots=True)
class InvalidAnswer:
    """The function returned, but nothing that S3 Batch Operations can read."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """The job was stopped before the task was begun, or had to cut it off."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The task was refused before it was begun: by S3, or by Lambda where it was to be called.

    Attributes:
        reason: Their own words.
        details: What AWS's reports have behind them: ``Service: Amazon S3; Status Code: 404; …``.
        code: Whether another try may help.
    """

    http_status: int
    error_code: str
    reason: str
    details: str = ""
    code: ResultCode = ResultCode.PERMANENT_FAILURE

    @property
    def message(self) -> str:
        """What a report says."""
        return f"{self.reason} ({self.details})" if self.details else self.reason


Answer = Outcome | FunctionError | InvalidAnswer | Refused | NotRun
"""What became of one task's call; an ``Outcome`` is what the function itself says."""


# ---------------------------------------------------------------- as a worker process sends them

FUNCTION_ERROR: Final = "FunctionError"
INVALID_ANSWER: Final = "InvalidAnswer"


def to_texts(answer: Outcome | FunctionError | InvalidAnswer) -> tuple[str, str]:
    """Return an answer as two texts: its kind (or its result code), and its content."""
    if isinstance(answer, Outcome):
        return _KINDS[answer.code], answer.message
    if isinstance(answer, FunctionError):
        return FUNCTION_ERROR, answer.payload
    return INVALID_ANSWER, answer.reason


def from_texts(kind: str, text: str) -> Outcome | FunctionError | InvalidAnswer:
    """Return the answer that :func:`to_texts` has turned into two texts."""
    code = _CODES.get(kind)
    if code is not None:
        return Outcome(code, text)
    return FunctionError(text) if kind == FUNCTION_ERROR else InvalidAnswer(text)


_KINDS: Final = {code: code.value for code in ResultCode}
_CODES: Final = {code.value: code for code in ResultCode}
