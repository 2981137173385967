"""Copy objects of any size into another bucket, with metadata, tags and checksum."""

import os
from typing import TYPE_CHECKING, cast

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config
from pydantic import BaseModel
from s3batch_handler import PermanentFailure, Task, task_handler

from multipart import MAX_COPY_SIZE, MAX_PARALLEL_PARTS, TIME_RESERVE, MultipartCopy

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef as CopySource

TARGET_BUCKET = os.environ["TARGET_BUCKET"]

logger = Logger(service="{{cookiecutter.project_slug}}")
metrics = Metrics(namespace="S3Batch", service="{{cookiecutter.project_slug}}")
s3 = boto3.client(
    "s3",
    config=Config(
        max_pool_connections=MAX_PARALLEL_PARTS,
        read_timeout=300,  # seconds: S3 may send nothing while it copies up to 5 GB
    ),
)


class Arguments(BaseModel, extra="forbid"):
    """User arguments of the job."""

    prefix: str = ""
    """Prefix of the keys of the copies."""


class Copied(BaseModel):
    """The message of each object in the completion report, as JSON."""

    target: str
    size: int


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(
    arguments=Arguments,
    time_reserve=TIME_RESERVE,
    retry_on=(s3.exceptions.NoSuchUpload,),  # S3 sent the task twice, and the other one has ended
    logger=logger,
    metrics=metrics,
)
def handler(task: Task[Arguments]) -> Copied:
    """Copy one object, in one request if S3 allows that for its size, otherwise in parts.

    The handler stops a task before the function's timeout and returns TemporaryFailure. S3 then
    sends the task again, and the copy continues with the missing parts.
    """
    key = task.job.arguments.prefix + task.key
    if task.location == {
        "Bucket": TARGET_BUCKET,
        "Key": key,
    }:  # S3 refuses that for small objects only
        raise PermanentFailure("the copy would replace the object")
    source = s3.head_object(**task.location, ChecksumMode="ENABLED")
    copy_source = cast("CopySource", task.location)
    if source["ContentLength"] <= MAX_COPY_SIZE:
        s3.copy_object(
            Bucket=TARGET_BUCKET,
            Key=key,
            CopySource=copy_source,
            CopySourceIfMatch=source["ETag"],
        )
    else:
        MultipartCopy(s3, copy_source, source, TARGET_BUCKET, key).run()
    metrics.add_metric("CopiedBytes", "Bytes", source["ContentLength"])
    return Copied(target=f"s3://{TARGET_BUCKET}/{key}", size=source["ContentLength"])
