"""The failure of a task: its code and message as in AWS's reports, and its reason for summaries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._redaction import redact
from s3batch_handler.core._sanitize import MAX_RESULT_STRING
from s3batch_handler.documents.reports._failure_groups import FUNCTION_ERROR
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from s3batch_handler.engine.invoke._answer import (
    FunctionError,
    InvalidFunctionResponse,
    ServiceError,
)

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.run._journal import QueuedTask


class TaskFailure(NamedTuple):
    """A failed task: error code and message as AWS reports them, and the reason for the summary."""

    error_code: str
    message: str
    reason: str
    http_status: int = 200


def failed_row(task: QueuedTask, failure: TaskFailure) -> ReportRow:
    """Return the row of a failed task."""
    item = task.object
    return ReportRow(
        bucket=item.bucket,
        key=item.key,
        version_id=item.version_id,
        status=TaskStatus.FAILED,
        http_status=failure.http_status,
        error_code=failure.error_code,
        message=failure.message,
    )


def task_failure(answer: Answer) -> TaskFailure:
    """Describe a failed task, without credentials that the message may contain."""
    if isinstance(answer, Outcome):
        message = redact(answer.message, _MAX_REDACTED)
        return TaskFailure(answer.code.value, message, message)
    if isinstance(answer, FunctionError):
        message = redact(f"{FUNCTION_ERROR}{answer.payload}", _MAX_REDACTED)
        error = json.loads(answer.payload)
        kind = f"{error['errorType']}: " if "errorType" in error else ""
        reason = redact(f"{kind}{error['errorMessage'][:_MAX_REDACTED]}")
        return TaskFailure(ResultCode.PERMANENT_FAILURE.value, message[:MAX_RESULT_STRING], reason)
    if isinstance(answer, ServiceError):
        message = redact(answer.message, _MAX_REDACTED)[:MAX_RESULT_STRING]
        return TaskFailure(answer.error_code, message, redact(answer.reason), answer.http_status)
    assert isinstance(answer, InvalidFunctionResponse)
    message = "Invalid JSON returned in Lambda payload"
    reason = f"{message}: {redact(answer.reason, _MAX_REDACTED)}"
    return TaskFailure(ResultCode.PERMANENT_FAILURE.value, message, reason)


_MAX_REDACTED: Final = 4 * MAX_RESULT_STRING  # characters
