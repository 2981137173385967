"""Jobs of S3 Control: what one asks for, what one sees, states and counts.

:class:`JobSpec` is the request of CreateJob, :class:`Job` what DescribeJob tells. Both turn into
boto3's dicts and back without loss; their parts are in ``shapes.py``.
"""

# Without `from __future__ import annotations`: pydantic would compile each annotation anew at every
# start, which takes as long as all the rest of it.

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
"""AWS's code for a request that it does not take."""

MAX_JOB_TAGS: Final = 50


# ---------------------------------------------------------------- jobs


def _read_summary(summary: object) -> object:
    """Read a ``ProgressSummary``, whose members AWS leaves out early in a job's life."""
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
    format: Annotated[str, enum("Report_CSV_20180820")] | None = None
    enabled: bool
    prefix: Annotated[str, Constraints(1, 512)] | None = None
    report_scope: Annotated[str, enum("AllTasks", "FailedTasksOnly")] | None = None
    expected_bucket_owner: AccountId | None = None

    @model_validator(mode="after")
    def _has_a_place(self, info: ValidationInfo) -> Self:
        if self.enabled and self.bucket is None and info.context is not LENIENT:
            raise ValueError("Bucket is required if Enabled is true")
        return self


class JobSpec(Structure):
    """What one asks for: the request of CreateJob, without the account id.

    Made in Python, a mistake is pydantic's ``ValidationError``; :meth:`from_request` gives AWS's.

    Attributes:
        client_request_token: The same request sent twice makes one job. A new one by default.
        priority: The higher, the sooner.
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
        """Tell whether the job is suspended before it runs: so it is, too, if nobody says.

        Seen in aws-sdk-go-v2's issue 1814; the API reference reads as if it were a no.
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
        """Read what ``boto3.client("s3control").create_job`` is given, with AccountId or without.

        Raises:
            JobError: AWS would refuse it; the text names each member that is at fault.
        """
        members = {name: value for name, value in request.items() if name != "AccountId"}
        if "ClientRequestToken" not in members:  # SDKs make one up
            raise JobError("ClientRequestToken: Field required", code=BAD_REQUEST)
        try:
            return cls.model_validate(members)
        except ValidationError as error:
            raise _refusal(error) from None

    def to_request(self) -> dict[str, Any]:
        """Give the arguments of boto3's ``create_job``, except AccountId."""
        request = self.to_boto3()
        if not self.tags:
            del request["Tags"]
        return request


class JobFailure(Structure):
    """Why a job has failed.

    Attributes:
        failure_code: A word or two of AWS's, without spaces.
        failure_reason: A sentence.
    """

    failure_code: Annotated[str, Constraints(1, 64)] | None = None
    failure_reason: Annotated[str, Constraints(1, 256)] | None = None


class Job(Structure):
    """What one sees: what DescribeJob tells of a job, or the less that ListJobs does.

    Attributes:
        operation_name: ``LambdaInvoke``, ….
        operation: ``None`` in listings, as all that is not in them.
        progress_summary: How far it has come.
        failure_reasons: Empty when tasks have failed but the job has not: look at the counts.
        status_update_reason: What was said when its status was last changed by request.
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
        """Make the job that was asked for, as it is at first."""
        return cls(
            job_id=job_id,
            confirmation_required=spec.waits_for_confirmation,
            description=spec.description,
            job_arn=job_arn,
            status=JobStatus.NEW,
            manifest=spec.manifest,
            operation_name=spec.operation.name,
            operation=spec.operation,
            priority=spec.priority,
            progress_summary=Progress(None, 0, 0),
            report=spec.report,
            creation_time=creation_time,
            role_arn=spec.role_arn,
            manifest_generator=spec.manifest_generator,
        )

    @property
    def progress(self) -> Progress:
        """How far it has come; all counts are 0 while AWS does not tell."""
        return self.progress_summary or Progress(None, 0, 0)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Read the ``Job`` of a DescribeJob answer, also of a newer AWS than we know."""
        name = next(iter(description.get("Operation", ())), "")
        return cls.from_aws({**description, "operation_name": name})

    def to_description(self) -> dict[str, Any]:
        """Give the ``Job`` of a DescribeJob answer."""
        return self.to_boto3()

    @classmethod
    def from_listing(cls, descriptor: Mapping[str, Any]) -> Self:
        """Read one of the ``Jobs`` of a ListJobs answer."""
        members = dict(descriptor)
        return cls.from_aws({"operation_name": members.pop("Operation", ""), **members})

    def to_listing(self) -> dict[str, Any]:
        """Give one of the ``Jobs`` of a ListJobs answer."""
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
    """A part of a listing of jobs.

    Attributes:
        next_token: Asks for the next page; ``None`` after the last one.
    """

    jobs: tuple[Job, ...]
    next_token: str | None = None


def _refusal(error: ValidationError) -> JobError:
    """List in one line what AWS would refuse, each member by its path: ``Report.Bucket``.

    The line is short, whatever the request contains.
    """
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
