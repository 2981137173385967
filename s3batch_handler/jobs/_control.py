"""Job control: one interface for jobs in AWS and jobs of the local engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.core._aws_errors import AwsError
from s3batch_handler.core._errors import InvalidTransition, JobError, JobNotFound
from s3batch_handler.jobs._job import BAD_REQUEST, Job, JobPage
from s3batch_handler.jobs._structures import tag_set

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from s3batch_handler.jobs._job import JobSpec
    from s3batch_handler.jobs._status import JobStatus


class SupportsDescribeJob(Protocol):
    """An object that can describe jobs."""

    def describe_job(self, job_id: str) -> Job:
        """Return a job as S3 describes it."""
        ...


class JobControl(SupportsDescribeJob, Protocol):
    """Creates, lists and changes jobs. A refused request raises JobError with AWS's code."""

    def create_job(self, spec: JobSpec) -> str:
        """Create a job and return its ID. The same spec with the same token creates no new job."""
        ...

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        """List jobs with one of ``statuses``, or all jobs. Listed jobs have fewer members."""
        ...

    def update_job_status(
        self, job_id: str, requested: JobStatus, reason: str | None = None
    ) -> Job:
        """Confirm a suspended job (``Ready``), or cancel a job (``Cancelled``)."""
        ...

    def update_job_priority(self, job_id: str, priority: int) -> Job:
        """Change the priority of a job. Jobs of higher priority run first."""
        ...

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Return the tags of a job."""
        ...

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        ...

    def delete_job_tagging(self, job_id: str) -> None:
        """Delete all tags of a job."""
        ...


class S3Control:
    """Job control with boto3.

    Args:
        client: ``boto3.client("s3control")``. For an endpoint that is not AWS's, create the client
            with :func:`s3batch_handler.jobs.s3control_client`.
        account_id: The AWS account ID of the jobs.
    """

    def __init__(self, client: Any, *, account_id: str) -> None:
        self._client = client
        self._account_id = account_id

    def create_job(self, spec: JobSpec) -> str:
        """Create a job and return its ID. The same spec with the same token creates no new job."""
        job_id: str = self._call("create_job", **spec.to_request())["JobId"]
        return job_id

    def describe_job(self, job_id: str) -> Job:
        """Return a job as S3 describes it."""
        response = self._call("describe_job", JobId=job_id)
        try:
            return Job.from_description(response["Job"])
        except (KeyError, TypeError, ValueError) as error:  # for example the response of a proxy
            problem = "the response to DescribeJob does not describe a job"
            raise UnreadableJobDescription(problem, job_id=job_id) from error

    def list_jobs(
        self,
        statuses: Collection[JobStatus] = (),
        *,
        max_results: int = 1000,
        next_token: str | None = None,
    ) -> JobPage:
        """List jobs with one of ``statuses``, or all jobs. Listed jobs have fewer members."""
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
        """Confirm a suspended job (``Ready``), or cancel a job (``Cancelled``)."""
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
        """Change the priority of a job. Jobs of higher priority run first."""
        self._call("update_job_priority", JobId=job_id, Priority=priority)
        return self.describe_job(job_id)

    def get_job_tagging(self, job_id: str) -> dict[str, str]:
        """Return the tags of a job."""
        tags = self._call("get_job_tagging", JobId=job_id).get("Tags", ())
        return {tag["Key"]: tag["Value"] for tag in tags}

    def put_job_tagging(self, job_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a job."""
        self._call("put_job_tagging", JobId=job_id, Tags=tag_set(tags))

    def delete_job_tagging(self, job_id: str) -> None:
        """Delete all tags of a job."""
        self._call("delete_job_tagging", JobId=job_id)

    def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            response: Mapping[str, Any] = getattr(self._client, method)(
                AccountId=self._account_id, **arguments
            )
        except Exception as error:
            job_error = _error_of_aws(error, arguments.get("JobId"))
            if job_error is None:
                raise
            raise job_error from error
        return response


class UnreadableJobDescription(JobError):
    """A response with HTTP status 200 that does not contain a job."""


def _error_of_aws(error: Exception, job_id: str | None) -> JobError | None:
    """Convert an error of AWS, or boto3's error for a request that is not valid."""
    if type(error).__name__ == "ParamValidationError":  # boto3 did not send the request
        return JobError(str(error), job_id=job_id, code=BAD_REQUEST)
    aws = AwsError.from_exception(error)
    if aws is None or not aws.code:
        return None
    message = aws.message or aws.code
    if aws.code in _NOT_FOUND and job_id is not None:
        return JobNotFound(message, job_id=job_id)
    return JobError(message, job_id=job_id, code=aws.code)


_NOT_FOUND: Final = {"NoSuchJobException", "NotFoundException"}
