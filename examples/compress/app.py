"""Compress the text objects of a bucket into another one.

A complete function for S3 Batch Operations. Deploy it unchanged (boto3 is part of the Lambda
runtime), or run it on this machine::

    s3batch run examples/compress/app.py:handler --source some/folder \
        --output compressed=compressed --arguments target=compressed
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass

import boto3

from s3batch_handler import PermanentFailure, Task, task_handler

MAX_BYTES = 200_000


@dataclass
class Compressed:
    """The message of each object in the completion report, as JSON."""

    size: int
    compressed: int
    sha256: str


s3 = boto3.client("s3")  # created once for each execution environment


@task_handler
def handler(task: Task) -> Compressed:
    """Read an object, compress it if it is text, write it to the bucket of the argument target."""
    target = task.job.arguments.get("target")
    if target is None:
        raise PermanentFailure("the job has no user argument 'target', the bucket to write to")
    response = s3.get_object(**task.location)
    if response["ContentLength"] > MAX_BYTES:
        raise PermanentFailure(f"too large: {response['ContentLength']:,} bytes")
    content = response["Body"].read()
    if not content:
        raise PermanentFailure("empty")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise PermanentFailure(f"binary: not UTF-8 at byte {error.start}") from None
    # Without a time stamp the same content gives the same bytes, so a retry changes nothing.
    compressed = gzip.compress(content, mtime=0)
    s3.put_object(
        Bucket=target,
        Key=f"{task.key}.gz",
        Body=compressed,
        ContentType="application/gzip",
    )
    return Compressed(
        size=len(content),
        compressed=len(compressed),
        sha256=hashlib.sha256(content).hexdigest(),
    )
