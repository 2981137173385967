"""Models of jobs have the members and limits of botocore's service model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from botocore.model import ListShape, MapShape, StringShape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import JobError
from s3batch_handler.jobs._job import Job, JobFailure, JobSpec
from s3batch_handler.jobs._operations import Operation
from s3batch_handler.jobs._status import JobStatus, Progress
from s3batch_handler.jobs._structures import Constraints, Structure
from tests.support.job_requests import MODEL, REQUEST, invalid, requests, structure
from tests.support.jobs import CREATED, a_request

if TYPE_CHECKING:
    from botocore.model import Shape


def _enum(name: str) -> set[str]:
    shape = MODEL.shape_for(name)
    assert isinstance(shape, StringShape)
    return set(shape.enum)


JOB = structure("JobDescriptor")
LISTED_JOB = structure("JobListDescriptor")


def test_a_request_has_the_members_and_limits_of_the_model() -> None:
    """Compare all structures, names, lengths, numbers, patterns and enums."""
    differences = list(_differences("", JobSpec, REQUEST))

    assert differences == [": only in the model: AccountId", ": AccountId is not required"]


def test_a_job_has_the_members_of_the_model() -> None:
    """DescribeJob and ListJobs return no other members."""
    ours = {
        field.serialization_alias
        for name, field in Job.model_fields.items()
        if name != "operation_name"
    }

    assert ours == set(JOB.members)
    assert set(LISTED_JOB.members) <= ours
    assert set(JobStatus) == _enum("JobStatus")
    assert not list(_differences("", JobFailure, MODEL.shape_for("JobFailure")))


def test_operations_are_those_of_the_model() -> None:
    ours = {field.serialization_alias for field in Operation.model_fields.values()}

    assert ours == _enum("OperationName")


def test_an_unknown_operation_is_preserved() -> None:
    """botocore's service model may be newer than this package."""
    operation = Operation.model_validate({"S3FoldObject": {"Times": 7}})

    assert (operation.name, operation.to_boto3()) == (
        "S3FoldObject",
        {"S3FoldObject": {"Times": 7}},
    )


def _differences(path: str, ours: Any, theirs: Shape) -> Any:
    """Yield the differences between a type of this package and a shape of the model."""
    type_, limits = _type_and_limits(ours)
    if type_ in (JobSpec, *_all_structures(Structure)):
        assert isinstance(theirs, StructureShape)
        fields = {field.serialization_alias: field for field in type_.model_fields.values()}
        yield from (f"{path}: only in the model: {name}" for name in theirs.members.keys() - fields)
        yield from (f"{path}: only in ours: {name}" for name in fields.keys() - theirs.members)
        required = {name for name, field in fields.items() if field.is_required()}
        required |= {"ClientRequestToken"} & fields.keys()  # SDKs and JobSpec add it
        yield from (
            f"{path}: {name} is not required" for name in set(theirs.required_members) - required
        )
        yield from (
            f"{path}: {name} is required" for name in required - set(theirs.required_members)
        )
        for name in fields.keys() & theirs.members:
            field = fields[name]
            annotated: Any = field.annotation
            for mark in field.metadata:
                annotated = Annotated[annotated, mark]
            yield from _differences(f"{path}.{name}", annotated, theirs.members[name])
        return
    if theirs.name == "S3TagSet":
        assert isinstance(theirs, ListShape)
        tag = theirs.member
        assert isinstance(tag, StructureShape)
        key, value = get_args(type_)
        yield from _differences(f"{path}.Key", key, tag.members["Key"])
        yield from _differences(f"{path}.Value", value, tag.members["Value"])
        return
    yield from _different_limits(path, limits, theirs)
    if isinstance(theirs, ListShape):
        assert get_origin(type_) is tuple
        yield from _differences(f"{path}[]", get_args(type_)[0], theirs.member)
    elif isinstance(theirs, MapShape):
        assert get_origin(type_) is Mapping
        key, value = get_args(type_)
        yield from _differences(f"{path}{{key}}", key, theirs.key)
        yield from _differences(f"{path}{{value}}", value, theirs.value)
    elif _PYTHON[theirs.type_name] is not type_:
        yield f"{path}: {type_}, not {theirs.type_name}"


_PYTHON = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": datetime}


def _type_and_limits(annotation: Any) -> tuple[Any, Constraints]:
    limits = Constraints()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *marks = get_args(annotation)
            limits = next((mark for mark in marks if isinstance(mark, Constraints)), limits)
        elif get_origin(annotation) in (Union, UnionType):
            (annotation,) = (arg for arg in get_args(annotation) if arg is not NoneType)
        else:
            return annotation, limits


def _different_limits(path: str, ours: Constraints, theirs: Shape) -> Any:
    metadata = theirs.metadata
    pattern = metadata.get("pattern")
    if pattern is not None:
        pattern = pattern.replace(r"\d", "[0-9]")  # in Python, \d are digits of any script
    different = ours.pattern != pattern
    if different and not (ours.pattern and r"\p{L}" in str(pattern)):  # Python's re knows no \p
        yield f"{path}: {ours.pattern}, not {pattern}"
    if (ours.min or 0, ours.max) != (metadata.get("min", 0), metadata.get("max")):
        yield f"{path}: {ours}, not {metadata}"
    if set(ours.enum) != set(metadata.get("enum", ())):
        yield f"{path}: one of {ours.enum}, not {metadata.get('enum')}"


def _all_structures(base: type[Structure]) -> set[type[Structure]]:
    return {base}.union(*(_all_structures(child) for child in base.__subclasses__()))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(request=requests())
def test_requests_are_converted_without_loss(request: dict[str, Any]) -> None:
    """A valid request is accepted, and botocore accepts the result."""
    spec = JobSpec.from_request(request)

    assert spec.to_request() == request
    assert not invalid(REQUEST, {**spec.to_request(), "AccountId": "123456789012"})
    assert JobSpec.from_request(spec.to_request()) == spec

    job = Job.new(spec, job_id="job-1", job_arn="arn:x", creation_time=CREATED)
    assert Job.from_description(job.to_description()) == job
    assert not invalid(JOB, job.to_description())


def test_a_complete_description_is_converted_without_loss() -> None:
    """All members of DescribeJob have boto3's types."""
    request = a_request()
    description = {
        **{name: request[name] for name in ("Operation", "Manifest", "Report", "RoleArn")},
        "JobId": "f3cc4f60-61f6-4a2b-8a21-d07600c373ce",
        "JobArn": "arn:aws:s3:eu-west-1:123456789012:job/f3cc4f60-61f6-4a2b-8a21-d07600c373ce",
        "ConfirmationRequired": True,
        "Description": "thumbnails",
        "Status": "Failed",
        "Priority": 10,
        "ProgressSummary": {
            "TotalNumberOfTasks": 9,
            "NumberOfTasksSucceeded": 2,
            "NumberOfTasksFailed": 3,
            "Timers": {"ElapsedTimeInActiveSeconds": 4},
        },
        "StatusUpdateReason": "start it",
        "FailureReasons": [{"FailureCode": "AccessDenied", "FailureReason": "No."}],
        "CreationTime": CREATED,
        "TerminationDate": CREATED,
        "SuspendedDate": CREATED,
        "SuspendedCause": "AWAITING_CONFIRMATION",
        "GeneratedManifestDescriptor": {
            "Format": "S3InventoryReport_CSV_20211130",
            "Location": {"ObjectArn": "arn:aws:s3:::b/k", "ETag": "x", "ObjectVersionId": "y"},
        },
    }

    job = Job.from_description(description)

    assert job.to_description() == description
    assert (job.status, job.operation_name) == (JobStatus.FAILED, "LambdaInvoke")
    assert job.progress == Progress(9, 2, 3, active_seconds=4)
    assert job.failure_reasons[0].failure_code == "AccessDenied"


def test_a_listed_job_has_fewer_members() -> None:
    """It has the name of the operation only."""
    spec = JobSpec.from_request(a_request())
    job = Job.new(spec, job_id="job-1", job_arn="arn:x", creation_time=CREATED)

    listed = Job.from_listing(job.to_listing())

    assert not invalid(LISTED_JOB, job.to_listing())
    assert (listed.job_id, listed.operation_name, listed.operation) == (
        "job-1",
        "LambdaInvoke",
        None,
    )
    assert (listed.priority, listed.creation_time, listed.description) == (
        10,
        CREATED,
        "thumbnails",
    )
    assert listed.to_listing() == job.to_listing()


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    request=requests(),
    hostile=st.sampled_from(["A" * 100_000, "\n\x1b\u202e" * 30_000]),
    data=st.data(),
)
def test_errors_for_hostile_text_are_short(
    request: dict[str, Any], hostile: str, data: st.DataObject
) -> None:
    """An error is one line of printable characters, even if it quotes others."""
    places = [*_texts(request)]
    container, place = data.draw(st.sampled_from(places), label="place")
    if data.draw(st.booleans(), label="as a key") and isinstance(container, dict):
        container[hostile] = container.pop(place)
    else:
        container[place] = hostile

    refusal = ""
    try:
        JobSpec.from_request(request)
    except JobError as error:
        refusal = str(error)

    assert len(refusal) < 4_000
    assert refusal.isprintable()


def _texts(value: Any) -> Any:
    """Yield each container with the key or index of each of its strings."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for place, member in items:
        if isinstance(member, str):
            yield value, place
        elif isinstance(member, (dict, list)):
            yield from _texts(member)
