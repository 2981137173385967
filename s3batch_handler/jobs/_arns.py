"""Complete the names of functions, roles and buckets to ARNs."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Account(Protocol):
    """The account, the Region and the partition of a job."""

    @property
    def account_id(self) -> str:
        """Return the 12 digits."""
        ...

    @property
    def region(self) -> str:
        """Return a name such as ``eu-west-1``."""
        ...

    @property
    def partition(self) -> str:
        """Return the partition of ARNs: ``aws``, ``aws-cn``, …."""
        ...


class KnownAccount(NamedTuple):
    """An :class:`Account` that is known without a request to AWS."""

    account_id: str
    region: str
    partition: str = "aws"


def function_arn(name: str, account: Account) -> str:
    """Return the ARN of a function by its name or partial ARN, such as ``thumbnails:PROD``."""
    if name.startswith("arn:"):
        return name
    before, function = split_function(name)
    given = [part for part in before.split(":") if part]
    account_id = next((part for part in given if part.isdigit()), None) or account.account_id
    region = next((part for part in given if not part.isdigit()), account.region)
    return f"arn:{account.partition}:lambda:{region}:{account_id}:function:{function}"


def split_function(name: str) -> tuple[str, str]:
    """Split a name or an ARN into what is before ``function:``, and the name with its qualifier."""
    before, _, function = f":{name}".rpartition(":function:")
    return before, function.removeprefix(":")


def role_arn(name: str, account: Account) -> str:
    """Return the ARN of a role by its name, or by its path and name: ``service-role/batch``."""
    if name.startswith("arn:"):
        return name
    return f"arn:{account.partition}:iam::{account.account_id}:role/{name.lstrip('/')}"


def bucket_arn(bucket: str, account: Account) -> str:
    return f"arn:{account.partition}:s3:::{bucket}"
