"""What ``s3batch job submit --dry-run`` checks: what the request names exists and can be used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.doctor._check import CheckStatus, error, ok, skipped, warning
from s3batch_handler.cli.doctor._connection import (
    DENIED,
    EXPIRED,
    INVALID,
    NO_CREDENTIALS,
    NOT_FOUND,
)
from s3batch_handler.cli.doctor._function import check_state
from s3batch_handler.cli.doctor._role import check_role
from s3batch_handler.core._aws_errors import AwsError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT
from s3batch_handler.jobs._arns import split_function
from s3batch_handler.jobs._job_file_members import ACCOUNT_ID
from s3batch_handler.jobs._job_file_shorthands import value_at
from s3batch_handler.jobs._manifests import ManifestLocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check, Checker
    from s3batch_handler.cli.doctor._connection import Connection
    from s3batch_handler.cli.job._aws_services import AwsServices


@dataclass(slots=True)
class Found:
    """What the checks find out about the request.

    Attributes:
        account_id: The account of the job; ``None`` if it is not known.
        etag: The ETag of the manifest.
    """

    account_id: str | None = None
    etag: str | None = None


def plan_checks(
    request: dict[str, Any], services: AwsServices, found: Found
) -> Iterator[tuple[str, Checker]]:
    """Yield the checks of a request, each with the name of its subject."""

    def connected(check: Any, *arguments: Any) -> Checker:
        return lambda: check(services.quick_connection(), *arguments)

    role = str(request["RoleArn"])
    yield "account", connected(_check_account, request, found)
    function = value_at(request, ("Operation", "LambdaInvoke", "FunctionArn"))
    if function is not None:
        yield f"function {_short(function)}", connected(_check_function, function)
    yield f"role {_short(role)}", connected(partial(check_role, failed=unanswered), role)
    if "Manifest" in request:
        yield "manifest", connected(_check_manifest, request["Manifest"], found)
    for name, arn in _buckets(request):
        check = _check_report_bucket if name == "report" else _check_bucket
        yield f"{name} bucket", connected(check, f"{name} bucket {arn.rpartition(':')[2]}", arn)


def _short(arn: str) -> str:
    return arn.rpartition(":function:")[2].rpartition("/")[2]


def _buckets(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    generator = ("ManifestGenerator", "S3JobManifestGenerator")
    places = {
        "report": ("Report", "Bucket"),
        "source": (*generator, "SourceBucket"),
        "manifest output": (*generator, "ManifestOutputLocation", "Bucket"),
        "target": ("Operation", "S3PutObjectCopy", "TargetResource"),
    }
    for name, path in places.items():
        arn = value_at(request, path)
        if isinstance(arn, str) and not (name == "report" and not request["Report"]["Enabled"]):
            yield name, arn


# ---------------------------------------------------------------- account and function


def _check_account(
    connection: Connection, request: dict[str, Any], found: Found
) -> Iterator[Check]:
    try:
        own = connection.client("sts").get_caller_identity()["Account"]
    except Exception as problem:
        yield unanswered("account", problem, permission="sts:GetCallerIdentity")
        return
    found.account_id = account_id = found.account_id or request.get(ACCOUNT_ID) or own
    if own != account_id:
        yield warning(
            "account",
            f"the job is for {account_id}, but the credentials are of {own}",
            "check --profile and AccountId",
        )
        return
    role_account = (request["RoleArn"].split(":") + [""] * 5)[4] or own
    if role_account != account_id:
        yield error(
            "account",
            f"the role is of account {role_account}, but the job is for {account_id}",
            "use a role of the account of the job: iam:PassRole needs one",
        )
    else:
        yield ok("account", account_id)


def _check_function(connection: Connection, function: str) -> Iterator[Check]:
    short = _short(function)
    name = f"function {short}"
    parts = function.split(":")
    region = parts[3] if function.startswith("arn:") else connection.region
    if region != connection.region:
        yield error(
            name,
            f"it is in {region}, but the job is in {connection.region}",
            f"use a function in {connection.region}, or pass --region {region}",
        )
        return
    qualifier = split_function(function)[1].partition(":")[2]
    if qualifier in ("", "$LATEST"):
        yield warning(
            name,
            "it has no version or alias: a deployment during the job changes the code of its tasks",
            f"publish a version, and write for example {short.partition(':')[0]}:1",
        )
    try:
        client = connection.client("lambda")
        configuration = client.get_function_configuration(FunctionName=function)
    except Exception as problem:
        yield unanswered(
            name,
            problem,
            permission="lambda:GetFunctionConfiguration",
            missing=f"it does not exist in {connection.region}",
        )
        return
    if configuration.get("DurableConfig") and not qualifier:
        yield error(
            name,
            "it is a durable function: Lambda invokes it only by a version or an alias",
            f"add one, as in {short}:1",
        )
    yield check_state(name, configuration)


# ---------------------------------------------------------------- manifest


def _check_manifest(
    connection: Connection, manifest: dict[str, Any], found: Found
) -> Iterator[Check]:
    given = manifest["Location"]
    item = ManifestLocation.model_validate({"ETag": "unknown", **given}).object
    name = f"manifest s3://{item.bucket}/{item.key}"
    s3 = connection.client("s3")
    version = {} if item.version_id is None else {"VersionId": item.version_id}
    try:
        head = s3.head_object(Bucket=item.bucket, Key=item.key, **version)
    except Exception as problem:
        yield unanswered(name, problem, permission="s3:GetObject", missing="it does not exist")
        return
    found.etag = etag = head["ETag"].strip('"')
    problems = [*_problems_of(head, manifest, etag)]
    for message, remedy in problems:
        yield error(name, message, remedy)
    yield from _check_region(s3, name, item.bucket, connection.region)
    if not problems:
        yield ok(name, f"{head['ContentLength']:,} bytes, ETag {etag}")


def _problems_of(
    head: dict[str, Any], manifest: dict[str, Any], etag: str
) -> Iterator[tuple[str, str]]:
    expected = manifest["Location"].get("ETag")
    if expected is not None and expected != etag:
        yield (
            f"its ETag is {etag}, but the request has {expected}: the job would fail",
            "check what has changed, and remove ETag from the job file",
        )
    encryption = str(head.get("ServerSideEncryption", ""))
    if encryption.startswith("aws:kms") and manifest["Spec"]["Format"] == MANIFEST_FORMAT:
        yield (
            f"it is encrypted with {encryption}, and S3 cannot read such a manifest",
            "upload it with SSE-S3: --sse AES256 of 'aws s3 cp'",
        )
    if head["ContentLength"] == 0:
        yield "it is empty", "add a line for each object"


# ---------------------------------------------------------------- buckets


def _check_bucket(connection: Connection, name: str, arn: str) -> Iterator[Check]:
    s3 = connection.client("s3")
    bucket = bucket_name(arn)
    try:
        s3.head_bucket(Bucket=bucket)
    except Exception as problem:
        yield unanswered(name, problem, permission="s3:ListBucket", missing="it does not exist")
        return
    different = [*_check_region(s3, name, bucket, connection.region)]
    yield from different or [ok(name, f"it exists, in {connection.region}")]


def _check_region(s3: Any, name: str, bucket: str, own: str) -> Iterator[Check]:
    """Check that a bucket is in the Region of the job, if its Region can be read."""
    try:
        head = s3.head_bucket(Bucket=bucket)
    except Exception:
        return
    headers = head["ResponseMetadata"]["HTTPHeaders"]
    region = head.get("BucketRegion") or headers.get("x-amz-bucket-region")
    if region and region != own:
        yield error(
            name,
            f"its bucket is in {region}, but the job is in {own}",
            f"use a bucket in {own}, or pass --region {region}",
        )


def _check_report_bucket(connection: Connection, name: str, arn: str) -> Iterator[Check]:
    checks = [*_check_bucket(connection, name, arn)]
    yield from checks
    if checks[0].status is CheckStatus.SKIPPED:
        return
    s3 = connection.client("s3")
    try:
        lock = s3.get_object_lock_configuration(Bucket=bucket_name(arn))
    except Exception as problem:
        aws = AwsError.from_exception(problem)
        if aws is not None and aws.code in _WITHOUT_LOCK:
            return
        permission = "s3:GetBucketObjectLockConfiguration"
        yield unanswered(f"Object Lock of {name}", problem, permission=permission)
        return
    rule = lock.get("ObjectLockConfiguration", {}).get("Rule", {})
    if rule.get("DefaultRetention"):
        yield error(
            name,
            "it has a default retention (Object Lock), so S3 cannot write the report",
            "use a bucket without default retention",
        )


_WITHOUT_LOCK: Final = {"ObjectLockConfigurationNotFoundError", "NoSuchBucket", "404"}


# ---------------------------------------------------------------- requests that failed


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
