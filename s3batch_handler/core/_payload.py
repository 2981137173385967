"""The Lambda payload of S3 Batch Operations, in both directions.

In a function, :func:`parse_event` and :func:`build_response` are used; to call a function,
:func:`build_event` and :func:`parse_response`.

Source: S3 User Guide, "Invoke AWS Lambda function". The two schema versions differ in how a task
names its bucket (1.0: an ARN, 2.0: a name), and only 2.0 has user arguments.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, NotRequired, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from s3batch_handler.core._errors import InvalidEvent, InvalidResponse
from s3batch_handler.core._keys import bucket_name, decode_key, encode_key
from s3batch_handler.core._model import Invocation, JobRef, Outcome, ResultCode, Task, UserArguments
from s3batch_handler.core._sanitize import MAX_RESULT_STRING, sanitize
from s3batch_handler.core._validation import explain, explain_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from s3batch_handler.core._model import TaskResult

SchemaVersion = Literal["1.0", "2.0"]
"""The schema versions that AWS documents."""

_VERSIONS: Final = get_args(SchemaVersion)

Response = dict[str, Any]
"""A function's response to S3, as a JSON object."""

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""The largest request, and the largest response, of a synchronous invocation (Lambda quotas)."""

MAX_RESPONSE_BYTES: Final = 6_000_000
"""The size to which responses are shortened: it leaves room for Lambda's envelope."""


# ---------------------------------------------------------------- in the function: events


def parse_event(event: object, *, strict: bool = False) -> Invocation:
    """Parse an invocation event, without changing it.

    An event that differs from AWS's documentation but can be parsed (an unknown schema version, no
    ``job``, extra fields, as in AWS's own samples) is accepted with an
    :class:`UnexpectedEventWarning`, or rejected if ``strict``.

    Raises:
        InvalidEvent: The event cannot be parsed. The text names the field.
    """
    try:
        wire = _EVENT.validate_python(event)
    except ValidationError as error:
        raise InvalidEvent(f"not an S3 Batch Operations event: {_explain_event(error)}") from None
    version, job, tasks = wire["invocationSchemaVersion"], wire["job"], wire["tasks"]
    latest = _latest_jobs.get(version)
    if latest is not None and job == latest.wire and _has_documented_fields(event, version):
        job = latest.ref
    else:
        job = _read_job(event, version, job, strict=strict)
    for task in tasks:
        # The validator has just created these tasks, so changing them here is safe.
        fields = task.__dict__
        fields["job"] = job
        fields["payload"] = None
        key = fields["key"]
        if "%" in key or "+" in key:
            fields["key"] = decode_key(key)
        if fields["version_id"] == "":
            fields["version_id"] = None  # some events have "" if there is no version ID
    return Invocation(wire["invocationId"], version, job, tasks)


class UnexpectedEventWarning(UserWarning):
    """An event was accepted, but differs from AWS's documentation."""

    __module__ = "s3batch_handler"  # its public name, for messages


def _read_job(event: object, version: str, job: object, *, strict: bool) -> JobRef:
    """Parse the job of an event, and check whether the event is as AWS documents it."""
    try:
        _DOCUMENTED.validate_python(event)
        is_documented = True
    except ValidationError as error:
        is_documented = False
        problem = f"the event differs from AWS's documentation: {_explain_event(error)}"
        if strict:
            raise InvalidEvent(problem) from None
        warnings.warn(problem, UnexpectedEventWarning, stacklevel=3)
    try:
        read = _JOB.validate_python({"job": job})["job"] or {}
    except ValidationError as error:
        raise InvalidEvent(f"not an S3 Batch Operations event: {_explain_event(error)}") from None
    arguments = UserArguments(read.get("userArguments") or {})
    ref = JobRef.from_valid({"id": read.get("id", ""), "arguments": arguments})
    if is_documented:
        _latest_jobs[version] = _LatestJob(read, ref)
    return ref


class _LatestJob(NamedTuple):
    """The job of the last event: the next event nearly always has the same job."""

    wire: dict[str, Any]
    ref: JobRef


_latest_jobs: Final[dict[str, _LatestJob]] = {}


def _has_documented_fields(event: Any, version: str) -> bool:
    """Return whether a parsed event with a job has only the fields that AWS documents."""
    if len(event) != 4:
        return False
    bucket = _BUCKET_FIELD[version]
    for task in event["tasks"]:
        if len(task) != 4 or bucket not in task or "s3VersionId" not in task:
            return False
    return True


# These are core schemas and not models, because pydantic then creates the tasks while it reads the
# event, three times faster than Python code could. They must be compiled before Task has its own
# validator, which pydantic would use instead, so the validator of Task is deferred.


def _object(
    fields: Mapping[str, core_schema.CoreSchema],
    *,
    optional: Collection[str] = (),
    exactly: bool = False,
) -> core_schema.CoreSchema:
    """Return the schema of a JSON object that has ``exactly`` these fields, or others too."""
    known = {
        name: core_schema.typed_dict_field(schema, required=name not in optional)
        for name, schema in fields.items()
    }
    return core_schema.typed_dict_schema(known, extra_behavior="forbid" if exactly else "ignore")


_TEXT: Final = core_schema.str_schema()
_TEXT_OR_NULL: Final = core_schema.nullable_schema(_TEXT)
_NAMED_BUCKET: Final = core_schema.no_info_after_validator_function(bucket_name, _TEXT)
_ARGUMENTS: Final = core_schema.nullable_schema(core_schema.dict_schema(_TEXT, _TEXT))

# What is accepted.
_EITHER_BUCKET: Final[list[list[str | int]]] = [["s3Bucket"], ["s3BucketArn"]]
_TASK: Final = {
    "bucket": core_schema.model_field(_NAMED_BUCKET, validation_alias=_EITHER_BUCKET),
    "key": core_schema.model_field(_TEXT, validation_alias="s3Key"),
    "version_id": core_schema.model_field(
        core_schema.with_default_schema(_TEXT_OR_NULL, default=None),
        validation_alias="s3VersionId",
    ),
    "id": core_schema.model_field(_TEXT, validation_alias="taskId"),
}
_TASKS: Final = core_schema.tuple_variable_schema(
    core_schema.model_schema(
        Task, core_schema.model_fields_schema(_TASK), revalidate_instances="always"
    )
)
_EVENT: Final = SchemaValidator(
    _object(
        {
            "invocationSchemaVersion": _TEXT,
            "invocationId": _TEXT,
            "job": core_schema.with_default_schema(core_schema.any_schema(), default=None),
            "tasks": _TASKS,
        },
        optional={"job"},
    )
)
_JOB: Final = SchemaValidator(
    _object(
        {
            "job": core_schema.nullable_schema(
                _object(
                    {"id": _TEXT, "userArguments": _ARGUMENTS}, optional={"id", "userArguments"}
                )
            )
        }
    )
)

# What AWS documents.
_BUCKET_FIELD: Final = {"1.0": "s3BucketArn", "2.0": "s3Bucket"}
_JOB_FIELDS: Final[dict[str, dict[str, core_schema.CoreSchema]]] = {
    "1.0": {"id": _TEXT},
    "2.0": {"id": _TEXT, "userArguments": _ARGUMENTS},
}


def _documented_event(version: SchemaVersion) -> core_schema.CoreSchema:
    bucket = _BUCKET_FIELD[version]
    task = {"taskId": _TEXT, "s3Key": _TEXT, "s3VersionId": _TEXT_OR_NULL, bucket: _TEXT}
    event = {
        "invocationSchemaVersion": _TEXT,
        "invocationId": _TEXT,
        "job": _object(_JOB_FIELDS[version], optional={"userArguments"}, exactly=True),
        "tasks": core_schema.list_schema(_object(task, optional={"s3VersionId"}, exactly=True)),
    }
    return _object(event, exactly=True)


_DOCUMENTED: Final = SchemaValidator(
    core_schema.tagged_union_schema(
        {version: _documented_event(version) for version in _VERSIONS},
        discriminator="invocationSchemaVersion",
    )
)


# ---------------------------------------------------------------- in the function: responses


def build_response(
    invocation: Invocation,
    results: Sequence[TaskResult],
    treat_missing_keys_as: ResultCode = ResultCode.TEMPORARY_FAILURE,
) -> Response:
    """Build the response to an invocation: one result for each task, in the given order.

    Messages are sanitized (see :mod:`s3batch_handler.core._sanitize`), and shortened further if
    the response would be too large for Lambda.
    """
    wire = []
    for task, (code, message) in results:
        is_safe = len(message) <= MAX_RESULT_STRING and message.isprintable()
        wire.append(
            {
                "taskId": task.id,
                "resultCode": _WIRE_CODES[code],
                "resultString": message if is_safe else sanitize(message),
            }
        )
    response = {
        "invocationSchemaVersion": invocation.schema_version,
        "treatMissingKeysAs": _WIRE_CODES[treat_missing_keys_as],
        "invocationId": invocation.id,
        "results": wire,
    }
    if len(wire) > _ALWAYS_FIT:
        _shorten(response, results)
    return response


_WIRE_CODES: Final = {code: code.value for code in ResultCode}  # faster than the property
_ALWAYS_FIT: Final = 20
"""As many results always fit, even if each character takes 12 bytes, as an emoji does in JSON: the
task IDs were in an event of at most 6 MB."""


def _shorten(response: Response, results: Sequence[TaskResult]) -> None:
    """Shorten all messages to the same length, so that Lambda accepts the response."""
    size = len(json.dumps(response))
    if size <= MAX_RESPONSE_BYTES:
        return
    wire = response["results"]
    messages = sum(len(json.dumps(result["resultString"])) - 2 for result in wire)
    room = (MAX_RESPONSE_BYTES - (size - messages)) // len(wire)
    for result, (_, outcome) in zip(wire, results, strict=True):
        bytes_per_character = 2 if result["resultString"].isascii() else 12
        limit = max(0, room // bytes_per_character)
        if len(result["resultString"]) > limit:
            result["resultString"] = sanitize(outcome.message, limit)


# ---------------------------------------------------------------- in the caller


def build_event(invocation: Invocation) -> dict[str, Any]:
    """Build the event of an invocation, which :func:`parse_event` parses again."""
    version = invocation.schema_version
    return {
        "invocationSchemaVersion": version,
        "invocationId": invocation.id,
        "job": job_as_dict(version, invocation.job),
        "tasks": [
            task_as_dict(version, task.id, task.bucket, encode_key(task.key), task.version_id)
            for task in invocation.tasks
        ],
    }


def job_as_dict(schema_version: str, job: JobRef) -> dict[str, Any]:
    """Return a job as events contain it."""
    if schema_version == "1.0":
        return {"id": job.id}
    return {"id": job.id, "userArguments": dict(job.arguments)}


def task_as_dict(
    schema_version: str, task_id: str, bucket: str, encoded_key: str, version_id: str | None
) -> dict[str, Any]:
    """Return a task as events contain it, with the key as the manifest has it."""
    if schema_version == "1.0":
        return {
            "taskId": task_id,
            "s3BucketArn": bucket if bucket.startswith("arn:") else f"arn:aws:s3:::{bucket}",
            "s3Key": encoded_key,
            "s3VersionId": version_id,
        }
    return {
        "taskId": task_id,
        "s3Key": encoded_key,
        "s3VersionId": version_id,
        "s3Bucket": bucket,
    }


def parse_response(event: Mapping[str, Any], response: object) -> list[Outcome]:
    """Parse a function's response: one outcome for each task of the event, in the event's order.

    A task without a result gets the code in ``treatMissingKeysAs``, or else a TemporaryFailure, as
    AWS documents. AWS does not document two other cases: here, a result for an unknown task is
    ignored, and the first of two results for the same task is used.

    Raises:
        InvalidResponse: S3 could not use the response. The text names the field.
    """
    try:
        wire: _WireResponse = _WIRE_RESPONSE.validate_python(response)
    except ValidationError as error:
        raise InvalidResponse(explain(error, whole="the response")) from None
    for field in ("invocationSchemaVersion", "invocationId"):
        if wire.get(field, event[field]) != event[field]:
            raise InvalidResponse(f"{field}: not the same as in the event")
    results: dict[str, _WireResult] = {}
    for result in wire["results"]:
        results.setdefault(result["taskId"], result)
    return [
        _outcome(results.get(task["taskId"]), wire.get("treatMissingKeysAs"))
        for task in event["tasks"]
    ]


class _WireResult(TypedDict):
    taskId: str
    resultCode: Literal["Succeeded", "TemporaryFailure", "PermanentFailure"]
    resultString: NotRequired[str | None]


class _WireResponse(TypedDict):
    invocationSchemaVersion: str
    invocationId: NotRequired[str]
    treatMissingKeysAs: NotRequired[
        Literal["Succeeded", "TemporaryFailure", "PermanentFailure"] | None
    ]
    results: list[_WireResult]


_WIRE_RESPONSE: Final = TypeAdapter(_WireResponse).validator


def _outcome(result: _WireResult | None, code_if_missing: str | None) -> Outcome:
    if result is None:
        code = ResultCode(code_if_missing or ResultCode.TEMPORARY_FAILURE)
        return Outcome(code, "The function returned no result for this task")
    message = result.get("resultString") or ""
    return Outcome(ResultCode(result["resultCode"]), message[:MAX_RESULT_STRING])


# ---------------------------------------------------------------- problems in events


def _explain_event(error: ValidationError) -> str:
    """Explain what is wrong with an event, with AWS's names of the fields."""
    problems = error.errors(include_url=False)
    return explain_problems([_of_event(problem) for problem in problems], whole="the event")


def _of_event(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, location = problem["type"], problem["loc"]
    if kind == "union_tag_invalid":
        message = f"an invocationSchemaVersion other than {' and '.join(_VERSIONS)}"
        return {**problem, "type": "event", "msg": message}
    if kind == "union_tag_not_found":
        return {**problem, "type": "event", "msg": "no invocationSchemaVersion"}
    if location and location[0] in _VERSIONS:  # the branch of the union, not a field
        return {**problem, "loc": location[1:]}
    return problem
