"""The Lambda payload of S3 Batch Operations, in both directions.

The only module that knows how the fields are spelled. A function needs :func:`parse_event` and
:func:`build_response`; whoever calls functions needs :func:`build_event` and
:func:`parse_response`.

Source: S3 User Guide, "Invoke AWS Lambda function". The two schema versions differ in how a task
names its bucket (1.0: an ARN, 2.0: a name), and only 2.0 has user arguments.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, NotRequired, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from s3batch_handler.core._errors import InvalidEvent, InvalidResponse
from s3batch_handler.core._keys import bucket_name, decode_key, encode_key
from s3batch_handler.core._model import Invocation, JobRef, Outcome, ResultCode, Task, UserArguments
from s3batch_handler.core._sanitize import (
    MAX_RESULT_STRING,
    escape_unprintable_json,
    safe_line,
    sanitize,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from s3batch_handler.core._model import TaskResult

SchemaVersion = Literal["1.0", "2.0"]
"""The two forms of an event that AWS documents."""

_VERSIONS: Final = get_args(SchemaVersion)

Response = dict[str, Any]
"""A function's answer, as JSON has it: what :func:`build_response` makes and S3 reads."""

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""What Lambda takes of a synchronous call, each way (Lambda quotas)."""

MAX_RESPONSE_BYTES: Final = 6_000_000
"""What responses are shortened to: less than Lambda takes, to leave room for its envelope."""


# ---------------------------------------------------------------- the function's side: reading


def parse_event(event: object, *, strict: bool = False) -> Invocation:
    """Read an invocation event; the event stays as it is.

    What AWS does not document but can be understood (an unknown schema version, no ``job``, extra
    fields, as in AWS's own samples) is accepted with an :class:`UnexpectedEventWarning`, or
    refused when ``strict``.

    Raises:
        InvalidEvent: It cannot be understood. The text names the field.
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
        # Made a moment ago, and nobody else has them yet: the nouns may still be completed.
        fields = task.__dict__
        fields["job"] = job
        fields["payload"] = None
        key = fields["key"]
        if "%" in key or "+" in key:
            fields["key"] = decode_key(key)
        if fields["version_id"] == "":
            fields["version_id"] = None  # has been seen for "none"
    return _new_tuple(Invocation, (wire["invocationId"], version, job, tasks))


_new_tuple: Final = tuple.__new__  # what Invocation(…) comes down to, at half its price


class UnexpectedEventWarning(UserWarning):
    """An event was understood, but is not as AWS documents it."""


def _read_job(event: object, version: str, job: object, *, strict: bool) -> JobRef:
    """Read the job of an event, after a look at whether the event is as documented."""
    try:
        _DOCUMENTED.validate_python(event)
        documented = True
    except ValidationError as problem:
        documented = False
        if strict:
            raise InvalidEvent(
                f"not an event as AWS documents it: {_explain_event(problem)}"
            ) from None
        warnings.warn(
            f"an event is not as AWS documents it: {_explain_event(problem)}",
            UnexpectedEventWarning,
            stacklevel=3,
        )
    try:
        read = _JOB.validate_python({"job": job})["job"] or {}
    except ValidationError as error:
        raise InvalidEvent(f"not an S3 Batch Operations event: {_explain_event(error)}") from None
    arguments = UserArguments(read.get("userArguments") or {})
    ref = JobRef.from_valid({"id": read.get("id", ""), "arguments": arguments})
    if documented:
        _latest_jobs[version] = _LatestJob(read, ref)
    return ref


class _LatestJob(NamedTuple):
    """The job of an event is nearly always that of the event before: no need to read it again."""

    wire: dict[str, Any]
    ref: JobRef


_latest_jobs: Final[dict[str, _LatestJob]] = {}


def _has_documented_fields(event: Any, version: str) -> bool:
    """Return whether a parsed event with a job has only AWS's fields, in a fast check."""
    if len(event) != 4:
        return False
    bucket = _BUCKET_FIELD[version]
    for task in event["tasks"]:
        if len(task) != 4 or bucket not in task or "s3VersionId" not in task:
            return False
    return True


# The grammars are core schemas rather than models of the wire, because pydantic then makes the
# tasks in one go with reading them, three times faster than Python could. That must be compiled
# before Task has a validator of its own, which pydantic would use instead: Task's is deferred.


def _object(
    fields: Mapping[str, core_schema.CoreSchema],
    *,
    optional: Collection[str] = (),
    exactly: bool = False,
) -> core_schema.CoreSchema:
    """Describe a JSON object: ``exactly`` these fields, or others too."""
    known = {
        name: core_schema.typed_dict_field(schema, required=name not in optional)
        for name, schema in fields.items()
    }
    return core_schema.typed_dict_schema(known, extra_behavior="forbid" if exactly else "ignore")


_TEXT: Final = core_schema.str_schema()
_TEXT_OR_NULL: Final = core_schema.nullable_schema(_TEXT)
_NAMED_BUCKET: Final = core_schema.no_info_after_validator_function(bucket_name, _TEXT)
_ARGUMENTS: Final = core_schema.nullable_schema(core_schema.dict_schema(_TEXT, _TEXT))

# What can be understood.
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


# ---------------------------------------------------------------- the function's side: answering


def build_response(
    invocation: Invocation,
    results: Sequence[TaskResult],
    treat_missing_keys_as: ResultCode = ResultCode.TEMPORARY_FAILURE,
) -> Response:
    """Build the answer to an invocation: one result for each task, in the order given.

    Messages are made safe for a report (see :mod:`s3batch_handler.core._sanitize`), and shortened
    further where the whole would be too large for Lambda.
    """
    answers = []
    for task, (code, text) in results:  # no comprehension: until Python 3.12 that is a call
        safe = len(text) <= MAX_RESULT_STRING and text.isprintable()
        answers.append(
            {
                "taskId": task.id,
                "resultCode": _SPELLED[code],
                "resultString": text if safe else sanitize(text),
            }
        )
    response = {
        "invocationSchemaVersion": invocation.schema_version,
        "treatMissingKeysAs": _SPELLED[treat_missing_keys_as],
        "invocationId": invocation.id,
        "results": answers,
    }
    if len(answers) > _ALWAYS_FIT:
        _shorten(response, results)
    return response


_ALWAYS_FIT: Final = 20
"""That many results are small enough even if each character took twelve bytes, as in JSON's
spelling of an emoji: their task ids came in an event of at most 6 MB."""


def _shorten(response: Response, results: Sequence[TaskResult]) -> None:
    """Shorten all messages alike until the response, as JSON, is one that Lambda takes."""
    size = len(json.dumps(response))
    if size <= MAX_RESPONSE_BYTES:
        return
    answers = response["results"]
    messages = sum(len(json.dumps(answer["resultString"])) - 2 for answer in answers)
    room = (MAX_RESPONSE_BYTES - (size - messages)) // len(answers)
    for answer, (_, outcome) in zip(answers, results, strict=True):
        bytes_per_character = 2 if answer["resultString"].isascii() else 12
        limit = max(0, room // bytes_per_character)
        if len(answer["resultString"]) > limit:
            answer["resultString"] = sanitize(outcome.message, limit)


# ---------------------------------------------------------------- results that users return


def is_result(value: object) -> bool:
    """Return whether a value has the form of AWS's result of a task."""
    return isinstance(value, dict) and "resultCode" in value


def is_response(value: Mapping[str, Any]) -> bool:
    """Return whether an object has the form of a response, and not only ``results``."""
    results = value.get("results")
    return (
        "treatMissingKeysAs" in value
        or "invocationSchemaVersion" in value
        or "invocationId" in value
        or is_result(results)
        or (isinstance(results, list | tuple) and any(map(is_result, results)))
    )


def read_result(
    response: Mapping[str, Any] | Sequence[Any], task_id: str | None
) -> tuple[ResultCode, object]:
    """Return the code and the message of the one result in a response, or in its results.

    Args:
        response: A response, or the results of one.
        task_id: The ID of the task that must be answered, if known.

    Raises:
        InvalidResponse: The results do not answer this task, and no other. The text says why.
    """
    results = response.get("results") if isinstance(response, Mapping) else response
    if not isinstance(results, list | tuple):
        raise InvalidResponse(f"results: expected a list, got {_kind(results)}")
    if len(results) != 1 or not is_result(results[0]):
        raise InvalidResponse(f"results: expected one for the task, got {len(results)}")
    (result,) = results
    code, asked = result["resultCode"], result.get("taskId")
    if not (isinstance(code, str) and code in RESULT_CODES):
        got = repr(str(code)[:50]) if isinstance(code, str) else _kind(code)
        raise InvalidResponse(f"resultCode: expected one of {', '.join(RESULT_CODES)}, got {got}")
    if not (asked is None or task_id is None or asked == task_id):
        raise InvalidResponse("taskId: not the ID of the task. Return task.id, or leave it out")
    return RESULT_CODES[code], result.get("resultString")


def response_to_json(value: object) -> dict[str, Any] | None:
    """Convert a response of Powertools, or a result in it, to AWS's form; else return ``None``.

    They are recognised by their attributes, so that Powertools need not be imported.
    """
    if not callable(getattr(type(value), "asdict", None)):
        return None
    if hasattr(value, "result_code"):
        return result_to_json({name: getattr(value, name, None) for name in _RESULT_FIELDS})
    if hasattr(value, "invocation_id") and hasattr(value, "results"):
        return {"invocationId": value.invocation_id, "results": value.results}
    return None


def result_to_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a result with Powertools' field names to AWS's form, without its other fields."""
    return {name: fields[snake] for snake, name in _RESULT_FIELDS.items() if snake in fields}


def fields_to_json(value: dict[Any, Any]) -> dict[Any, Any]:
    """Convert a response or result with Powertools' field names; return other objects as they are.

    An object with more fields than a result has is a result only if its code is of a failure.
    """
    code = value.get("result_code")
    if isinstance(code, str) and (
        code in FAILURE_CODES or (code in RESULT_CODES and value.keys() <= _RESULT_FIELDS.keys())
    ):
        return result_to_json(value)
    if not _RESPONSE_FIELDS.keys().isdisjoint(value) and (
        "results" in value or "treat_missing_keys_as" in value
    ):
        return {_RESPONSE_FIELDS.get(name, name): item for name, item in value.items()}
    return value


_RESULT_FIELDS: Final = {
    "task_id": "taskId",
    "result_code": "resultCode",
    "result_string": "resultString",
}
_RESPONSE_FIELDS: Final = {
    "invocation_id": "invocationId",
    "invocation_schema_version": "invocationSchemaVersion",
    "treat_missing_keys_as": "treatMissingKeysAs",
}
RESULT_CODES: Final = {code.value: code for code in ResultCode}
FAILURE_CODES: Final = {
    text: code for text, code in RESULT_CODES.items() if code is not ResultCode.SUCCEEDED
}
SNAKE_CASE: Final = frozenset({*_RESULT_FIELDS, *_RESPONSE_FIELDS})
"""The names in Powertools of the fields of results and responses."""


# ---------------------------------------------------------------- the caller's side


def build_event(invocation: Invocation) -> dict[str, Any]:
    """Build the event for an invocation: what :func:`parse_event` reads back."""
    version = invocation.schema_version
    return {
        "invocationSchemaVersion": version,
        "invocationId": invocation.id,
        "job": job_to_json(version, invocation.job),
        "tasks": [
            task_to_json(version, task.id, task.bucket, encode_key(task.key), task.version_id)
            for task in invocation.tasks
        ],
    }


def job_to_json(schema_version: str, job: JobRef) -> dict[str, Any]:
    """Spell a job as events do."""
    if schema_version == "1.0":
        return {"id": job.id}
    return {"id": job.id, "userArguments": dict(job.arguments)}


def task_to_json(
    schema_version: str, task_id: str, bucket: str, encoded_key: str, version_id: str | None
) -> dict[str, Any]:
    """Spell a task as events do. The key is sent as it is: as it stands in the manifest."""
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
    """Read a function's answer: one outcome for each task of the event, in the event's order.

    A task that is not answered counts as the answer's ``treatMissingKeysAs`` says, or as a
    TemporaryFailure (documented). Not documented, and settled here: an answer to a task that was
    not asked is ignored, of two answers to one task the first counts.

    Raises:
        InvalidResponse: S3 could not use the answer. The text names the field.
    """
    try:
        wire: _WireResponse = _WIRE_RESPONSE.validate_python(response)
    except ValidationError as error:
        raise InvalidResponse(explain(error, whole="the answer")) from None
    for field in ("invocationSchemaVersion", "invocationId"):
        if wire.get(field, event[field]) != event[field]:
            raise InvalidResponse(f"{field}: not the one of the request")
    answers: dict[str, _WireResult] = {}
    for answer in wire["results"]:
        answers.setdefault(answer["taskId"], answer)
    return [
        _outcome(answers.get(task["taskId"]), wire.get("treatMissingKeysAs"))
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


_WIRE_RESPONSE: Final = TypeAdapter(_WireResponse).validator  # without the adapter's own part


def _outcome(answer: _WireResult | None, missing: str | None) -> Outcome:
    if answer is None:
        code = ResultCode(missing or ResultCode.TEMPORARY_FAILURE)
        return Outcome(code, "The function did not answer for this task")
    message = answer.get("resultString") or ""
    return Outcome(RESULT_CODES[answer["resultCode"]], message[:MAX_RESULT_STRING])


_SPELLED: Final = {code: code.value for code in ResultCode}


# ---------------------------------------------------------------- problems in words


def explain(error: ValidationError, *, whole: str) -> str:
    """Return in one line what is wrong and where: ``tasks[0].s3Key: expected text, got null``.

    Values are left out: they may be secret, or hostile.

    Args:
        error: The validation error of pydantic.
        whole: What to call the value as a whole.
    """
    return _sentences(error.errors(include_url=False), whole)


def _explain_event(error: ValidationError) -> str:
    """Explain what is wrong with an event, with AWS's names of the fields."""
    return _sentences(
        [_of_event(problem) for problem in error.errors(include_url=False)], "the event"
    )


def _of_event(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, loc = problem["type"], problem["loc"]
    if kind == "union_tag_invalid":
        message = f"an invocationSchemaVersion other than {' and '.join(_VERSIONS)}"
        return {**problem, "type": "event", "msg": message}
    if kind == "union_tag_not_found":
        return {**problem, "type": "event", "msg": "no invocationSchemaVersion"}
    if loc and loc[0] in _VERSIONS:  # the branch of the union, not a field
        return {**problem, "loc": loc[1:]}
    return problem


def _sentences(problems: Sequence[Mapping[str, Any]], whole: str) -> str:
    lines = [
        f"{_path(problem['loc']) or whole}: {safe_line(_words(problem), 300)}"
        for problem in problems[:5]
    ]
    if len(problems) > len(lines):
        lines.append(f"and {len(problems) - len(lines)} more")
    return "; ".join(lines)


def _path(loc: Sequence[int | str]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{_quoted(step)}" for step in loc]
    path = "".join(steps).removeprefix(".")
    return path if len(path) <= 300 else f"{path[:100]}…{path[-100:]}"


def _quoted(name: str) -> str:
    """Quote a field name that would look like a path: ``"2.0"``."""
    plain = name.replace("-", "").replace("_", "").isalnum()
    short = name if len(name) <= 80 else f"{name[:80]}…"
    return short if plain else escape_unprintable_json(json.dumps(short, ensure_ascii=False))


def _words(problem: Mapping[str, Any]) -> str:
    kind, got = problem["type"], _kind(problem["input"])
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {got}"
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return "not a field that is known here"
    if kind == "union_tag_invalid":  # pydantic's own message has the value
        context = problem["ctx"]
        return f"expected {context['discriminator']} to be one of {context['expected_tags']}"
    if kind == "union_tag_not_found":
        discriminator = problem["ctx"]["discriminator"]
        if discriminator.endswith("()"):  # a function of the user
            return f"{discriminator} found no model for it"
        return f"expected {discriminator}, which is missing"
    return str(problem["msg"]).removeprefix("Value error, ")


_EXPECTED: Final = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "int_type": "a number",
    "bool_type": "true or false",
}


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return type(value).__name__
