"""The answers to calls: the outcome of a task, or the failure of its call.

They are not dataclasses: each worker process would have to load this slow module.
"""

from __future__ import annotations

from typing import Final

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._value import Value, set_field


class FunctionError(Value):
    """The function raised an exception, reached its timeout, or ended its process.

    Attributes:
        payload: Lambda's response: JSON with ``errorMessage`` and usually ``errorType``.
    """

    __slots__ = ("payload",)
    payload: str

    def __init__(self, payload: str) -> None:
        set_field(self, "payload", payload)


class InvalidFunctionResponse(Value):
    """The function returned a response that S3 Batch Operations cannot read."""

    __slots__ = ("reason",)
    reason: str

    def __init__(self, reason: str) -> None:
        set_field(self, "reason", reason)


class NotRun(Value):
    """The job was stopped before the task started, or before it ended."""

    __slots__ = ()


class ServiceError(Value):
    """An error of S3 or Lambda that made the task fail.

    Attributes:
        reason: The message of S3 or Lambda.
        details: The details in AWS's reports: ``Service: Amazon S3; Status Code: 404; …``.
        code: Whether a retry may succeed.
    """

    __slots__ = ("http_status", "error_code", "reason", "details", "code")
    http_status: int
    error_code: str
    reason: str
    details: str
    code: ResultCode

    def __init__(
        self,
        http_status: int,
        error_code: str,
        reason: str,
        details: str = "",
        code: ResultCode = ResultCode.PERMANENT_FAILURE,
    ) -> None:
        set_field(self, "http_status", http_status)
        set_field(self, "error_code", error_code)
        set_field(self, "reason", reason)
        set_field(self, "details", details)
        set_field(self, "code", code)

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
