"""One invocation: schema 2.0, one task with an encoded key, a function that does nothing.

Target: ``@task_handler`` with its defaults takes at most as long as the data class of Powertools,
which decodes the key, but does not validate, limit time or classify errors.
"""

from __future__ import annotations

import signal
import timeit
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes import (
    S3BatchOperationEvent,
    S3BatchOperationResponse,
    S3BatchOperationResponseRecord,
    event_source,
)
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.parser.models import S3BatchOperationModel

from benchmarks.measure import side_by_side, table
from s3batch_handler import Task, task_handler

EVENT: dict[str, Any] = {
    "invocationSchemaVersion": "2.0",
    "invocationId": "AAAAAAAAAAHLh5xg" * 8,
    "job": {"id": "f3cc4f60-61f6-4a2b-8a21-d07600c373ce", "userArguments": {"target": "copies"}},
    "tasks": [
        {
            "taskId": "AAAAAAAAAAGrmwZF" * 8,
            "s3Key": "photos/2024/summer%20trip/IMG%2B0001.jpg",
            "s3VersionId": None,
            "s3Bucket": "my-photos",
        }
    ],
}


class Context:
    """The part of a context that the contenders use."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def do_nothing(bucket: str, key: str) -> str:
    return "done"


def hand_written(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Process the event in the form of AWS's samples."""
    task = event["tasks"][0]
    code, message = "Succeeded", ""
    try:
        message = do_nothing(task["s3Bucket"], unquote_plus(task["s3Key"]))
    except Exception as error:
        code, message = "PermanentFailure", str(error)
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": message}],
    }


def _raise_timeout(*_: object) -> None:
    raise TimeoutError


def hand_written_with_time_limit(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Process the event with a time limit that is set at each call, as in most examples."""
    earlier = signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, context.get_remaining_time_in_millis() / 1000 - 1)
    try:
        return hand_written(event, context)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


@event_source(data_class=S3BatchOperationEvent)
def powertools_data_class(event: S3BatchOperationEvent, context: Any) -> dict[str, Any]:
    response = S3BatchOperationResponse(
        event.invocation_schema_version, event.invocation_id, "PermanentFailure"
    )
    task = event.task
    try:
        result = task.build_task_batch_response(
            "Succeeded", do_nothing(task.s3_bucket, task.s3_key)
        )
    except Exception as error:
        result = task.build_task_batch_response("PermanentFailure", str(error))
    response.add_result(result)
    return response.asdict()


@event_parser(model=S3BatchOperationModel)
def powertools_parser(event: S3BatchOperationModel, context: Any) -> dict[str, Any]:
    response = S3BatchOperationResponse(
        event.invocationSchemaVersion, event.invocationId, "PermanentFailure"
    )
    task = event.tasks[0]
    message = do_nothing(str(task.s3Bucket), task.s3Key)  # the key remains encoded
    response.add_result(S3BatchOperationResponseRecord(task.taskId, "Succeeded", message))
    return response.asdict()


@task_handler
def ours(task: Task) -> str:
    return do_nothing(task.bucket, task.key)


def main(*, quick: bool = False) -> None:
    """Print the table."""
    handlers = {
        "hand-written": hand_written,
        "hand-written, time limit": hand_written_with_time_limit,
        "Powertools data class": powertools_data_class,
        "Powertools parser": powertools_parser,
        "@task_handler": ours,
    }
    context, calls = Context(), 2_000

    def timed(handler: Any) -> Any:
        return lambda: timeit.timeit(lambda: handler(EVENT, context), number=calls) / calls

    contenders = {name: timed(handler) for name, handler in handlers.items()}
    side_by_side(contenders, rounds=3)  # warm up
    seconds = side_by_side(contenders, rounds=15 if quick else 101)
    table(
        "One invocation of one task (target: @task_handler at most 1.00x)",
        seconds,
        to="Powertools data class",
        unit=lambda value: f"{value * 1e6:.2f} µs",
    )
