"""Complete the names of functions, roles and buckets to ARNs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices


def function_arn(name: str, services: AwsServices) -> str:
    """Return the ARN of a function by its name or partial ARN, such as ``thumbnails:PROD``."""
    if name.startswith("arn:"):
        return name
    before, function = split_function(name)
    given = [part for part in before.split(":") if part]
    account_id = next((part for part in given if part.isdigit()), None) or services.account_id
    region = next((part for part in given if not part.isdigit()), services.region)
    return f"arn:{services.partition}:lambda:{region}:{account_id}:function:{function}"


def split_function(name: str) -> tuple[str, str]:
    """Split a name or an ARN into what is before ``function:``, and the name with its qualifier."""
    before, _, function = f":{name}".rpartition(":function:")
    return before, function.removeprefix(":")


def role_arn(name: str, services: AwsServices) -> str:
    """Return the ARN of a role by its name, or by its path and name: ``service-role/batch``."""
    if name.startswith("arn:"):
        return name
    return f"arn:{services.partition}:iam::{services.account_id}:role/{name.lstrip('/')}"


def bucket_arn(bucket: str, services: AwsServices) -> str:
    return f"arn:{services.partition}:s3:::{bucket}"
