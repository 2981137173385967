"""The Lambda payload of S3 Batch Operations, in both directions.

In a function, :func:`parse_event` and :func:`build_response` are used; to call a function,
:func:`build_event` and :func:`parse_response`. For the usual event there are two faster functions,
:func:`parse_usual_event` and :func:`build_usual_response`; a test compares their results.

Source: S3 User Guide, "Invoke AWS Lambda function". The two schema versions differ in how a task
names its bucket (1.0: an ARN, 2.0: a name), and only 2.0 has user arguments.
"""

from __future__ import annotations

import warnings

from s3batch_handler.core._errors import InvalidEvent, InvalidResponse
from s3batch_handler.core._event_checks import BUCKET_FIELD, check_documented_event, check_event
from s3batch_handler.core._keys import bucket_name, decode_key, encode_key
from s3batch_handler.core._model import (
    Invocation,
    JobRef,
    Outcome,
    ResultCode,
    UserArguments,
    new_task,
)
from s3batch_handler.core._sanitize import MAX_RESULT_STRING, sanitize
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final
from s3batch_handler.core._validation import (
    check_text,
    explain,
    list_of,
    nullable,
    object_of,
    one_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3batch_handler.core._model import Task, TaskResult

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
    problems = [*check_event(event, ())]
    if problems:
        problem = explain(problems, whole="the event")
        raise InvalidEvent(f"not an S3 Batch Operations event: {problem}")
    wire: Any = event
    version = wire["invocationSchemaVersion"]
    differences = [*check_documented_event(wire)]
    if differences:
        problem = explain(differences, whole="the event")
        problem = f"the event differs from AWS's documentation: {problem}"
        if strict:
            raise InvalidEvent(problem)
        warnings.warn(problem, UnexpectedEventWarning, stacklevel=2)
    job = _parse_job(wire.get("job") or {})
    if not differences:
        _latest_jobs[version] = _copy_job(wire["job"]), job, BUCKET_FIELD[version]
    tasks = tuple(_parse_task(task, job) for task in wire["tasks"])
    return Invocation(wire["invocationId"], version, job, tasks)


class UnexpectedEventWarning(UserWarning):
    """An event was accepted, but differs from AWS's documentation."""

    __module__ = "s3batch_handler"  # its public name, for messages


def parse_usual_event(event: Any) -> Task | None:
    """Return the task of a usual event, or ``None`` for any other event.

    A usual event is exactly as AWS documents it, and has one task and the job of the last event.
    """
    try:
        latest, job, bucket_field = _latest_jobs[event["invocationSchemaVersion"]]
        (task,) = event["tasks"]
        task_id, key, version_id = task["taskId"], task["s3Key"], task["s3VersionId"]
        bucket = bucket_name(task[bucket_field])
        is_usual = (
            event["job"] == latest
            and type(event["tasks"]) is list
            and type(task_id) is type(key) is type(event["invocationId"]) is str
            and (version_id is None or (type(version_id) is str and version_id))
            and type(event) is type(task) is dict
            and len(event) == len(task) == 4
        )
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    if not is_usual:
        return None
    if "%" in key or "+" in key:
        key = decode_key(key)
    return new_task(bucket, key, version_id, task_id, job)


_latest_jobs: Final[dict[str, tuple[dict[str, Any], JobRef, str]]] = {}
"""The job of the last documented event by schema version: in the event, parsed, and the field of a
task that names the bucket. The next event nearly always has the same job."""


def _parse_job(job: Mapping[str, Any]) -> JobRef:
    return JobRef(
        id=str(job.get("id", "")), arguments=UserArguments(job.get("userArguments") or {})
    )


def _copy_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a job, because the function may change the event."""
    arguments = job.get("userArguments")
    return dict(job) if arguments is None else {**job, "userArguments": dict(arguments)}


def _parse_task(task: Mapping[str, Any], job: JobRef) -> Task:
    return new_task(
        bucket=bucket_name(task["s3Bucket"] if "s3Bucket" in task else task["s3BucketArn"]),
        key=decode_key(task["s3Key"]),
        version_id=task.get("s3VersionId") or None,  # some events have "" if there is no version ID
        id=task["taskId"],
        job=job,
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
    wire = [
        {
            "taskId": task.id,
            "resultCode": outcome.code.value,
            "resultString": sanitize(outcome.message),
        }
        for task, outcome in results
    ]
    response = {
        "invocationSchemaVersion": invocation.schema_version,
        "treatMissingKeysAs": treat_missing_keys_as.value,
        "invocationId": invocation.id,
        "results": wire,
    }
    if len(wire) > _ALWAYS_FIT:
        _shorten(response, results)
    return response


def build_usual_response(
    schema_version: str,
    invocation_id: str,
    task: Task[Any, Any],
    outcome: Outcome,
    treat_missing_keys_as: ResultCode,
) -> Response:
    """Build the response to an event that :func:`parse_usual_event` accepted."""
    code, message = outcome
    if len(message) > MAX_RESULT_STRING or not message.isprintable():
        message = sanitize(message)
    # _value_ is the value without the call of a property.
    return {
        "invocationSchemaVersion": schema_version,
        "treatMissingKeysAs": treat_missing_keys_as._value_,
        "invocationId": invocation_id,
        "results": [{"taskId": task.id, "resultCode": code._value_, "resultString": message}],
    }


_ALWAYS_FIT: Final = 20
"""As many results always fit, even if each character takes 12 bytes, as an emoji does in JSON: the
task IDs were in an event of at most 6 MB."""


def _shorten(response: Response, results: Sequence[TaskResult]) -> None:
    """Shorten all messages to the same length, so that Lambda accepts the response."""
    import json  # few invocations have so many tasks

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
    problems = [*_check_response(response, ())]
    if problems:
        raise InvalidResponse(explain(problems, whole="the response"))
    wire: Any = response
    for field in ("invocationSchemaVersion", "invocationId"):
        if wire.get(field, event[field]) != event[field]:
            raise InvalidResponse(f"{field}: not the same as in the event")
    results: dict[str, Mapping[str, Any]] = {}
    for result in wire["results"]:
        results.setdefault(result["taskId"], result)
    return [
        _outcome(results.get(task["taskId"]), wire.get("treatMissingKeysAs"))
        for task in event["tasks"]
    ]


_CODE: Final = one_of([*ResultCode])
_check_response: Final = object_of(
    {
        "invocationSchemaVersion": check_text,
        "invocationId": check_text,
        "treatMissingKeysAs": nullable(_CODE),
        "results": list_of(
            object_of(
                {"taskId": check_text, "resultCode": _CODE, "resultString": nullable(check_text)},
                optional={"resultString"},
            )
        ),
    },
    optional={"invocationId", "treatMissingKeysAs"},
)


def _outcome(result: Mapping[str, Any] | None, code_if_missing: str | None) -> Outcome:
    if result is None:
        code = ResultCode(code_if_missing or ResultCode.TEMPORARY_FAILURE)
        return Outcome(code, "The function returned no result for this task")
    message = result.get("resultString") or ""
    return Outcome(ResultCode(result["resultCode"]), message[:MAX_RESULT_STRING])
