"""Copy objects of any size into another bucket, with all that they carry."""

import os
from typing import TYPE_CHECKING, cast

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config
from pydantic import BaseModel
from s3batch_handler import PermanentFailure, Task, task_handler

from multipart import LARGEST_COPY, PARTS_AT_A_TIME, TIME_RESERVE, MultipartCopy

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef as CopySource

TARGET_BUCKET = os.environ["TARGET_BUCKET"]

logger = Logger(service="{{cookiecutter.project_slug}}")
metrics = Metrics(namespace="S3Batch", service="{{cookiecutter.project_slug}}")
s3 = boto3.client(
    "s3",
    config=Config(
        max_pool_connections=PARTS_AT_A_TIME,
        read_timeout=300,  # seconds: S3 may be silent while it copies up to 5 GB
    ),
)


class Arguments(BaseModel, extra="forbid"):
    """User arguments of the job."""

    prefix: str = ""
    """What the keys of the copies begin with."""


class Copied(BaseModel):
    """What the completion report tells of each object, as JSON."""

    target: str
    size: int


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(
    arguments=Arguments,
    time_reserve=TIME_RESERVE,
    retry_on=(s3.exceptions.NoSuchUpload,),  # S3 may send a task twice: the other one was faster
    logger=logger,
    metrics=metrics,
)
def handler(task: Task[Arguments]) -> Copied:
    """Copy one object: in one request if S3 can do that, else part by part.

    There is no clock in here. The handler stops a task before the function's time is up and
    answers TemporaryFailure; S3 sends the task again, and the copy goes on where it was.
    """
    key = task.job.arguments.prefix + task.key
    if task.location == {"Bucket": TARGET_BUCKET, "Key": key}:  # S3 refuses that of small ones only
        raise PermanentFailure("the copy would take the place of the object")
    source = s3.head_object(**task.location, ChecksumMode="ENABLED")
    copy_source = cast("CopySource", task.location)
    if source["ContentLength"] <= LARGEST_COPY:
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
