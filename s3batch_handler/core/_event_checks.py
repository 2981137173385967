"""The form of invocation events: what is accepted, and what AWS documents."""

from __future__ import annotations

from collections.abc import Mapping

from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._typing import TYPE_CHECKING, Any, Final
from s3batch_handler.core._validation import (
    check_text,
    list_of,
    mapping_of,
    nullable,
    object_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.core._validation import Check, Path, Problem

BUCKET_FIELD: Final = {"1.0": "s3BucketArn", "2.0": "s3Bucket"}
"""The field of a task that names its bucket, by documented schema version."""


def _check_bucket(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield from check_text(value, path)
        return
    try:
        bucket_name(value)
    except ValueError as error:
        yield path, str(error)


def _check_task(task: Any, path: Path) -> Iterator[Problem]:
    is_named_by_arn = isinstance(task, Mapping) and "s3Bucket" not in task and "s3BucketArn" in task
    yield from (_check_task_with_arn if is_named_by_arn else _check_task_with_name)(task, path)


def _task_with(bucket_field: str) -> Check:
    return object_of(
        {
            bucket_field: _check_bucket,
            "s3Key": check_text,
            "s3VersionId": nullable(check_text),
            "taskId": check_text,
        },
        optional={"s3VersionId"},
    )


_ARGUMENTS: Final = nullable(mapping_of(check_text))
_check_task_with_name: Final = _task_with("s3Bucket")
_check_task_with_arn: Final = _task_with("s3BucketArn")
check_event: Final = object_of(
    {
        "invocationSchemaVersion": check_text,
        "invocationId": check_text,
        "tasks": list_of(_check_task),
        "job": nullable(
            object_of(
                {"id": check_text, "userArguments": _ARGUMENTS}, optional={"id", "userArguments"}
            )
        ),
    },
    optional={"job"},
)
"""Checks the form of an event that is accepted."""

_JOB_FIELDS: Final[Mapping[str, Mapping[str, Check]]] = {
    "1.0": {"id": check_text},
    "2.0": {"id": check_text, "userArguments": _ARGUMENTS},
}


def _documented_event(version: str) -> Check:
    task = {
        "taskId": check_text,
        "s3Key": check_text,
        "s3VersionId": nullable(check_text),
        BUCKET_FIELD[version]: check_text,
    }
    job = object_of(_JOB_FIELDS[version], optional={"userArguments"}, exactly=True)
    event = {
        "invocationSchemaVersion": check_text,
        "invocationId": check_text,
        "job": job,
        "tasks": list_of(object_of(task, optional={"s3VersionId"}, exactly=True)),
    }
    return object_of(event, exactly=True)


_DOCUMENTED: Final = {version: _documented_event(version) for version in BUCKET_FIELD}


def check_documented_event(event: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield how an event that is accepted differs from AWS's documentation."""
    version = event["invocationSchemaVersion"]
    if version in _DOCUMENTED:
        yield from _DOCUMENTED[version](event, ())
    else:
        yield (), f"an invocationSchemaVersion other than {' and '.join(_DOCUMENTED)}"
