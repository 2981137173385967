"""What a job file may leave out or write shorter than CreateJob: defaults, names and URLs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._keys import is_directory_bucket
from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.jobs._arns import bucket_arn, function_arn, role_arn
from s3batch_handler.jobs._job import REPORT_FORMAT
from s3batch_handler.jobs._manifests import CSV_MANIFEST, INVENTORY_MANIFEST
from s3batch_handler.jobs.files._nodes import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.jobs._arns import Account
    from s3batch_handler.jobs.files._nodes import Path

DEFAULT_PRIORITY: Final = 10
DEFAULT_FIELDS: Final = ("Bucket", "Key")

_S3_URL: Final = "s3://"

FUNCTION: Final = ("Operation", "LambdaInvoke", "FunctionArn")
_ROLE: Final = ("RoleArn",)
MANIFEST: Final = ("Manifest", "Location", "ObjectArn")
_COPY: Final = ("Operation", "S3PutObjectCopy", "TargetResource")
_GENERATOR: Final = ("ManifestGenerator", "S3JobManifestGenerator")
_REPORT_BUCKET: Final = ("Report", "Bucket")
_OWNER: Final = ("Report", "ExpectedBucketOwner")


def with_defaults(members: dict[str, Any]) -> dict[str, Any]:
    """Return members with the defaults of ``s3batch job submit``."""
    complete = {"Priority": str(DEFAULT_PRIORITY), **members}
    invoke = value_at(members, FUNCTION[:-1])
    if isinstance(invoke, dict) and invoke.get("UserArguments"):
        invoke = {"InvocationSchemaVersion": "2.0", **invoke}
        complete = _with(complete, FUNCTION[:-1], invoke)
    report = members.get("Report")
    if isinstance(report, dict):
        complete["Report"] = _report_with_defaults(report)
    manifest = members.get("Manifest")
    if isinstance(manifest, dict) and "Spec" not in manifest:
        complete["Manifest"] = {"Spec": _manifest_spec(members), **manifest}
    return complete


def _report_with_defaults(report: dict[str, Any]) -> dict[str, Any]:
    bucket = report.get("Bucket")
    if not isinstance(bucket, str):
        return report
    name, prefix = _split(bucket) if bucket.startswith(_S3_URL) else (bucket, "")
    prefix = prefix.rstrip("/")  # or the report would be at "prefix//job-…"
    if prefix and "Prefix" not in report:
        report = {**report, "Bucket": f"{_S3_URL}{name}", "Prefix": prefix}
    if "Enabled" not in report:
        report = {"Format": REPORT_FORMAT, "ReportScope": "AllTasks", **report, "Enabled": "true"}
    return report


def _manifest_spec(members: dict[str, Any]) -> dict[str, Any]:
    location = value_at(members, MANIFEST)
    if isinstance(location, str) and location.endswith("/manifest.json"):
        return {"Format": INVENTORY_MANIFEST}
    return {"Format": CSV_MANIFEST, "Fields": [*DEFAULT_FIELDS]}


# ---------------------------------------------------------------- names and URLs


def check_names(members: dict[str, Any]) -> Iterator[Problem]:
    """Yield the problems of names and URLs that cannot be completed to ARNs."""
    for path, (expected, form, _) in _NAMES.items():
        text = value_at(members, path)
        if isinstance(text, str) and not text.startswith("arn:") and not form.fullmatch(text):
            yield Problem(path, f"expected {expected}, got {short_repr(text)}")


def completed(members: dict[str, Any], account: Account) -> dict[str, Any]:
    """Return members with ARNs for names and URLs. Uses the account only if it is needed."""
    for path, (_, _, complete) in _NAMES.items():
        text = value_at(members, path)
        if isinstance(text, str) and text and not text.startswith("arn:"):
            members = _with(members, path, complete(text, account))
    if _lacks_owner(members):
        members = _with(members, _OWNER, account.account_id)
    return members


def names_without_arn(
    members: dict[str, Any], *, account_is_known: bool, region_is_known: bool
) -> Iterator[Path]:
    """Yield where members have a name, for whose ARN an account or a Region is not known."""
    for path in _NAMES:
        text = value_at(members, path)
        if not isinstance(text, str) or text.startswith("arn:"):
            continue
        needs_region = path == FUNCTION or is_directory_bucket(text.rstrip("/"))
        needs_account = needs_region or path == _ROLE
        if (needs_account and not account_is_known) or (needs_region and not region_is_known):
            yield path
    if _lacks_owner(members) and not account_is_known:
        yield _OWNER


def partition_of(members: dict[str, Any]) -> str:
    """Return the partition of the first ARN in the members, by default ``aws``."""
    texts = (value_at(members, path) for path in _NAMES)
    found = (re.match(r"arn:(aws[a-z-]*):", text) for text in texts if isinstance(text, str))
    return next((match[1] for match in found if match), "aws")


def _lacks_owner(members: dict[str, Any]) -> bool:
    operation, report = members.get("Operation"), members.get("Report")
    is_checksum = isinstance(operation, dict) and "S3ComputeObjectChecksum" in operation
    return is_checksum and isinstance(report, dict) and "ExpectedBucketOwner" not in report


def _bucket_arn(text: str, account: Account) -> str:
    name, _ = _split(text)
    if is_directory_bucket(name):
        place = f"{account.region}:{account.account_id}"
        return f"arn:{account.partition}:s3express:{place}:bucket/{name}"
    return bucket_arn(name, account)


def _split(place: str) -> tuple[str, str]:
    """Split ``s3://bucket/key`` or ``bucket``; the key may be empty."""
    bucket, _, key = place.removeprefix(_S3_URL).partition("/")
    return bucket, key


def _object_arn(url: str, account: Account) -> str:
    bucket, key = _split(url)
    return f"{bucket_arn(bucket, account)}/{key}"


_BUCKET: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}"
_A_BUCKET: Final = (
    "s3://BUCKET or the ARN of a bucket",
    re.compile(rf"(s3://)?{_BUCKET}/?"),
    _bucket_arn,
)
_NAMES: Final[dict[Path, tuple[str, re.Pattern[str], Callable[[str, Account], str]]]] = {
    _ROLE: (
        "the name or the ARN of a role",
        re.compile(r"/?([!-.0-~]+/)*[\w+=,.@-]{1,64}", re.ASCII),
        role_arn,
    ),
    FUNCTION: (
        "NAME, NAME:ALIAS or the ARN of a function",
        re.compile(  # that of the service model, without "arn:"
            r"([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-[0-9]:)?([0-9]{12}:)?(function:)?"
            r"[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?"
        ),
        function_arn,
    ),
    MANIFEST: (
        "s3://BUCKET/KEY or the ARN of an object",
        re.compile(rf"s3://{_BUCKET}/.+", re.DOTALL),
        _object_arn,
    ),
    _COPY: _A_BUCKET,
    _REPORT_BUCKET: _A_BUCKET,
    (*_GENERATOR, "SourceBucket"): _A_BUCKET,
    (*_GENERATOR, "ManifestOutputLocation", "Bucket"): _A_BUCKET,
}


def value_at(members: Any, path: Path) -> Any:
    """Return the value at a path; ``None`` if there is none."""
    for name in path:
        members = members.get(name) if isinstance(members, dict) else None
    return members


def _with(members: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    name, *rest = map(str, path)
    return {**members, name: _with(members[name], tuple(rest), value) if rest else value}
