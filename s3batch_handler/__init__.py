"""Lambda functions for Amazon S3 Batch Operations: start at :func:`task_handler`."""

from s3batch_handler.core._lazy_exports import import_public
from s3batch_handler.core._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from s3batch_handler.core._errors import (
        InvalidEvent,
        InvalidFunction,
        InvalidResponse,
        InvalidTransition,
        JobError,
        JobFailed,
        JobFileError,
        JobNotFound,
        JobNotWatched,
        JobTimeout,
        ManifestError,
        PermanentFailure,
        ProjectError,
        ReportError,
        ReportNotWritten,
        S3BatchError,
        StateDamaged,
        StateError,
        TaskCrashed,
        TaskFailure,
        TemporaryFailure,
    )
    from s3batch_handler.core._model import (
        Invocation,
        JobRef,
        ObjectRef,
        Outcome,
        ResultCode,
        Task,
        TaskResult,
    )
    from s3batch_handler.core._payload import UnexpectedEventWarning
    from s3batch_handler.handler._decorator import task_handler
    from s3batch_handler.handler._threaded_call import ThreadTimeLimitWarning
    from s3batch_handler.handler._types import HandlerOptions, TaskHandler

__version__ = "0.1.0"

__all__ = [
    "HandlerOptions",
    "InvalidEvent",
    "InvalidFunction",
    "InvalidResponse",
    "InvalidTransition",
    "Invocation",
    "JobError",
    "JobFailed",
    "JobFileError",
    "JobNotFound",
    "JobNotWatched",
    "JobRef",
    "JobTimeout",
    "ManifestError",
    "ObjectRef",
    "Outcome",
    "PermanentFailure",
    "ProjectError",
    "ReportError",
    "ReportNotWritten",
    "ResultCode",
    "S3BatchError",
    "StateDamaged",
    "StateError",
    "Task",
    "TaskCrashed",
    "TaskFailure",
    "TaskHandler",
    "TaskResult",
    "TemporaryFailure",
    "ThreadTimeLimitWarning",
    "UnexpectedEventWarning",
    "task_handler",
]

_MODULES = {
    **dict.fromkeys(__all__, "core._errors"),  # except for these:
    "HandlerOptions": "handler._types",
    "Invocation": "core._model",
    "JobRef": "core._model",
    "ObjectRef": "core._model",
    "Outcome": "core._model",
    "ResultCode": "core._model",
    "Task": "core._model",
    "TaskHandler": "handler._types",
    "TaskResult": "core._model",
    "ThreadTimeLimitWarning": "handler._threaded_call",
    "UnexpectedEventWarning": "core._payload",
    "task_handler": "handler._decorator",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # or type checkers would accept any name

    def __getattr__(name: str) -> Any:
        return import_public(__name__, name, _MODULES)
