"""With the data class of Powertools, which decodes the key and does nothing else."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import (
    S3BatchOperationEvent,
    S3BatchOperationResponse,
    event_source,
)

from benchmarks.functions import do_nothing


@event_source(data_class=S3BatchOperationEvent)
def handler(event: S3BatchOperationEvent, context: Any) -> dict[str, Any]:
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
