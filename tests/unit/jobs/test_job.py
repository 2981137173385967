"""Jobs are what S3 Control says they are: botocore's service model is the judge."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, StringShape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.jobs._job import Job, JobFailure, JobSpec, ReportRequest
from s3batch_handler.jobs._manifests import Manifest, ManifestLocation, ManifestSpec
from s3batch_handler.jobs._operations import LambdaInvoke, Operation
from s3batch_handler.jobs._status import JobStatus, Progress
from s3batch_handler.jobs._structures import Constraints, Structure

if TYPE_CHECKING:
    from botocore.model import Shape

MODEL = botocore.session.get_session().get_service_model("s3control")


def _structure(name: str) -> StructureShape:
    shape = MODEL.shape_for(name)
    assert isinstance(shape, StructureShape)
    return shape


def _enum(name: str) -> set[str]:
    shape = MODEL.shape_for(name)
    assert isinstance(shape, StringShape)
    return set(shape.enum)


REQUEST = _structure("CreateJobRequest")
JOB = _structure("JobDescriptor")
LISTED_JOB = _structure("JobListDescriptor")

CREATED = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def a_request(**changes: Any) -> dict[str, Any]:
    """Give arguments for ``create_job``; a member that is ``None`` is left out."""
    request: dict[str, Any] = {
        "AccountId": "123456789012",
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails:PROD"}},
        "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::reports"},
        "ClientRequestToken": "token-1",
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "60e460c9d1046e73"},
        },
        "Description": "thumbnails",
        "Priority": 10,
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
        "Tags": [{"Key": "team", "Value": "photos"}],
        **changes,
    }
    return {name: value for name, value in request.items() if value is not None}


def invalid(shape: Shape, value: dict[str, Any]) -> str:
    """Give what botocore has against a value."""
    report: str = ParamValidator().validate(value, shape).generate_report()
    return report


def listing(**names: list[str]) -> dict[str, Any]:
    """Return a ``ManifestGenerator`` for objects whose keys look like this."""
    return {
        "S3JobManifestGenerator": {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            "Filter": {"KeyNameConstraint": names},
        }
    }


# ---------------------------------------------------------------- the shapes are the model's


def test_a_request_has_the_members_and_limits_of_the_model() -> None:
    """Each structure, name, length, number, pattern and enum, down to the last, is botocore's."""
    differences = list(_differences("", JobSpec, REQUEST))

    assert differences == [": only in the model: AccountId", ": AccountId is not required"]


def test_a_job_has_the_members_of_the_model() -> None:
    """DescribeJob's and ListJobs' answers have a place for each of their members."""
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
    """There are as many operations as AWS has."""
    ours = {field.serialization_alias for field in Operation.model_fields.values()}

    assert ours == _enum("OperationName")


def test_an_operation_that_came_later() -> None:
    """It passes through as it is: botocore's service model knows what there is, and it is newer."""
    operation = Operation.model_validate({"S3FoldObject": {"Times": 7}})

    assert (operation.name, operation.to_boto3()) == (
        "S3FoldObject",
        {"S3FoldObject": {"Times": 7}},
    )


def _differences(path: str, ours: Any, theirs: Shape) -> Any:
    """Tell where one of our types is not a shape of the model."""
    type_, limits = _type_and_limits(ours)
    if type_ in (JobSpec, *_all_structures(Structure)):
        assert isinstance(theirs, StructureShape)
        fields = {field.serialization_alias: field for field in type_.model_fields.values()}
        yield from (f"{path}: only in the model: {name}" for name in theirs.members.keys() - fields)
        yield from (f"{path}: only in ours: {name}" for name in fields.keys() - theirs.members)
        required = {name for name, field in fields.items() if field.is_required()}
        required |= {"ClientRequestToken"} & fields.keys()  # SDKs fill it in, and so do we
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


# ---------------------------------------------------------------- there and back


def _requests() -> st.SearchStrategy[dict[str, Any]]:
    """Any request that AWS might take, made from the model."""

    def one(request: dict[str, Any], source: str, operation: dict[str, Any]) -> dict[str, Any]:
        request["Operation"] = operation
        request.pop("AccountId")
        request.pop("Manifest" if source == "ManifestGenerator" else "ManifestGenerator")
        if not request.get("Tags"):
            request.pop("Tags", None)
        if "S3ComputeObjectChecksum" in operation:
            report = {"Enabled": True, "Bucket": "arn:aws:s3:::reports"}
            request["Report"] = {**report, "ExpectedBucketOwner": "123456789012"}
        return copy.deepcopy(request)

    request = _values(REQUEST, always=("Manifest", "ManifestGenerator"))
    sources = st.sampled_from(["Manifest", "ManifestGenerator"])
    return st.builds(one, request, sources, _values(MODEL.shape_for("JobOperation")))


def _values(shape: Shape, always: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    limits = shape.metadata
    low, high = limits.get("min", 0), limits.get("max")
    if shape.name in _SPECIAL:
        return _SPECIAL[shape.name]
    if isinstance(shape, StructureShape):
        members = {name: _values(member) for name, member in shape.members.items()}
        if limits.get("union") or shape.name == "JobOperation":
            return st.one_of(
                [st.fixed_dictionaries({name: value}) for name, value in members.items()]
            )
        needed = {*shape.required_members, *always}
        return st.fixed_dictionaries(
            {name: members[name] for name in needed},
            optional={name: members[name] for name in members.keys() - needed},
        )
    if isinstance(shape, ListShape):
        return st.lists(_values(shape.member), min_size=low, max_size=high or 3)
    if isinstance(shape, MapShape):
        keys, values = _values(shape.key), _values(shape.value)
        return st.dictionaries(keys, values, min_size=low, max_size=3)
    if limits.get("enum"):
        return st.sampled_from(limits["enum"])
    if shape.type_name == "string" and "pattern" in limits:
        texts = st.from_regex(limits["pattern"].replace(r"\d", "[0-9]"), fullmatch=True)
        return texts.filter(lambda text: low <= len(text) <= (high or 99) and text.isprintable())
    if shape.type_name == "string":
        return st.text(_TEXT, min_size=low, max_size=min(high or 20, 20))
    if shape.type_name in ("integer", "long"):
        return st.integers(low, high)
    if shape.type_name == "timestamp":
        return st.datetimes(timezones=st.just(UTC))
    assert shape.type_name == "boolean"
    return st.booleans()


_TEXT = st.characters(exclude_categories=["Cs", "Cc"])
_TAG = st.characters(categories=["L", "N", "Z"], include_characters="_.:/=+-@")
_ARN = st.sampled_from(["arn:aws:s3:::photos/todo.csv", "arn:aws-cn:s3:::photos/ü b/todo.csv"])

# What the model does not say, or says in a way that Python does not understand.
_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "S3KeyArnString": _ARN,
    "NonEmptyKmsKeyArnString": st.just("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab"),
    "S3TagSet": st.lists(
        st.fixed_dictionaries(
            {
                "Key": st.text(_TAG, min_size=1, max_size=9),
                "Value": st.text(_TAG, max_size=9),
            }
        ),
        unique_by=lambda tag: tag["Key"],
        max_size=3,
    ),
    "JobReport": st.fixed_dictionaries(
        {"Enabled": st.just(True), "Bucket": st.just("arn:aws:s3:::reports")},
        optional={
            "Format": st.just("Report_CSV_20180820"),
            "ReportScope": st.sampled_from(["AllTasks", "FailedTasksOnly"]),
        },
    )
    | st.just({"Enabled": False}),
    "KeyNameConstraint": st.dictionaries(
        st.sampled_from(["MatchAnyPrefix", "MatchAnySuffix", "MatchAnySubstring"]),
        st.lists(st.text(min_size=1, max_size=9), max_size=1),
    ),
}
_SPECIAL["LambdaInvokeOperation"] = st.fixed_dictionaries(
    {"FunctionArn": _values(MODEL.shape_for("FunctionArnString"))},
    optional={"InvocationSchemaVersion": st.sampled_from(["1.0", "2.0"])},
) | st.fixed_dictionaries(
    {
        "FunctionArn": st.just("thumbnails"),
        "InvocationSchemaVersion": st.just("2.0"),
        "UserArguments": _values(MODEL.shape_for("UserArguments")),
    }
)


@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(request=_requests())
def test_requests_pass_through_without_loss(request: dict[str, Any]) -> None:
    """Whatever AWS takes is taken, and comes out as it went in; botocore agrees."""
    spec = JobSpec.from_request(request)

    assert spec.to_request() == request
    assert not invalid(REQUEST, {**spec.to_request(), "AccountId": "123456789012"})
    assert JobSpec.from_request(spec.to_request()) == spec

    job = Job.new(spec, job_id="job-1", job_arn="arn:x", creation_time=CREATED)
    assert Job.from_description(job.to_description()) == job
    assert not invalid(JOB, job.to_description())


def test_a_job_in_full_passes_through_without_loss() -> None:
    """All that DescribeJob can tell has its place, and boto3's types."""
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
        "StatusUpdateReason": "go on",
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


def test_a_job_in_a_listing() -> None:
    """A listing tells less, and only the name of the operation."""
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


def test_a_newer_aws_than_we_know() -> None:
    """Operations, members and values that came later are told as they are."""
    description = {
        "JobId": "job-1",
        "Status": "Active",
        "Priority": 1,
        "CreationTime": CREATED,
        "Operation": {"S3FoldObject": {"Times": 7}},
        "Report": {"Enabled": True, "Format": "Report_Parquet_20270101"},
        "FailureReasons": [],
        "Mood": "good",
    }

    job = Job.from_description(description)

    assert job.operation_name == "S3FoldObject"
    assert job.to_description() == description


@pytest.mark.parametrize(
    ("summary", "progress"),
    [
        ({}, Progress(None, 0, 0)),
        ({"TotalNumberOfTasks": 0}, Progress(0, 0, 0)),
        ({"NumberOfTasksFailed": 2}, Progress(None, 0, 2)),
        ({"Timers": {}}, Progress(None, 0, 0)),
        (None, Progress(None, 0, 0)),
    ],
)
def test_progress_before_aws_knows_it(summary: dict[str, Any] | None, progress: Progress) -> None:
    """Early in a job's life counts are missing: nobody knows the total, nothing is done."""
    description = {"JobId": "job-1", "Status": "New", "Priority": 1, "CreationTime": CREATED}
    if summary is not None:
        description["ProgressSummary"] = summary

    assert Job.from_description(description).progress == progress


# ---------------------------------------------------------------- refusals

LOCATION = {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "x"}
CSV = {"Format": "S3BatchOperations_CSV_20180820"}
GENERATOR = {
    "S3JobManifestGenerator": {
        "SourceBucket": "arn:aws:s3:::photos",
        "EnableManifestOutput": False,
    }
}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"RoleArn": None}, "RoleArn: Field required"),
        ({"Report": None}, "Report: Field required"),
        ({"Priority": None}, "Priority: Field required"),
        ({"Operation": None}, "Operation: Field required"),
        ({"ClientRequestToken": None}, "ClientRequestToken: Field required"),
        ({"Priority": -1}, "Priority: must be at least 0, got -1"),
        ({"Priority": 2147483648}, "Priority: must be at most 2147483647, got 2147483648"),
        ({"Description": ""}, "Description: length must be at least 1, got 0"),
        ({"Description": "x" * 257}, "Description: length must be at most 256, got 257"),
        ({"ClientRequestToken": "x" * 65}, "ClientRequestToken: length must be at most 64, got 65"),
        ({"RoleArn": "batch"}, "RoleArn: must match arn:.*; got 'batch'"),
        ({"RoleArn": "x arn:aws:iam::123456789012:role/b"}, "RoleArn: must match .*; got"),
        ({"Colour": "red"}, "S3 Control does not accept Colour here"),
        # operations
        ({"Operation": {}}, "Operation: must have exactly one member, got 0"),
        (
            {"Operation": {"S3ReplicateObject": {}, "S3DeleteObjectTagging": {}}},
            "Operation: must have exactly one member, got 2",
        ),
        ({"Operation": {"LambdaInvoke": {}}}, "Operation.LambdaInvoke: FunctionArn is required"),
        (
            {"Operation": {"LambdaInvoke": {"FunctionArn": "a function"}}},
            "Operation.LambdaInvoke.FunctionArn: must match .*; got 'a function'",
        ),
        (
            {"Operation": {"LambdaInvoke": {"FunctionArn": "f", "UserArguments": {"a": "b"}}}},
            "Operation.LambdaInvoke: UserArguments require InvocationSchemaVersion 2.0",
        ),
        (
            {"Operation": {"LambdaInvoke": {"FunctionArn": "f", "InvocationSchemaVersion": "3"}}},
            "Operation.LambdaInvoke: InvocationSchemaVersion must be 1.0 or 2.0",
        ),
        (
            {
                "Operation": {
                    "LambdaInvoke": {
                        "FunctionArn": "f",
                        "InvocationSchemaVersion": "2.0",
                        "UserArguments": {str(number): "" for number in range(11)},
                    }
                }
            },
            "Operation.LambdaInvoke.UserArguments: number of entries must be at most 10, got 11",
        ),
        (
            {"Operation": {"S3PutObjectCopy": {"StorageClass": "CELLAR"}}},
            "Operation.S3PutObjectCopy.StorageClass: must be one of STANDARD, .*; got 'CELLAR'",
        ),
        (
            {"Operation": {"S3PutObjectLegalHold": {"LegalHold": {}}}},
            "Operation.S3PutObjectLegalHold.LegalHold.Status: Field required",
        ),
        # manifests
        ({"Manifest": None}, "exactly one of Manifest and ManifestGenerator is required"),
        (
            {"ManifestGenerator": GENERATOR},
            "exactly one of Manifest and ManifestGenerator is required",
        ),
        (
            {"Manifest": None, "ManifestGenerator": {}},
            "ManifestGenerator: must have exactly one member, got 0",
        ),
        ({"Manifest": {"Location": LOCATION}}, "Manifest.Spec: Field required"),
        (
            {"Manifest": {"Spec": CSV, "Location": {**LOCATION, "ETag": ""}}},
            "Manifest.Location.ETag: length must be at least 1, got 0",
        ),
        (
            {"Manifest": {"Spec": CSV, "Location": {**LOCATION, "ObjectArn": "todo.csv"}}},
            "Manifest.Location.ObjectArn: must match .*; got 'todo.csv'",
        ),
        (
            {
                "Manifest": {
                    "Spec": CSV,
                    "Location": {**LOCATION, "ObjectArn": "arn:aws:s3:::photos"},
                }
            },
            "Manifest.Location: ObjectArn must contain a bucket and a key",
        ),
        (
            {"Manifest": {"Spec": {**CSV, "Fields": ["Bucket", "Kee"]}, "Location": LOCATION}},
            r"Manifest.Spec.Fields\[1\]: must be one of Ignore, Bucket, Key, VersionId; got 'Kee'",
        ),
        (
            {"Manifest": None, "ManifestGenerator": listing(MatchAnyPrefix=["a/", "b/"])},
            ".*KeyNameConstraint: MatchAnyPrefix must have one string, got 2",
        ),
        (
            {"Manifest": None, "ManifestGenerator": listing(MatchAnySubstring=["a"] * 3)},
            ".*KeyNameConstraint: MatchAnySubstring must have one string, got 3",
        ),
        # reports
        ({"Report": {"Enabled": True}}, "Report: Bucket is required if Enabled is true"),
        (
            {"Report": {"Enabled": True, "Bucket": "reports"}},
            "Report.Bucket: must match .*; got 'reports'",
        ),
        # tags
        ({"Tags": [{"Key": "a"}]}, "Tags: each tag must have a Key and a Value"),
        (
            {"Tags": [{"Key": "a", "Value": ""}, {"Key": "a", "Value": "b"}]},
            "Tags: each Key must be unique",
        ),
        ({"Tags": [{"Key": "a", "Value": "<b>"}]}, "Tags.a: must match .*; got '<b>'"),
        ({"Tags": [{"Key": "a\tb", "Value": ""}]}, r".*must match"),
        (
            {"Tags": [{"Key": str(number), "Value": ""} for number in range(51)]},
            "Tags: number of entries must be at most 50, got 51",
        ),
    ],
)
def test_what_aws_refuses(changes: dict[str, Any], text: str) -> None:
    """A refusal has AWS's error code and names the member."""
    with pytest.raises(JobError, match=f"^{text}|; {text}") as refusal:
        JobSpec.from_request(a_request(**changes))

    assert refusal.value.code == "BadRequestException"
    assert "\n" not in str(refusal.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Nobody has to try a request as often as it has mistakes."""
    with pytest.raises(JobError, match=r"^Priority: .*; RoleArn: "):
        JobSpec.from_request(a_request(Priority=-1, RoleArn="batch"))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    request=_requests(),
    hostile=st.sampled_from(["A" * 100_000, "\n\x1b\u202e" * 30_000]),
    data=st.data(),
)
def test_refusals_of_hostile_text_are_short(
    request: dict[str, Any], hostile: str, data: st.DataObject
) -> None:
    """A refusal is a line of a few thousand printable characters, whatever it quotes."""
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
    """Yield each container with each of its places that has a text."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for place, member in items:
        if isinstance(member, str):
            yield value, place
        elif isinstance(member, (dict, list)):
            yield from _texts(member)


@pytest.mark.parametrize(
    "changes",
    [
        {"Report": {"Enabled": False, "Format": "A" * 100_000}},
        {"Report": {"Enabled": False, "ReportScope": "A" * 100_000}},
        {"Tags": [{"Key": "A" * 100_000, "Value": ""}]},
        {"Tags": [{"Key": f"{number}<", "Value": "<"} for number in range(1_000)]},
        {"A" * 100_000: ""},
        {"Operation": {"S3PutObjectCopy": {"A" * 100_000: ""}}},
        {
            "Operation": {
                "LambdaInvoke": {
                    "FunctionArn": "f",
                    "InvocationSchemaVersion": "2.0",
                    "UserArguments": {"A" * 100_000: "b"},
                }
            }
        },
    ],
)
def test_a_refusal_does_not_repeat_the_request(changes: dict[str, Any]) -> None:
    """It names the member and the length of what it leaves out."""
    with pytest.raises(JobError) as refusal:
        JobSpec.from_request(a_request(**changes))

    assert len(str(refusal.value)) < 4_000
    assert any(mark in str(refusal.value) for mark in ("of 100,0", "and 1995 more"))


def test_a_mistake_made_in_python_is_told_shortly() -> None:
    """Pydantic's error quotes no more of a value than a refusal does."""
    with pytest.raises(ValidationError) as mistake:
        ReportRequest(enabled=False, format="A" * 100_000)

    assert len(str(mistake.value)) < 2_000


def test_tags_of_any_script() -> None:
    """Letters, digits and spaces of the whole world may be in tags."""
    tags = [{"Key": "équipe №1", "Value": "写真 ٣ /a.b:c=d+e-f@g_h"}]

    with pytest.raises(JobError):  # № is a symbol
        JobSpec.from_request(a_request(Tags=tags))
    tags[0]["Key"] = "équipe 1"

    assert JobSpec.from_request(a_request(Tags=tags)).tags == {"équipe 1": tags[0]["Value"]}


# ---------------------------------------------------------------- specs made in Python


def test_a_spec_made_in_python() -> None:
    """Our names are Python's; the request has AWS's, and a token of its own."""
    spec = _spec()
    request = spec.to_request()
    token = request.pop("ClientRequestToken")

    assert request == {
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails"}},
        "Report": {"Enabled": False},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::photos/todo.csv", "ETag": "x"},
        },
        "Priority": 10,
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
    }
    assert token == spec.client_request_token != _spec().client_request_token


def test_a_mistake_made_in_python() -> None:
    """The same limits hold."""
    with pytest.raises(ValidationError, match="must be at least 0, got -1"):
        _spec(priority=-1)


@pytest.mark.parametrize(("said", "waits"), [(True, True), (None, True), (False, False)])
def test_who_says_nothing_about_confirmation(said: bool | None, waits: bool) -> None:
    """Waits for it: AWS suspends such jobs."""
    assert _spec(confirmation_required=said).waits_for_confirmation is waits


@pytest.mark.parametrize(
    ("arn", "bucket", "key"),
    [
        ("arn:aws:s3:::photos/todo.csv", "photos", "todo.csv"),
        ("arn:aws-cn:s3:::photos/a/b c.csv", "photos", "a/b c.csv"),
        (
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers/object/a/b.csv",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers",
            "a/b.csv",
        ),
    ],
)
def test_where_a_manifest_lies(arn: str, bucket: str, key: str) -> None:
    """The ARN of a manifest is what boto3 wants to know about it."""
    location = ManifestLocation(object_arn=arn, etag="x", object_version_id="v1")

    assert location.object == ObjectRef(bucket=bucket, key=key, version_id="v1")


def _spec(**changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "operation": Operation(lambda_invoke=LambdaInvoke(function_arn="thumbnails")),
        "report": ReportRequest(enabled=False),
        "manifest": Manifest(
            spec=ManifestSpec(format="S3BatchOperations_CSV_20180820", fields=("Bucket", "Key")),
            location=ManifestLocation(object_arn="arn:aws:s3:::photos/todo.csv", etag="x"),
        ),
        "priority": 10,
        "role_arn": "arn:aws:iam::123456789012:role/batch",
    }
    return JobSpec(**fields | changes)
