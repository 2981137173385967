"""Every exception that this library raises.

::

    S3BatchError
    ├── TaskFailure                 raised by users, carries .code
    │   ├── TemporaryFailure        try this task again
    │   └── PermanentFailure        give this task up
    ├── InvalidEvent                not an S3 Batch Operations request; says which field
    ├── InvalidResponse             a function's answer cannot be used (engine side)
    ├── InvalidFunction             there is no function to call (engine side)
    ├── ManifestError               .source, .line
    ├── ProjectError                a new project cannot be made there
    ├── ReportError
    │   └── ReportNotWritten        .kept
    └── JobError                    .job_id, .code
        ├── JobNotFound
        ├── InvalidTransition       .current, .requested
        ├── JobTimeout              waited for a job, in vain
        ├── JobNotWatched           a job could not be described for too long
        ├── StateError              what an engine keeps cannot be read or written
        │   └── StateDamaged        … and never will be
        └── JobFailed
"""

from __future__ import annotations

from typing import ClassVar

from s3batch_handler.core._model import ResultCode


class S3BatchError(Exception):
    """The base of every error here: one ``except`` catches them all."""


class TaskFailure(S3BatchError):
    """Raised by a user's function to say what becomes of the task it works on.

    Raise one of the two subclasses. The text goes into the completion report; without any, the
    report tells of the exception that this one was raised from.
    """

    code: ClassVar[ResultCode]


class TemporaryFailure(TaskFailure):
    """This try failed, another one may pass: S3 redrives the task before the job completes."""

    code = ResultCode.TEMPORARY_FAILURE


class PermanentFailure(TaskFailure):
    """Trying again would not help: the task has failed, its text goes into the report."""

    code = ResultCode.PERMANENT_FAILURE


class InvalidEvent(S3BatchError):
    """The event is not a request of S3 Batch Operations. The text names the field."""


class InvalidResponse(S3BatchError):
    """A function's answer cannot be used. The text names the field."""


class InvalidFunction(S3BatchError):
    """There is no function to call: one line says why and what to write instead."""


class ManifestError(S3BatchError):
    """A manifest cannot be read.

    Attributes:
        source: What was read: a path, an ``s3://`` address or ``<stream>``.
        line: The line it happened on, from 1; ``None`` where it concerns the whole manifest.
    """

    def __init__(self, problem: str, *, source: str, line: int | None = None) -> None:
        place = source if line is None else f"{source}, line {line}"
        super().__init__(f"{place}: {problem}")
        self.source = source
        self.line = line


class ProjectError(S3BatchError):
    """A new project cannot be made: something is there already, or the name is no good for one."""


class ReportError(S3BatchError):
    """A completion report cannot be read, or is not what its checksums say it is."""


class ReportNotWritten(ReportError):
    """A completion report could not be put where it belongs, after all the work.

    Attributes:
        kept: Where it lies instead; ``None``: nowhere.
    """

    def __init__(self, problem: str, *, kept: str | None) -> None:
        super().__init__(problem)
        self.kept = kept


class JobError(S3BatchError):
    """Something is wrong with a whole job, or with what was asked of it.

    Attributes:
        job_id: The job it happened to; ``None`` before it has an id.
        code: AWS's error code, like ``BadRequestException``; ``None`` where AWS has no word in it.
    """

    def __init__(self, problem: str, *, job_id: str | None = None, code: str | None = None) -> None:
        super().__init__(problem)
        self.job_id = job_id
        self.code = code


class JobNotFound(JobError):
    """There is no such job in this account and Region.

    AWS's service model calls it ``NotFoundException``; what comes over the wire is
    ``NoSuchJobException`` (S3 User Guide, "Troubleshooting Batch Operations").
    """

    def __init__(self, problem: str = "No such job", *, job_id: str) -> None:
        super().__init__(problem, job_id=job_id, code="NoSuchJobException")


class InvalidTransition(JobError):
    """A job cannot go from the status it has to the one asked for."""

    def __init__(self, *, job_id: str, current: str, requested: str) -> None:
        super().__init__(
            f"job {job_id} is {current}: it cannot become {requested}",
            job_id=job_id,
            code="JobStatusException",
        )
        self.current = current
        self.requested = requested


class JobTimeout(JobError, TimeoutError):
    """A job was not over when the time to wait for it was."""


class JobNotWatched(JobError):
    """A job could not be described for so long that the waiting ended; the job itself goes on.

    ``__cause__`` is the exception of the last request.
    """


class StateError(JobError):
    """What an engine keeps of its jobs cannot be read or written: no room, no permission, in use.

    What was there stays as it is: the job goes on once this has passed.
    """


class StateDamaged(StateError):
    """What an engine keeps of a job is no more what it wrote, so that the job cannot go on."""


class JobFailed(JobError):
    """A job ended without doing what it was made for."""


class OutOfTime(BaseException):
    """The time of a task is over.

    It is not an ``Exception``, so ``except Exception`` in a function does not catch it. It never
    leaves the handler, because Lambda's runtime client would end the environment.

    Attributes:
        module: The module whose import was interrupted, if any.
    """

    module: str | None = None
