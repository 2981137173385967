"""What ``s3batch job submit --dry-run`` checks: what the request names exists and can be used."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.doctor._check import CheckStatus, error, ok, warning
from s3batch_handler.cli.doctor._function import check_state
from s3batch_handler.cli.doctor._role import check_role
from s3batch_handler.cli.job._dry_run_manifest import Found, check_manifest_of_job
from s3batch_handler.cli.job._dry_run_requests import check_region, unanswered
from s3batch_handler.core._aws_errors import AwsError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.jobs._arns import split_function
from s3batch_handler.jobs.files._members import ACCOUNT_ID
from s3batch_handler.jobs.files._shorthands import value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check, Checker
    from s3batch_handler.cli.doctor._connection import Connection
    from s3batch_handler.cli.job._aws_services import AwsServices


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
        operation = next(iter(request["Operation"]))
        manifest = request["Manifest"]
        yield "manifest", connected(check_manifest_of_job, manifest, operation, found)
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
            f"the job is for account {account_id}, but the credentials are of account {own}",
            "check --profile and AccountId",
        )
        return
    role_account = (request["RoleArn"].split(":") + [""] * 5)[4] or own
    if role_account != account_id:
        yield error(
            "account",
            f"the role is in account {role_account}, but the job is for account {account_id}",
            "use a role in the account of the job: iam:PassRole requires it",
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


# ---------------------------------------------------------------- buckets


def _check_bucket(
    connection: Connection, name: str, arn: str, *, is_report: bool = False
) -> Iterator[Check]:
    s3 = connection.client("s3")
    bucket = bucket_name(arn)
    try:
        s3.head_bucket(Bucket=bucket)
    except Exception as problem:
        yield unanswered(name, problem, permission="s3:ListBucket", missing="it does not exist")
        return
    different = [*check_region(s3, name, bucket, connection.region, is_report=is_report)]
    yield from different or [ok(name, f"it exists, in {connection.region}")]


def _check_report_bucket(connection: Connection, name: str, arn: str) -> Iterator[Check]:
    checks = [*_check_bucket(connection, name, arn, is_report=True)]
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
