"""Complete the names of functions, roles and buckets to ARNs."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Protocol


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
    partial = re.fullmatch(_PARTIAL_ARN, name)
    region, account_id, function = partial.groups() if partial else (None, None, name)
    place = f"{region or account.region}:{account_id or account.account_id}"
    return f"arn:{account.partition}:lambda:{place}:function:{function}"


# The pattern of the service model, without "arn:".
_PARTIAL_ARN: Final = (
    r"(?:([a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9]):)?(?:([0-9]{12}):)?(?:function:)?"
    r"([a-zA-Z0-9-_]+(?::(?:\$LATEST|[a-zA-Z0-9-_]+))?)"
)


def region_of_function(name: str) -> str | None:
    """Return the Region in the ARN or partial ARN of a function; ``None`` in a bare name."""
    if name.startswith("arn:"):
        return dict(enumerate(name.split(":"))).get(3) or None
    partial = re.fullmatch(_PARTIAL_ARN, name)
    return partial[1] if partial else None


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
