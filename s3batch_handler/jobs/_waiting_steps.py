"""The steps of waiting for a job, which ``wait_for_job`` and ``async_wait_for_job`` share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched, JobTimeout
from s3batch_handler.core._model import ResultCode
from s3batch_handler.jobs._control import UnreadableJobDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from s3batch_handler.jobs._job import Job
    from s3batch_handler.jobs._status import JobStatus

RETRY_FOR: Final = 600.0
"""Seconds to keep waiting for a job while its status cannot be read."""


class Describe(NamedTuple):
    """Describe the job: send the job to the generator, or throw the exception into it."""


class Pause(NamedTuple):
    """Wait."""

    seconds: float


class Call(NamedTuple):
    """Call a callback of the user."""

    callback: Callable[..., Any]
    arguments: tuple[object, ...]


class Ended(NamedTuple):
    """Stop: the job has ended."""

    job: Job


if TYPE_CHECKING:
    Step = Describe | Pause | Call | Ended
    Steps = Generator[Step, Job | None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How to wait for a job: the options of :func:`~s3batch_handler.jobs.wait_for_job`."""

    job_id: str
    poll: float
    timeout: float | None
    retry_for: float
    clock: Callable[[], float]
    on_progress: Callable[[Job], object] | None
    on_status: Callable[[Job], object] | None
    on_error: Callable[[Exception, float], object] | None

    def steps(self) -> Steps:
        """Yield what to do next, until the job has ended.

        Raises:
            JobTimeout: The job has not ended within ``timeout``.
            JobNotWatched: The job could not be described for ``retry_for`` seconds.
        """
        deadline = math.inf if self.timeout is None else self.clock() + self.timeout
        status: JobStatus | None = None
        while True:
            job = yield from self._description(deadline)
            if self.on_progress is not None:
                yield Call(self.on_progress, (job,))
            if self.on_status is not None and job.status is not status:
                yield Call(self.on_status, (job,))
            status = job.status
            if status.is_final:
                yield Ended(job)
            if (left := deadline - self.clock()) <= 0:
                problem = f"job {self.job_id} is still {status} after {self.timeout:g} seconds"
                raise JobTimeout(problem, job_id=self.job_id)
            yield Pause(min(self.poll, left))

    def _description(self, deadline: float) -> Generator[Step, Job | None, Job]:
        """Describe a job; repeat requests that fail temporarily after 2, 4, 8, … seconds."""
        pause = 1.0
        # A missing job is retried for a shorter time than other failures.
        missing_since = failing_since = math.inf
        while True:
            try:
                job = yield Describe()
            except Exception as error:
                now = self.clock()
                is_missing = isinstance(error, JobNotFound)
                if is_missing:
                    since = missing_since = min(missing_since, now)
                else:
                    since = failing_since = min(failing_since, now)
                left = since + self._patience(error) - now
                until_deadline = deadline - now
                if left <= 0 or until_deadline <= 0:
                    if is_missing or not is_temporary(error):
                        raise
                    outage = now - min(missing_since, failing_since)
                    raise _not_watched(self.job_id, error, outage) from error
                failure = error
            else:
                assert job is not None
                return job
            if self.on_error is not None:
                yield Call(self.on_error, (failure, left))
            pause = min(2 * pause, self.poll)
            yield Pause(min(pause, left, until_deadline))

    def _patience(self, error: Exception) -> float:
        if isinstance(error, JobNotFound):
            return _UNTIL_VISIBLE
        return self.retry_for if is_temporary(error) else 0.0


_UNTIL_VISIBLE: Final = 15.0  # seconds


def is_temporary(error: Exception) -> bool:
    """Return whether a request may succeed if this process sends it again.

    Expired credentials are temporary for a task, because another environment with new credentials
    retries it. In this process they remain expired.
    """
    if isinstance(error, UnreadableJobDescription) or _code_of(error) in _REDIRECTS:
        return True
    return not has_expired_credentials(error) and (
        classify(error).code is ResultCode.TEMPORARY_FAILURE
    )


def has_expired_credentials(error: BaseException) -> bool:
    """Return whether AWS refused a request because its temporary credentials have expired."""
    return _code_of(error) in _EXPIRED


def _code_of(error: BaseException) -> str | None:
    return error.code if isinstance(error, JobError) else aws_error_code(error)


_REDIRECTS: Final = {"302", "303", "307"}
"""Codes of a redirect by a proxy, for example to a login page. A redirect of AWS has a code such as
PermanentRedirect."""

_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}


def _not_watched(job_id: str, error: Exception, seconds: float) -> JobNotWatched:
    code, text = (
        (error.code, str(error)) if isinstance(error, JobError) else (None, describe(error))
    )
    how_long = f" for {seconds:.0f} s" if seconds >= 1 else ""
    problem = f"job {job_id} could not be described{how_long}: {text}"
    return JobNotWatched(problem, job_id=job_id, code=code)
