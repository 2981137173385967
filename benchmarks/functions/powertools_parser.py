"""With the parser of Powertools, which validates the event, but does not decode the key."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import (
    S3BatchOperationResponse,
    S3BatchOperationResponseRecord,
)
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.parser.models import S3BatchOperationModel

from benchmarks.functions import do_nothing


@event_parser(model=S3BatchOperationModel)
def handler(event: S3BatchOperationModel, context: Any) -> dict[str, Any]:
    response = S3BatchOperationResponse(
        event.invocationSchemaVersion, event.invocationId, "PermanentFailure"
    )
    task = event.tasks[0]
    message = do_nothing(str(task.s3Bucket), task.s3Key)
    response.add_result(S3BatchOperationResponseRecord(task.taskId, "Succeeded", message))
    return response.asdict()
