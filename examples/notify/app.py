"""Send one message to a queue for each object, even if S3 delivers a task more than once.

The environment variables ``QUEUE_URL`` and ``TABLE`` name the SQS queue and the DynamoDB table for
idempotency records. docs/handlers.md shows the table and the permissions that it needs.
"""

from __future__ import annotations

import json
import os

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig

from s3batch_handler import Task, task_handler

sqs = boto3.client("sqs")
records = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])
records.configure(IdempotencyConfig(expires_after_seconds=30 * 24 * 3600))


def version_of_object(task: Task) -> str:
    """Return the key of a record. It has no job ID, so a new job sends only missing messages."""
    return f"{task.bucket}/{task.key}/{task.version_id}"


@task_handler(idempotency=records, idempotency_key=version_of_object)
def handler(task: Task) -> dict[str, str]:
    """Send a message and return its ID, which a later delivery of the task returns, too."""
    response = sqs.send_message(
        QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(task.location)
    )
    return {"message_id": response["MessageId"]}
