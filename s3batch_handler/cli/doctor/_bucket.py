"""A bucket that jobs use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli.doctor._check import ok, skipped, warning
from s3batch_handler.cli.doctor._connection import failed_request
from s3batch_handler.core._aws_errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._connection import Connection


def check_bucket(connection: Connection, bucket: str) -> Iterator[Check]:
    """Check that a bucket exists, can be read, and is in the Region of the jobs."""
    name = f"bucket {bucket}"
    s3 = connection.client("s3")
    try:
        response = s3.head_bucket(Bucket=bucket)
    except Exception as problem:
        aws = AwsError.from_exception(problem)
        if (
            aws is not None and aws.code == "403"
        ):  # S3 also returns it for a bucket of another account
            yield skipped(
                name,
                "cannot tell: access is denied",
                "allow s3:ListBucket, or check the name: the bucket may be in another account",
            )
        else:
            yield failed_request(
                name, problem, permission="s3:ListBucket", missing="it does not exist"
            )
        return
    region = response.get("BucketRegion") or response["ResponseMetadata"]["HTTPHeaders"].get(
        "x-amz-bucket-region"
    )
    own = connection.session.region_name or "us-east-1"
    if region and region != own:
        yield warning(
            name,
            f"it is in {region}, but the Region here is {own}",
            f"a job, its function and its objects must be in one Region: pass --region {region}",
        )
    else:
        yield ok(name, f"reachable, in {region or own}")
