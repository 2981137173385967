"""The exceptions of this library.

::

    S3BatchError
    ├── TaskFailure                 raised by users; .code
    │   ├── TemporaryFailure        S3 retries the task
    │   └── PermanentFailure        the task has failed
    ├── TaskCrashed                 the process of a task ended; .code, .signal, .exit_code
    ├── InvalidEvent                not an event of S3 Batch Operations
    ├── InvalidResponse             the response of a function cannot be used
    ├── InvalidFunction             the function to run cannot be loaded
    ├── WorkersLost                 the workers of a job cannot be reached any more
    ├── ManifestError               .source, .line
    ├── ProjectError                a new project cannot be created
    ├── JobFileError                .source, .line, .problems
    ├── ReportError
    │   └── ReportNotWritten        .kept
    └── JobError                    .job_id, .code
        ├── JobNotFound
        ├── InvalidTransition       .current, .requested
        ├── JobTimeout              a job did not end in time
        ├── JobNotWatched           a job could not be described for too long
        ├── StateError              the state of an engine cannot be read or written
        │   └── StateDamaged        … permanently
        └── JobFailed
"""

from __future__ import annotations

from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._typing import ClassVar


class S3BatchError(Exception):
    """The base class of all exceptions of this library."""


class TaskFailure(S3BatchError):
    """The base class of the exceptions by which a function decides the result of its task.

    Raise one of the two subclasses. The text appears in the completion report. Without a text, the
    report describes the exception that this one was raised from.
    """

    code: ClassVar[ResultCode]


class TemporaryFailure(TaskFailure):
    """A failure that may pass: S3 retries the task before the job completes."""

    code = ResultCode.TEMPORARY_FAILURE


class PermanentFailure(TaskFailure):
    """A failure that a retry would not change: the text appears in the completion report."""

    code = ResultCode.PERMANENT_FAILURE


class TaskCrashed(S3BatchError):
    """The child process ended while it ran a task, with ``isolation="process"``.

    Name it in ``retry_on`` or ``give_up_on`` to choose the result code of such tasks.

    Attributes:
        code: TemporaryFailure if the cause lies outside of the task or is its memory, otherwise
            ``None``: the task gets the result code of ``unexpected``.
        signal: The name of the signal that ended the process, such as ``"SIGSEGV"``, if any.
        exit_code: The exit code of the process, if it called ``os._exit()``.
    """

    def __init__(
        self,
        problem: str,
        *,
        code: ResultCode | None = None,
        signal: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        super().__init__(problem)
        self.code = code
        self.signal = signal
        self.exit_code = exit_code


class InvalidEvent(S3BatchError):
    """The event does not have the form of S3 Batch Operations. The text names the field."""


class InvalidResponse(S3BatchError):
    """The response of a function cannot be used. The text names the field."""


class InvalidFunction(S3BatchError):
    """The function to run cannot be loaded. The text says why, and what to write instead."""


class WorkersLost(S3BatchError):
    """The workers of a job cannot be reached any more. Tasks without an answer were not run."""


class ManifestError(S3BatchError):
    """A manifest cannot be read.

    Attributes:
        source: The manifest: a path, an ``s3://`` address or ``<stream>``.
        line: The number of the line, from 1; ``None`` if the whole manifest is wrong.
    """

    def __init__(self, problem: str, *, source: str, line: int | None = None) -> None:
        place = source if line is None else f"{source}, line {line}"
        super().__init__(f"{place}: {problem}")
        self.source = source
        self.line = line


class ProjectError(S3BatchError):
    """A new project cannot be created: its folder is not empty, or its name is not allowed."""


class JobFileError(S3BatchError):
    """A job file cannot be used. The text has a line for each problem.

    Attributes:
        source: The path of the file.
        line: The line of the first problem, from 1; ``None`` if no line is wrong, but the file.
        problems: Line, member and text of each problem. The member is a path such as
            ``Manifest.Spec.Fields[0]``, and empty if the problem is that of the whole file.
        lines: The lines of the text.
    """

    def __init__(self, *problems: tuple[int | None, str, str], source: str) -> None:
        self.lines = tuple(_place(source, *problem) for problem in problems)
        super().__init__("\n".join(self.lines))
        self.source = source
        self.line = problems[0][0] if problems else None
        self.problems = problems


def _place(source: str, line: int | None, member: str, text: str) -> str:
    place = source if line is None else f"{source}:{line}"
    return ": ".join(part for part in (place, member, text) if part)


class ReportError(S3BatchError):
    """A completion report cannot be read, or differs from its checksums."""


class ReportNotWritten(ReportError):
    """The completion report of a finished job could not be written to its location.

    Attributes:
        kept: The path where the report was saved instead, if any.
    """

    def __init__(self, problem: str, *, kept: str | None) -> None:
        super().__init__(problem)
        self.kept = kept


class JobError(S3BatchError):
    """A job, or a request about a job, has failed.

    Attributes:
        job_id: The job; ``None`` if it has no ID yet.
        code: AWS's error code, such as ``BadRequestException``, if there is one.
    """

    def __init__(self, problem: str, *, job_id: str | None = None, code: str | None = None) -> None:
        super().__init__(problem)
        self.job_id = job_id
        self.code = code


class JobNotFound(JobError):
    """The job does not exist in this account and Region.

    AWS's service model calls it ``NotFoundException``, but S3 sends ``NoSuchJobException`` (S3 User
    Guide, "Troubleshooting Batch Operations").
    """

    def __init__(self, problem: str = "No such job", *, job_id: str) -> None:
        super().__init__(problem, job_id=job_id, code="NoSuchJobException")


class InvalidTransition(JobError):
    """A job cannot change from its current status to the requested one."""

    def __init__(self, *, job_id: str, current: str, requested: str) -> None:
        super().__init__(
            f"job {job_id} is {current}: it cannot become {requested}",
            job_id=job_id,
            code="JobStatusException",
        )
        self.current = current
        self.requested = requested


class JobTimeout(JobError, TimeoutError):
    """A job did not end within the timeout."""


class JobNotWatched(JobError):
    """Waiting for a job ended, because its status could not be read. The job itself continues.

    ``__cause__`` is the exception of the last request.
    """


class StateError(JobError):
    """The state of an engine cannot be read or written: no space, no permission, or in use.

    The state is not changed. The job continues once the cause is removed.
    """


class StateDamaged(StateError):
    """The stored state of a job is damaged, so that the job cannot continue."""


class JobFailed(JobError):
    """A job ended in failure, or was cancelled."""


class OutOfTime(BaseException):
    """The time of a task is over.

    It is not an ``Exception``, so ``except Exception`` in a function does not catch it. It never
    leaves the handler, because Lambda's runtime client would end the environment.

    Attributes:
        module: The module whose import was interrupted, if any.
        place: Where the process of the task was killed, if it did not end by itself.
    """

    module: str | None = None
    place: str | None = None


# Tracebacks show the public names.
for _class in list(globals().values()):
    if isinstance(_class, type) and issubclass(_class, S3BatchError):
        _class.__module__ = "s3batch_handler"
del _class
