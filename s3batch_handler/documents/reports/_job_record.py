"""What is known about the job of a report: from ``job.json`` beside it, or from DescribeJob."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

from pydantic import Field, PlainValidator, TypeAdapter
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.manifests._part import Part
from s3batch_handler.documents.reports._record_json import read_record
from s3batch_handler.documents.reports._report_files import JOB_RECORD, REDRIVE_TAG
from s3batch_handler.documents.reports._rows import ReportScope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.documents.reports._report import Report


def _text(value: object) -> str:
    # pydantic's own check refuses lone surrogates, which paths may have.
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "expected text")
    return value


_Text = Annotated[str, PlainValidator(_text)]


_Count = Annotated[int, Field(ge=0, le=2**53)]


# The members that are read. Unknown ones are ignored: AWS adds members.
class _Counts(TypedDict, total=False):
    TotalNumberOfTasks: _Count
    NumberOfTasksSucceeded: _Count
    NumberOfTasksFailed: _Count


class _Tag(TypedDict):
    Key: _Text
    Value: _Text


class _ReportSettings(TypedDict, total=False):
    ReportScope: _Text


class _Invoke(TypedDict, total=False):
    InvocationSchemaVersion: _Text
    UserArguments: dict[_Text, _Text]


class _Operation(TypedDict, total=False):
    LambdaInvoke: _Invoke


_Number = Annotated[int, Field(strict=True, ge=0, le=2**63)]


class _Measured(TypedDict, total=False):
    Calls: _Number
    AverageSeconds: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
    MemoryMB: _Number


class _Part(TypedDict):
    Number: _Number
    Of: _Number
    Lines: _Number
    ETag: _Text


class _Local(TypedDict, total=False):
    Handler: _Text
    Folder: _Text
    Source: _Text
    Bucket: _Text
    EndpointUrl: _Text
    MergedJobs: list[_Text]
    Part: _Part
    Measured: _Measured


class _Description(TypedDict, total=False):
    JobId: _Text
    Status: _Text
    Operation: _Operation
    ProgressSummary: _Counts
    Report: _ReportSettings
    Tags: list[_Tag]
    Local: _Local


@cache
def _description() -> TypeAdapter[_Description]:
    return TypeAdapter(_Description)  # takes a few milliseconds, and few commands need it


class PartOfManifest(NamedTuple):
    """The part of a manifest that a job has run.

    Attributes:
        part: The part.
        lines: The number of lines of the manifest.
        etag: The MD5 of the manifest.
    """

    part: Part
    lines: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What is known about a job.

    Attributes:
        status: As in DescribeJob, for example ``Complete``.
        total: The number of tasks; ``None`` if it is not known, as the other counts.
        report_scope: The tasks that its report lists; ``None`` if it is not known.
        redrive_of: The ID of the job whose failed tasks it ran again.
        part: The part of a manifest that it has run; ``None`` for a job with a whole manifest.
        merged_jobs: The IDs of the jobs whose reports were merged into its report.
        description: All members: those of DescribeJob, and ``Tags`` and ``Local`` of ``job.json``.
    """

    job_id: str
    status: str = ""
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    report_scope: ReportScope | None = None
    redrive_of: str | None = None
    part: PartOfManifest | None = None
    merged_jobs: tuple[str, ...] = ()
    description: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def has_operation(self) -> bool:
        """Return whether the operation of the job is known, and so are its user arguments."""
        return "Operation" in self.description

    @property
    def arguments(self) -> dict[str, str]:
        """Return the user arguments of the job."""
        return dict(self._invoke.get("UserArguments") or {})

    @property
    def schema(self) -> str | None:
        """Return the version of the invocation schema."""
        version: str | None = self._invoke.get("InvocationSchemaVersion")
        return version

    @property
    def local(self) -> Mapping[str, Any]:
        """Return what only the machine of a local job knows, such as its ``Handler``."""
        local: Mapping[str, Any] = self.description.get("Local", {})
        return local

    @property
    def _invoke(self) -> Mapping[str, Any]:
        invoke: Mapping[str, Any] = self.description.get("Operation", {}).get("LambdaInvoke", {})
        return invoke

    @classmethod
    def from_description(
        cls, description: Mapping[str, Any], tags: Mapping[str, str] | None = None
    ) -> Self:
        """Read the ``Job`` of a DescribeJob response, with the job's tags, or ``job.json``.

        Raises:
            ValidationError: It is not the description of a job.
        """
        known = _description().validate_python(description)
        counts = known.get("ProgressSummary", {})
        scope = known.get("Report", {}).get("ReportScope")
        if tags is None:
            tags = {tag["Key"]: tag["Value"] for tag in known.get("Tags", ())}
        return cls(
            job_id=known.get("JobId", ""),
            status=known.get("Status", ""),
            total=counts.get("TotalNumberOfTasks"),
            succeeded=counts.get("NumberOfTasksSucceeded"),
            failed=counts.get("NumberOfTasksFailed"),
            report_scope=ReportScope(scope) if scope in set(ReportScope) else None,
            redrive_of=tags.get(REDRIVE_TAG),
            part=_part_of(known.get("Local", {})),
            merged_jobs=tuple(known.get("Local", {}).get("MergedJobs", ())),
            description=description,
        )


def _part_of(local: _Local) -> PartOfManifest | None:
    if "Part" not in local:
        return None
    found = local["Part"]
    part = Part(found["Number"], found["Of"])
    return PartOfManifest(part, found["Lines"], found["ETag"])


def read_job_record(report: Report) -> JobRecord | None:
    """Return the record of the local job that wrote a report; ``None`` if there is none.

    Others may write to the bucket of a report: they must not choose what runs here. The record of a
    report in S3 has facts about the job (status, counts, tags), but no operation and no handler.

    Raises:
        ReportError: ``job.json`` is not the record of a job.
    """
    record = read_record(
        report,
        JOB_RECORD,
        JobRecord.from_description,
        limit=_MAX_SIZE,
        refusal="not the record of a job",
    )
    if record is None:
        return None
    location = report.location_beside(JOB_RECORD)
    if report.job_id not in ("", record.job_id):
        raise ReportError(
            f"{location}: the record of another job, {record.job_id}, not of {report.job_id}; "
            "remove it"
        )
    return (
        replace(record, description=_facts(record.description)) if is_s3_url(location) else record
    )


def _facts(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of ``job.json`` that no job runs with."""
    local = description.get("Local", {})
    return {
        **{name: description[name] for name in _FACTS if name in description},
        "Local": {name: local[name] for name in _LOCAL_FACTS if name in local},
    }


_FACTS: Final = (
    *("JobId", "Status", "ProgressSummary", "FailureReasons", "Report", "Priority"),
    *("CreationTime", "TerminationDate", "Tags"),
)
_LOCAL_FACTS: Final = (
    "Manifest",
    "FailedFrom",
    "Selection",
    "MergedJobs",
    "MergedReports",
    "Part",
    "Measured",
)
_MAX_SIZE: Final = 16 << 20
