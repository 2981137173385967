"""Set the tags of each object to those in its line of the manifest, whose key is JSON."""

from typing import Annotated

import boto3
from aws_lambda_powertools import Logger, Metrics
from pydantic import BaseModel, Field
from s3batch_handler import Task, task_handler

logger = Logger(service="{{cookiecutter.project_slug}}")
metrics = Metrics(namespace="S3Batch", service="{{cookiecutter.project_slug}}")
s3 = boto3.client("s3")


class Instruction(BaseModel, extra="forbid"):
    """The content of a line of the manifest: ``{"key": "2024/a b.jpg", "tags": {"owner": "ann"}}``.

    It replaces the key: URL-encoded, with at most 1,024 characters.
    """

    key: str
    """The object, in the bucket of the line."""
    tags: dict[
        Annotated[str, Field(min_length=1, max_length=128)],
        Annotated[str, Field(max_length=256)],
    ] = Field(max_length=10)
    """All tags of the object; other tags are removed."""


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(payload=Instruction, logger=logger, metrics=metrics)
def handler(task: Task[object, Instruction]) -> str:
    """Set the tags of an object; if S3 sends the task twice, the result is the same."""
    tags = task.payload.tags
    s3.put_object_tagging(
        Bucket=task.bucket,
        Key=task.payload.key,
        Tagging={"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]},
    )
    metrics.add_metric("Tags", "Count", len(tags))
    return f"{task.payload.key} has {len(tags)} tags"
