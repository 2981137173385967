"""Job control: the same verbs for AWS and for the local engine.

:class:`JobControl` has the verbs, :class:`S3Control` speaks them to AWS, or to whatever else
answers boto3's ``s3control`` client. The local engine is the other one that has them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.classify import AwsError
from s3batch_handler.errors import InvalidTransition, JobError, JobNotFound, JobTimeout
from s3batch_handler.job import BAD_REQUEST, Job, JobPage
from s3batch_handler.shapes import tag_set

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from s3batch_handler.job import JobSpec
    from s3batch_handler.status import JobStatus


class JobControl(Protocol):
    """What one can do about jobs. What is refused is a :class:`JobError` with AWS's code."""

    def create_job(self, spec: JobSpec) -> str:
        """Make a job; give its id. The same spec again, with its token, gives the same job."""
        ...

    def describe_job(self, job_id: str) -> Job:
        """Tell all about a job."""
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


def wait_for_job(
    control: JobControl,
    job_id: str,
    *,
    poll: float = 30.0,
    timeout: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[Job], None] | None = None,
) -> Job:
    """Wait until a job is over, and give it: ``Complete``, ``Cancelled`` or ``Failed``.

    A job that is suspended waits for its confirmation, and so does this. A job made a moment ago
    may not be visible yet, so it is looked for twice.

    Args:
        control: Whom to ask.
        job_id: The job.
        poll: Seconds between two looks; AWS wants at least the 30 of the default.
        timeout: Seconds to wait at most; ``None``: as long as it takes.
        sleep: How to wait.
        clock: Tells the seconds that have passed.
        on_progress: Called with the job after each look.

    Raises:
        JobTimeout: It is not over yet.
        JobNotFound: There is no such job.
    """
    deadline = None if timeout is None else clock() + timeout
    job = _first_look(control, job_id, lambda: sleep(min(poll, _UNTIL_VISIBLE)))
    while True:
        if on_progress is not None:
            on_progress(job)
        if job.status.is_final:
            return job
        left = poll if deadline is None else deadline - clock()
        if left <= 0:
            raise JobTimeout(
                f"job {job_id} is still {job.status} after {timeout:g} seconds", job_id=job_id
            )
        sleep(min(poll, left))
        job = control.describe_job(job_id)


def _first_look(control: JobControl, job_id: str, pause: Callable[[], None]) -> Job:
    try:
        return control.describe_job(job_id)
    except JobNotFound:
        pause()
        return control.describe_job(job_id)


_UNTIL_VISIBLE: Final = 5.0  # seconds


# ---------------------------------------------------------------- AWS


class S3Control:
    """Job control by boto3.

    Args:
        client: ``boto3.client("s3control")``; for an address other than AWS's make it with
            :func:`s3batch_handler.aws.s3control_client`.
        account_id: Whose jobs.
    """

    def __init__(self, client: Any, *, account_id: str) -> None:
        self._client = client
        self._account_id = account_id

    def create_job(self, spec: JobSpec) -> str:
        """Make a job; give its id. The same spec again, with its token, gives the same job."""
        job_id: str = self._ask("create_job", **spec.to_request())["JobId"]
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Tell all about a job."""
        return Job.from_description(self._ask("describe_job", JobId=job_id)["Job"])

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
        page = self._ask("list_jobs", **arguments)
        jobs = tuple(Job.from_listing(descriptor) for descriptor in page.get("Jobs", ()))
        return JobPage(jobs, page.get("NextToken"))

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        """Confirm a job that is suspended (``Ready``), or cancel one (``Cancelled``)."""
        arguments = {} if reason is None else {"StatusUpdateReason": reason}
        try:
            self._ask(
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
        self._ask("update_job_priority", JobId=job_id, Priority=priority)
        return self.describe_job(job_id)

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Give the tags of a job."""
        tags = self._ask("get_job_tagging", JobId=job_id).get("Tags", ())
        return {tag["Key"]: tag["Value"] for tag in tags}

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        self._ask("put_job_tagging", JobId=job_id, Tags=tag_set(tags))

    def delete_job_tagging(self, job_id: str) -> None:
        """Take all tags off a job."""
        self._ask("delete_job_tagging", JobId=job_id)

    def _ask(self, verb: str, **arguments: Any) -> Mapping[str, Any]:
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


def _refusal(error: Exception, job_id: str | None) -> JobError | None:
    """Recognise by its shape what boto3 raises when AWS, or it in AWS's place, says no."""
    if type(error).__name__ == "ParamValidationError":  # never sent
        return JobError(str(error), job_id=job_id, code=BAD_REQUEST)
    aws = AwsError.of(error)
    if aws is None or not aws.code:
        return None
    message = aws.message or aws.code
    if aws.code in _NOT_FOUND and job_id is not None:
        return JobNotFound(message, job_id=job_id)
    return JobError(message, job_id=job_id, code=aws.code)


_NOT_FOUND: Final = {"NoSuchJobException", "NotFoundException"}
