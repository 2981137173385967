"""Jobs of S3 Control: :class:`JobSpec` is the request of CreateJob, :class:`Job` a description.

Both convert to boto3's dictionaries and back without loss.
"""

# Without `from __future__ import annotations`: pydantic would compile each annotation at every
# start, which takes most of the time of an import.

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.jobs._manifests import GeneratedManifest, Manifest, ManifestGenerator
from s3batch_handler.jobs._operations import Operation
from s3batch_handler.jobs._status import JobStatus, Progress
from s3batch_handler.jobs._structures import (
    LENIENT,
    AccountId,
    BucketArn,
    Constraints,
    Structure,
    Tags,
    enum,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

BAD_REQUEST: Final = "BadRequestException"
"""AWS's code for a request that it does not accept."""

MAX_JOB_TAGS: Final = 50

REPORT_FORMAT: Final = "Report_CSV_20180820"
"""The format of completion reports."""


# ---------------------------------------------------------------- jobs


def _read_summary(summary: object) -> object:
    """Convert a ``ProgressSummary``. AWS omits its members while a job is new."""
    if not isinstance(summary, Mapping):
        return summary
    return Progress(
        total=summary.get("TotalNumberOfTasks"),
        succeeded=summary.get("NumberOfTasksSucceeded", 0),
        failed=summary.get("NumberOfTasksFailed", 0),
        active_seconds=summary.get("Timers", {}).get("ElapsedTimeInActiveSeconds"),
    )


def _summary(progress: Progress) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "TotalNumberOfTasks": progress.total,
        "NumberOfTasksSucceeded": progress.succeeded,
        "NumberOfTasksFailed": progress.failed,
    }
    if progress.total is None:
        del summary["TotalNumberOfTasks"]
    if progress.active_seconds is not None:
        summary["Timers"] = {"ElapsedTimeInActiveSeconds": progress.active_seconds}
    return summary


Description = Annotated[str, Constraints(1, 256)]
Priority = Annotated[int, Constraints(0, 2147483647)]
RoleArn = Annotated[str, Constraints(1, 2048, r"arn:[^:]+:iam::[0-9]{12}:role/.*")]


class ReportRequest(Structure):
    """The completion report that a job writes, and its location."""

    bucket: BucketArn | None = None
    format: Annotated[str, enum(REPORT_FORMAT)] | None = None
    enabled: bool
    prefix: Annotated[str, Constraints(1, 512)] | None = None
    report_scope: Annotated[str, enum("AllTasks", "FailedTasksOnly")] | None = None
    expected_bucket_owner: AccountId | None = None

    @model_validator(mode="after")
    def _has_a_bucket(self, info: ValidationInfo) -> Self:
        if self.enabled and self.bucket is None and info.context is not LENIENT:
            raise ValueError("Bucket is required if Enabled is true")
        return self


class JobSpec(Structure):
    """The request of CreateJob, without the account ID.

    An invalid spec raises pydantic's ``ValidationError``, or from :meth:`from_request` AWS's error.

    Attributes:
        client_request_token: Requests with the same token create one job. Random by default.
        priority: A higher number runs first.
    """

    confirmation_required: bool | None = None
    operation: Operation
    report: ReportRequest
    client_request_token: Annotated[str, Constraints(1, 64)] = Field(
        default_factory=lambda: str(uuid.uuid4())
    )
    manifest: Manifest | None = None
    description: Description | None = None
    priority: Priority
    role_arn: RoleArn
    tags: Annotated[Tags, Constraints(max=MAX_JOB_TAGS)] = Field(default_factory=dict)
    manifest_generator: ManifestGenerator | None = None

    @property
    def waits_for_confirmation(self) -> bool:
        """Return whether the job is suspended before it runs, which is AWS's default.

        Source: aws-sdk-go-v2's issue 1814. The API reference seems to say the opposite.
        """
        return self.confirmation_required is not False

    @model_validator(mode="after")
    def _has_a_manifest(self) -> Self:
        if (self.manifest is None) == (self.manifest_generator is None):
            raise ValueError("exactly one of Manifest and ManifestGenerator is required")
        return self

    @model_validator(mode="after")
    def _reports_checksums(self) -> Self:
        """Require the report of a checksum job (User Guide: "Compute checksums")."""
        if self.operation.name != "S3ComputeObjectChecksum":
            return self
        if not self.report.enabled:
            raise ValueError("Report.Enabled must be true for S3ComputeObjectChecksum")
        if self.report.expected_bucket_owner is None:
            raise ValueError("Report.ExpectedBucketOwner is required for S3ComputeObjectChecksum")
        return self

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        """Read the arguments of boto3's ``create_job``, with or without AccountId.

        Raises:
            JobError: AWS would refuse the request. The message names each invalid member.
        """
        members = {name: value for name, value in request.items() if name != "AccountId"}
        if "ClientRequestToken" not in members:  # SDKs add one
            raise JobError("ClientRequestToken: Field required", code=BAD_REQUEST)
        try:
            return cls.model_validate(members)
        except ValidationError as error:
            raise _invalid_request(error) from None

    def to_request(self) -> dict[str, Any]:
        """Return the arguments of boto3's ``create_job``, except AccountId."""
        request = self.to_boto3()
        if not self.tags:
            del request["Tags"]
        return request


class JobFailure(Structure):
    """The reason why a job has failed.

    Attributes:
        failure_code: A code without spaces, for example ``ManifestNotFound``.
        failure_reason: A sentence.
    """

    failure_code: Annotated[str, Constraints(1, 64)] | None = None
    failure_reason: Annotated[str, Constraints(1, 256)] | None = None


class Job(Structure):
    """A job as DescribeJob returns it, or with the fewer members of ListJobs.

    Attributes:
        operation_name: For example ``LambdaInvoke``.
        operation: ``None`` in listings, like all members that listings omit.
        progress_summary: The counts of tasks.
        failure_reasons: Empty if tasks have failed, but not the job.
        status_update_reason: The reason in the last request for a change of the status.
    """

    job_id: str
    confirmation_required: bool | None = None
    description: str | None = None
    job_arn: str | None = None
    status: JobStatus
    manifest: Manifest | None = None
    operation_name: str = Field(exclude=True)
    operation: Operation | None = None
    priority: int
    progress_summary: (
        Annotated[
            Progress,
            BeforeValidator(_read_summary),
            PlainSerializer(_summary),
        ]
        | None
    ) = None
    status_update_reason: str | None = None
    failure_reasons: tuple[JobFailure, ...] = ()
    report: ReportRequest | None = None
    creation_time: datetime
    termination_date: datetime | None = None
    role_arn: str | None = None
    suspended_date: datetime | None = None
    suspended_cause: str | None = None
    manifest_generator: ManifestGenerator | None = None
    generated_manifest_descriptor: GeneratedManifest | None = None

    @classmethod
    def new(cls, spec: JobSpec, *, job_id: str, job_arn: str, creation_time: datetime) -> Self:
        """Return the description of a new job."""
        members = {name: value for name, value in spec if name in cls.model_fields}
        members["confirmation_required"] = spec.waits_for_confirmation
        return cls(
            **members,
            job_id=job_id,
            job_arn=job_arn,
            status=JobStatus.NEW,
            operation_name=spec.operation.name,
            progress_summary=Progress(None, 0, 0),
            creation_time=creation_time,
        )

    @property
    def progress(self) -> Progress:
        """Return the counts of tasks; 0 while AWS omits them."""
        return self.progress_summary or Progress(None, 0, 0)

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        from s3batch_handler.jobs._notebook import job_html  # only there

        return job_html(self)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Read the ``Job`` of a DescribeJob response, which may contain unknown members."""
        name = next(iter(description.get("Operation", ())), "")
        return cls.from_aws({**description, "operation_name": name})

    def to_description(self) -> dict[str, Any]:
        """Return the ``Job`` of a DescribeJob response."""
        return self.to_boto3()

    @classmethod
    def from_listing(cls, descriptor: Mapping[str, Any]) -> Self:
        """Read one of the ``Jobs`` of a ListJobs response."""
        members = dict(descriptor)
        return cls.from_aws({"operation_name": members.pop("Operation", ""), **members})

    def to_listing(self) -> dict[str, Any]:
        """Return one of the ``Jobs`` of a ListJobs response."""
        members = self.model_dump(include=_LISTED, exclude_none=True)
        return {**members, "Operation": self.operation_name}


_LISTED: Final = {
    "job_id",
    "description",
    "priority",
    "status",
    "creation_time",
    "termination_date",
    "progress_summary",
}


class JobPage(NamedTuple):
    """A page of a listing of jobs.

    Attributes:
        next_token: The token of the next page; ``None`` on the last page.
    """

    jobs: tuple[Job, ...]
    next_token: str | None = None


def _invalid_request(error: ValidationError) -> JobError:
    """Create the error that names the members that AWS would refuse, each by its path."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    texts = [*map(_problem, problems[:_MAX_PROBLEMS])]
    if len(problems) > _MAX_PROBLEMS:
        texts.append(f"and {len(problems) - _MAX_PROBLEMS} more")
    return JobError("; ".join(texts), code=BAD_REQUEST)


_MAX_PROBLEMS: Final = 5


def _problem(details: "ErrorDetails") -> str:
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{safe_line(part, 80)}"
        for part in details["loc"]
    )
    message = safe_line(details["msg"].removeprefix("Value error, "), 600)
    return f"{path[1:]}: {message}" if path else message
