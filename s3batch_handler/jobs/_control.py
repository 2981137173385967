"""Job control: the same verbs for AWS and for the local engine.

:class:`JobControl` has the verbs, :class:`S3Control` speaks them to AWS, or to whatever else
answers boto3's ``s3control`` client. The local engine is the other one that has them.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.core._aws_errors import AwsError, aws_error_code
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import (
    InvalidTransition,
    JobError,
    JobNotFound,
    JobNotWatched,
    JobTimeout,
)
from s3batch_handler.core._model import ResultCode
from s3batch_handler.jobs._job import BAD_REQUEST, Job, JobPage
from s3batch_handler.jobs._structures import tag_set

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from s3batch_handler.jobs._job import JobSpec
    from s3batch_handler.jobs._status import JobStatus


class SupportsDescribeJob(Protocol):
    """An object that can describe jobs."""

    def describe_job(self, job_id: str) -> Job:
        """Return a job as S3 describes it."""
        ...


class JobControl(SupportsDescribeJob, Protocol):
    """What one can do about jobs. What is refused is a :class:`JobError` with AWS's code."""

    def create_job(self, spec: JobSpec) -> str:
        """Make a job; give its id. The same spec again, with its token, gives the same job."""
        ...

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        """Tell a little about many jobs: those in one of ``statuses``, all without any."""
        ...

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        """Confirm a job that is suspended (``Ready``), or cancel one (``Cancelled``)."""
        ...

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        """Let a job run before those of lower priority."""
        ...

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        ...

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        ...

    def delete_job_tagging(self, job_id: str) -> None:
        """Take all tags off a job."""
        ...


# ---------------------------------------------------------------- waiting

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
    """Wait until a job is over, and give it: ``Complete``, ``Cancelled`` or ``Failed``.

    A suspended job waits for its confirmation, and so does this function. Throttling, errors of the
    service, lost connections and similar failures end the waiting only if they last for
    ``retry_for`` seconds. A new job may not be visible yet, so a job that is not found is looked
    for again for 15 seconds. Any other error is raised at once.

    Args:
        control: Whom to ask.
        job_id: The job.
        poll: Seconds between two looks; AWS wants at least the 30 of the default.
        timeout: Seconds to wait at most; ``None``: as long as it takes.
        retry_for: Seconds of consecutive failures after which the waiting ends. A request that
            succeeds resets the count.
        sleep: How to wait.
        clock: Tells the seconds that have passed.
        on_progress: Called with the job after each look.
        on_error: Called after each request that failed temporarily, with the exception and the
            seconds that are left to retry.

    Raises:
        JobTimeout: It is not over yet.
        JobNotWatched: It could not be described for ``retry_for`` seconds.
        JobNotFound: There is no such job.
    """
    end = math.inf if timeout is None else clock() + timeout
    outage = _Outage(clock)
    while True:
        try:
            job = control.describe_job(job_id)
        except Exception as error:
            retries = outage.seconds_left(error, retry_for)
            until_timeout = end - clock()
            if retries <= 0 or until_timeout <= 0:
                if isinstance(error, JobNotFound) or not _is_temporary(error):
                    raise
                raise _not_watched(job_id, error, outage.seconds) from error
            if on_error is not None:
                on_error(error, retries)
            pause = min(outage.pause(poll), retries)
        else:
            outage = _Outage(clock)
            if on_progress is not None:
                on_progress(job)
            if job.status.is_final:
                return job
            until_timeout = end - clock()
            if until_timeout <= 0:
                raise JobTimeout(
                    f"job {job_id} is still {job.status} after {timeout:g} seconds", job_id=job_id
                )
            pause = poll
        sleep(min(pause, until_timeout))


class _Outage:
    """Consecutive requests for a job that failed: since when, and how many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: dict[bool, float] = {}
        self._failures = 0

    @property
    def seconds(self) -> float:
        """Seconds since the first failure."""
        return self._clock() - min(self._began.values())

    def seconds_left(self, error: Exception, retry_for: float) -> float:
        """Count a failure; return the seconds that are left for retries after its kind."""
        self._failures += 1
        now = self._clock()
        # Two counts: a missing job is given up earlier than a service that does not respond.
        began = self._began.setdefault(isinstance(error, JobNotFound), now)
        return began + _patience_for(error, retry_for) - now

    def pause(self, poll: float) -> float:
        """Return the seconds until the next request: 2, 4, 8, …, at most ``poll``."""
        return min(poll, 2.0 ** min(self._failures, 10))


def _patience_for(error: Exception, retry_for: float) -> float:
    if isinstance(error, JobNotFound):
        return _UNTIL_VISIBLE
    return retry_for if _is_temporary(error) else 0.0


_UNTIL_VISIBLE: Final = 15.0  # seconds


def _is_temporary(error: Exception) -> bool:
    """Return whether a request may succeed if this process sends it again.

    Expired credentials are temporary for a task, because another environment with new credentials
    retries it. In this process they stay expired.
    """
    if isinstance(error, _UnreadableAnswer) or _code_of(error) in _REDIRECTS:
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
"""Of a proxy that asks to log in, for example. A redirect of AWS has a code such as
PermanentRedirect instead."""

_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}


def _not_watched(job_id: str, error: Exception, seconds: float) -> JobNotWatched:
    code = error.code if isinstance(error, JobError) else None
    text = str(error) if isinstance(error, JobError) else describe(error)
    how_long = f" for {seconds:.0f} s" if seconds >= 1 else ""
    problem = f"job {job_id} could not be described{how_long}: {text}"
    return JobNotWatched(problem, job_id=job_id, code=code)


# ---------------------------------------------------------------- AWS


class S3Control:
    """Job control by boto3.

    Args:
        client: ``boto3.client("s3control")``; for an address other than AWS's make it with
            :func:`s3batch_handler.jobs._aws_clients.s3control_client`.
        account_id: Whose jobs.
    """

    def __init__(self, client: Any, *, account_id: str) -> None:
        self._client = client
        self._account_id = account_id

    def create_job(self, spec: JobSpec) -> str:
        """Make a job; give its id. The same spec again, with its token, gives the same job."""
        job_id: str = self._call("create_job", **spec.to_request())["JobId"]
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Return a job as S3 describes it."""
        answer = self._call("describe_job", JobId=job_id)
        try:
            return Job.from_description(answer["Job"])
        except (KeyError, TypeError, ValueError) as error:  # for example the response of a proxy
            problem = "the response to DescribeJob does not describe a job"
            raise _UnreadableAnswer(problem, job_id=job_id) from error

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        """Tell a little about many jobs: those in one of ``statuses``, all without any."""
        arguments: dict[str, Any] = {"MaxResults": max_results}
        if statuses:
            arguments["JobStatuses"] = [status.value for status in statuses]
        if next_token is not None:
            arguments["NextToken"] = next_token
        page = self._call("list_jobs", **arguments)
        jobs = tuple(Job.from_listing(descriptor) for descriptor in page.get("Jobs", ()))
        return JobPage(jobs, page.get("NextToken"))

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        """Confirm a job that is suspended (``Ready``), or cancel one (``Cancelled``)."""
        arguments = {} if reason is None else {"StatusUpdateReason": reason}
        try:
            self._call(
                "update_job_status",
                JobId=job_id,
                RequestedJobStatus=requested.value,
                **arguments,
            )
        except JobError as error:
            if error.code != "JobStatusException":
                raise
            current = self.describe_job(job_id).status
            raise InvalidTransition(
                job_id=job_id, current=current, requested=requested
            ) from error.__cause__
        return self.describe_job(job_id)

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        """Let a job run before those of lower priority."""
        self._call("update_job_priority", JobId=job_id, Priority=priority)
        return self.describe_job(job_id)

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        tags = self._call("get_job_tagging", JobId=job_id).get("Tags", ())
        return {tag["Key"]: tag["Value"] for tag in tags}

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        self._call("put_job_tagging", JobId=job_id, Tags=tag_set(tags))

    def delete_job_tagging(self, job_id: str) -> None:
        """Take all tags off a job."""
        self._call("delete_job_tagging", JobId=job_id)

    def _call(self, verb: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, verb)(
                AccountId=self._account_id, **arguments
            )
        except Exception as error:
            refusal = _refusal(error, arguments.get("JobId"))
            if refusal is None:
                raise
            raise refusal from error
        return answer


class _UnreadableAnswer(JobError):
    """A response with HTTP status 200 that does not contain a job."""


def _refusal(error: Exception, job_id: str | None) -> JobError | None:
    """Recognise by its shape what boto3 raises when AWS, or it in AWS's place, says no."""
    if type(error).__name__ == "ParamValidationError":  # never sent
        return JobError(str(error), job_id=job_id, code=BAD_REQUEST)
    aws = AwsError.from_exception(error)
    if aws is None or not aws.code:
        return None
    message = aws.message or aws.code
    if aws.code in _NOT_FOUND and job_id is not None:
        return JobNotFound(message, job_id=job_id)
    return JobError(message, job_id=job_id, code=aws.code)


_NOT_FOUND: Final = {"NoSuchJobException", "NotFoundException"}
