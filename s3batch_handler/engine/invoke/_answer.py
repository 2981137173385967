"""The answers to calls: the outcome of a task, or the failure of its call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from s3batch_handler.core._model import Outcome, ResultCode


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The function raised an exception, reached its timeout, or ended its process.

    Attributes:
        payload: Lambda's response: JSON with ``errorMessage`` and usually ``errorType``.
    """

    payload: str


@dataclass(frozen=True, slots=True)
class InvalidFunctionResponse:
    """The function returned a response that S3 Batch Operations cannot read."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """The job was stopped before the task started, or before it ended."""


@dataclass(frozen=True, slots=True)
class ServiceError:
    """An error of S3 or Lambda that made the task fail.

    Attributes:
        reason: The message of S3 or Lambda.
        details: The details in AWS's reports: ``Service: Amazon S3; Status Code: 404; …``.
        code: Whether a retry may succeed.
    """

    http_status: int
    error_code: str
    reason: str
    details: str = ""
    code: ResultCode = ResultCode.PERMANENT_FAILURE

    @property
    def message(self) -> str:
        """The message in the report."""
        return f"{self.reason} ({self.details})" if self.details else self.reason


Answer = Outcome | FunctionError | InvalidFunctionResponse | ServiceError | NotRun
"""The answer to the call for one task. An ``Outcome`` is what the function decided."""


# ---------------------------------------------------------------- answers of worker processes

FUNCTION_ERROR: Final = "FunctionError"
INVALID_FUNCTION_RESPONSE: Final = "InvalidFunctionResponse"


def to_texts(answer: Outcome | FunctionError | InvalidFunctionResponse) -> tuple[str, str]:
    """Convert an answer to two texts: its kind or result code, and its content."""
    if isinstance(answer, Outcome):
        return answer.code.value, answer.message
    if isinstance(answer, FunctionError):
        return FUNCTION_ERROR, answer.payload
    return INVALID_FUNCTION_RESPONSE, answer.reason


def from_texts(kind: str, text: str) -> Outcome | FunctionError | InvalidFunctionResponse:
    """Convert the two texts of :func:`to_texts` back to an answer."""
    code = _CODES.get(kind)
    if code is not None:
        return Outcome(code, text)
    return FunctionError(text) if kind == FUNCTION_ERROR else InvalidFunctionResponse(text)


_CODES: Final = {code.value: code for code in ResultCode}
