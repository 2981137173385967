"""ARNs of buckets, objects, functions and keys, as the resources of IAM policies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.core._keys import is_directory_bucket
from s3batch_handler.core._sanitize import short_repr

if TYPE_CHECKING:
    from s3batch_handler.policies._statements import Conditions


class IncompleteJob(S3BatchError):
    """The job does not say something that a policy names, or an option has a wrong value."""


UNKNOWN_REGION: Final = "*"

REGION: Final = r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9]"
"""The pattern of a Region, in all partitions of AWS."""


class Home(NamedTuple):
    """Where the resources of a job are, unless their names say otherwise."""

    partition: str
    region: str
    """``UNKNOWN_REGION`` if the job and the configuration do not name one."""

    account: str


class Place(NamedTuple):
    """A bucket or access point, and the beginning of the keys in it."""

    bucket: str
    """The name of the bucket, or the ARN of a directory bucket or an access point."""

    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read ``s3://bucket/prefix``, the name of a bucket, or an ARN.

        Raises:
            IncompleteJob: The text does not name a bucket.
        """
        name, prefix = text, ""
        if text.startswith("s3://"):
            name, _, prefix = text.removeprefix("s3://").partition("/")
        elif _HAS_OWN_ARN.match(text):
            name, _, prefix = text.partition("/object/")
        elif _ARN_OF_BUCKET.match(text):
            name, _, prefix = text.split(":", 5)[5].partition("/")
        else:
            name, _, prefix = text.partition("/")
        if not _BUCKET.fullmatch(name):
            raise IncompleteJob(
                f"{short_repr(text)} does not name a bucket: write s3://bucket/prefix, or an ARN"
            )
        return cls(name, prefix)

    @property
    def is_directory_bucket(self) -> bool:
        return is_directory_bucket(self.bucket) or ":s3express:" in self.bucket

    @property
    def is_access_point(self) -> bool:
        return ":accesspoint/" in self.bucket

    def bucket_arn(self, home: Home) -> str:
        """Return the resource for actions on the bucket."""
        if self.is_directory_bucket and not _HAS_OWN_ARN.match(self.bucket):
            return (
                f"arn:{home.partition}:s3express:{home.region}:{home.account}:bucket/{self.bucket}"
            )
        if self.bucket.startswith("arn:"):
            # The service model writes ARNs of directory buckets with a slash before "bucket".
            return self.bucket.replace(":/bucket/", ":bucket/")
        return f"arn:{home.partition}:s3:::{self.bucket}"

    def objects_arn(self, home: Home) -> str:
        """Return the resource for actions on the objects whose keys have the prefix."""
        between = "/object/" if self.is_access_point else "/"
        return f"{self.bucket_arn(home)}{between}{literal(self.prefix)}*"


_HAS_OWN_ARN: Final = re.compile(r"arn:[^:]+:(s3express:|s3:[^:]*:[^:]*:accesspoint/)")
_ARN_OF_BUCKET: Final = re.compile(r"arn:[^:]+:s3:::")
_BUCKET: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}|arn:aws[a-z-]*:s3(express)?:[A-Za-z0-9._:/-]+"
)


def literal(text: str) -> str:
    """Escape the characters of a key that have a meaning in the resource of a policy.

    IAM accepts no characters beyond Latin-1 (API reference, PutRolePolicy: PolicyDocument), so each
    run of characters other than printable ASCII becomes a ``*``.
    """
    escaped = re.sub(r"[*?]|\$(?=[{*?$])", lambda found: f"${{{found[0]}}}", text)
    return re.sub(r"[^ -~]+", "*", escaped)


def object_arn(arn: str) -> str:
    """Return the ARN of one object as a resource: its key is matched literally."""
    between = "/object/" if ":accesspoint/" in arn else "/"
    bucket, found, key = arn.partition(between)
    return f"{bucket}{found}{literal(key)}"


# ---------------------------------------------------------------- functions


class Function(NamedTuple):
    """A Lambda function that a job invokes."""

    arn: str
    """The ARN of what is invoked, with the qualifier."""

    name: str
    qualifier: str
    account: str
    region: str

    @classmethod
    def parse(cls, text: str, home: Home) -> Function:
        """Read an ARN, a partial ARN or a name, each with or without a qualifier."""
        found = _FUNCTION.fullmatch(text)
        if found is None:
            raise IncompleteJob(
                f"{short_repr(text)} is not the name or ARN of a function: write "
                "arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION"
            )
        partition = found["partition"] or home.partition
        region = found["region"] or home.region
        account = found["account"] or home.account
        arn = f"arn:{partition}:lambda:{region}:{account}:function:{found['name']}"
        qualifier = found["qualifier"] or ""
        return cls(
            f"{arn}:{qualifier}" if qualifier else arn, found["name"], qualifier, account, region
        )

    @property
    def unqualified_arn(self) -> str:
        return self.arn.removesuffix(f":{self.qualifier}") if self.qualifier else self.arn


_FUNCTION: Final = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?"
    rf"(?:(?P<region>{REGION}):)?"
    r"(?:(?P<account>[0-9]{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


# ---------------------------------------------------------------- keys of KMS


def key_resource(key: str, home: Home, *, via_s3: bool = True) -> tuple[str, Conditions]:
    """Return the resource and the condition that name a KMS key, given its ARN, ID or alias.

    The resource of a permission is a key, never an alias: "Using aliases to control access to KMS
    keys" in the KMS Developer Guide has the condition.

    Raises:
        IncompleteJob: The text does not name a key.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise IncompleteJob(
            f"{short_repr(key)} does not name a KMS key: write "
            "arn:aws:kms:REGION:ACCOUNT:key/ID, or alias/NAME"
        )
    partition = found["partition"] or home.partition
    region = found["region"] or home.region
    account = found["account"] or home.account
    start = f"arn:{partition}:kms:{region}:{account}:key/"
    conditions: dict[str, dict[str, str]] = {}
    if via_s3 and partition in _VIA_SERVICE and region != UNKNOWN_REGION:
        conditions["StringEquals"] = {"kms:ViaService": f"s3.{region}.amazonaws.com"}
    if found["alias"]:
        conditions["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": found["alias"]}
        return f"{start}*", conditions
    return f"{start}{found['id']}", conditions


def key_account(key: str, home: Home) -> str:
    """Return the account of a KMS key."""
    found = _KEY.fullmatch(key)
    return (found and found["account"]) or home.account


_KEY: Final = re.compile(
    r"(?:arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):)?"
    r"(?:(?P<alias>alias/[a-zA-Z0-9/_-]+)|(?:key/)?(?P<id>[a-zA-Z0-9-]+))"
)
_VIA_SERVICE: Final = ("aws", "aws-us-gov")
"""The partitions whose values of ``kms:ViaService`` end in ``amazonaws.com``."""
