"""Requests of the checks of a dry run: what it means if they fail, and the Region of a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.doctor._check import error, skipped, warning
from s3batch_handler.cli.doctor._connection import (
    DENIED,
    EXPIRED,
    INVALID,
    NO_CREDENTIALS,
    NOT_FOUND,
)
from s3batch_handler.core._aws_errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check


def unanswered(name: str, problem: Exception, *, permission: str, missing: str = "") -> Check:
    """Return the result of a check whose request failed.

    Args:
        name: The name of the check.
        problem: The error of boto3.
        permission: The permission that the request needs.
        missing: What is wrong if AWS does not find what was asked for.
    """
    aws = AwsError.from_exception(problem)
    code = aws.code if aws is not None else type(problem).__name__
    if code in _NO_CONNECTION:
        return skipped(name, "no connection to AWS", "check the network and --endpoint-url")
    # Without an error code, only S3 says with 404 that something does not exist.
    if missing and code in NOT_FOUND and (code != "404" or permission.startswith("s3:")):
        return error(name, missing, "check the name, the account (--profile) and the Region")
    if code in DENIED:
        return skipped(name, f"needs the permission {permission}")
    if code in NO_CREDENTIALS:
        remedy = "run 'aws configure', or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return skipped(name, "there are no credentials", remedy)
    if code in EXPIRED or code in INVALID:
        return skipped(name, f"AWS refused the credentials ({code})", "renew them")
    if code in _NO_SERVICE:
        return skipped(name, "this endpoint does not have the service")
    return skipped(name, error_line(problem))


_NO_CONNECTION: Final = {
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError"),
    *("ConnectionClosedError", "ProxyConnectionError", "SSLError"),
}
_NO_SERVICE: Final = {"501", "NotImplemented"}


def check_region(
    s3: Any, name: str, bucket: str, own: str, *, is_report: bool = False
) -> Iterator[Check]:
    """Check that a bucket is in the Region of the job, if its Region can be read.

    The User Guide requires it of manifests, of the source of a generated manifest and of the
    destination of a copy ("Creating an S3 Batch Operations job"). About reports it says nothing.
    """
    try:
        head = s3.head_bucket(Bucket=bucket)
    except Exception:
        return
    headers = head["ResponseMetadata"]["HTTPHeaders"]
    region = head.get("BucketRegion") or headers.get("x-amz-bucket-region")
    if region and region != own:
        result = warning if is_report else error
        yield result(
            name,
            f"its bucket is in {region}, but the job is in {own}",
            f"use a bucket in {own}, or pass --region {region}",
        )
