"""Lambda functions for Amazon S3 Batch Operations: start at :func:`task_handler`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from s3batch_handler.core._errors import (
        InvalidEvent,
        InvalidFunction,
        InvalidResponse,
        InvalidTransition,
        JobError,
        JobFailed,
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
    from s3batch_handler.handler._decorator import TaskHandler, task_handler
    from s3batch_handler.handler._options import HandlerOptions
    from s3batch_handler.handler._threaded_call import ThreadTimeLimitWarning

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

_MODULES = (
    "core._errors",
    "core._model",
    "core._payload",
    "handler._decorator",
    "handler._options",
    "handler._threaded_call",
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # or type checkers would accept any name

    def __getattr__(name: str) -> Any:
        """Import all public names when one is used: ``s3batch --help`` runs without pydantic."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        for module in map(import_module, (f"{__name__}.{module}" for module in _MODULES)):
            globals().update((each, vars(module)[each]) for each in __all__ if each in vars(module))
        return globals()[name]
