"""Lambda functions for Amazon S3 Batch Operations: start at :func:`task_handler`."""

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
    "TaskFailure",
    "TaskHandler",
    "TaskResult",
    "TemporaryFailure",
    "ThreadTimeLimitWarning",
    "UnexpectedEventWarning",
    "task_handler",
]

# Tracebacks show the public names of exceptions and warnings.
for _name in __all__:
    if isinstance(globals()[_name], type) and issubclass(globals()[_name], Exception):
        globals()[_name].__module__ = __name__
del _name
