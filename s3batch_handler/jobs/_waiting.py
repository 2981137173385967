"""Wait for a job, through throttling and lost connections."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched, JobTimeout
from s3batch_handler.core._model import ResultCode
from s3batch_handler.jobs._control import UnreadableJobDescription

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.jobs._control import SupportsDescribeJob
    from s3batch_handler.jobs._job import Job

RETRY_FOR: Final = 600.0
"""Seconds to keep waiting for a job while its status cannot be read."""


def wait_for_job(
    control: SupportsDescribeJob,
    job_id: str,
    *,
    poll: float = 30.0,
    timeout: float | None = None,
    retry_for: float = RETRY_FOR,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[Job], None] | None = None,
    on_error: Callable[[Exception, float], None] | None = None,
) -> Job:
    """Wait until a job ends, and return it: ``Complete``, ``Cancelled`` or ``Failed``.

    Temporary failures of requests (throttling, errors of the service, lost connections) are retried
    for ``retry_for`` seconds, and a job that is not found for 15 seconds, because a new job may not
    be visible yet. Any other error is raised immediately. This also waits for a suspended job.

    Args:
        control: Describes the job.
        job_id: The ID of the job.
        poll: Seconds between two requests; AWS recommends at least 30.
        timeout: The maximum number of seconds to wait; ``None`` means no limit.
        retry_for: Seconds of consecutive failures after which waiting ends.
        sleep: Waits for a number of seconds.
        clock: Returns the time in seconds.
        on_progress: Called with the job after each successful request.
        on_error: Called after each temporary failure, with the exception and the seconds left.

    Raises:
        JobTimeout: The job has not ended within ``timeout``.
        JobNotWatched: The job could not be described for ``retry_for`` seconds.
        JobNotFound: There is no such job.
    """
    deadline = math.inf if timeout is None else clock() + timeout
    requests = _RepeatedRequests(poll, deadline, retry_for, sleep, clock, on_error)
    while True:
        job = requests.describe(control, job_id)
        if on_progress is not None:
            on_progress(job)
        if job.status.is_final:
            return job
        if (left := deadline - clock()) <= 0:
            problem = f"job {job_id} is still {job.status} after {timeout:g} seconds"
            raise JobTimeout(problem, job_id=job_id)
        sleep(min(poll, left))


@dataclass(frozen=True, slots=True)
class _RepeatedRequests:
    """Requests for a job that are repeated as long as they fail temporarily."""

    poll: float
    deadline: float
    retry_for: float
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    on_error: Callable[[Exception, float], None] | None

    def describe(self, control: SupportsDescribeJob, job_id: str) -> Job:
        """Describe a job; repeat requests that fail temporarily after 2, 4, 8, … seconds."""
        pause = 1.0
        # A missing job is retried for a shorter time than other failures.
        missing_since = failing_since = math.inf
        while True:
            try:
                return control.describe_job(job_id)
            except Exception as error:
                now = self.clock()
                is_missing = isinstance(error, JobNotFound)
                if is_missing:
                    since = missing_since = min(missing_since, now)
                else:
                    since = failing_since = min(failing_since, now)
                left = since + self._patience(error) - now
                until_deadline = self.deadline - now
                if left <= 0 or until_deadline <= 0:
                    if is_missing or not _is_temporary(error):
                        raise
                    outage = now - min(missing_since, failing_since)
                    raise _not_watched(job_id, error, outage) from error
                if self.on_error is not None:
                    self.on_error(error, left)
                pause = min(2 * pause, self.poll)
            self.sleep(min(pause, left, until_deadline))

    def _patience(self, error: Exception) -> float:
        if isinstance(error, JobNotFound):
            return _UNTIL_VISIBLE
        return self.retry_for if _is_temporary(error) else 0.0


_UNTIL_VISIBLE: Final = 15.0  # seconds


def _is_temporary(error: Exception) -> bool:
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
