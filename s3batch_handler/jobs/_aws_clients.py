"""The one door to boto3: everybody else is handed a client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from s3batch_handler.core._model import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator


def create_session(*, profile: str | None = None, region: str | None = None) -> boto3.Session:
    """Find credentials and Region as the AWS CLI does: in profiles and environment variables."""
    # boto3 itself knows AWS_DEFAULT_REGION only.
    return boto3.Session(
        profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None
    )


def s3_client(session: boto3.Session | None = None, *, endpoint_url: str | None = None) -> Any:
    """Make an S3 client, by default configured as for the AWS CLI.

    Without any Region it is ``us-east-1``. An endpoint that cannot be reached is told of after
    seconds, not minutes.
    """
    return _client("s3", session, endpoint_url=endpoint_url)


def local_s3_client(access_key_id: str, *, endpoint_url: str | None = None) -> Any:
    """Make a client of an S3 of ours on this machine: no proxy lies between.

    Of the credentials such an S3 looks at the access key's id, if at anything: the secret is the
    same.
    """
    credentials = boto3.Session(access_key_id, access_key_id)
    return _client("s3", credentials, endpoint_url=endpoint_url, proxies={})


def s3control_client(
    session: boto3.Session | None = None, *, endpoint_url: str | None = None, **options: Any
) -> Any:
    """Make an S3 Control client, configured as :func:`s3_client` is.

    The plain client puts the account id before the host, even before that of an endpoint which it
    was given: ``http://123456789012.127.0.0.1:5000`` leads nowhere. This one leaves the host as it
    is unless it is AWS's; the account id is in a header as well. ``options`` are botocore's, such
    as :func:`without_retries`.
    """
    client = _client("s3control", session, endpoint_url=endpoint_url, **options)
    client.meta.events.register("before-sign.s3-control", _without_account_in_host)
    return client


def lambda_client(*, region: str | None, read_timeout: float, connections: int) -> Any:
    """Make a Lambda client, configured as :func:`s3_client` is, that asks once and waits long.

    Args:
        region: ``None`` for the one of the configuration.
        read_timeout: Seconds to wait for an answer: a call lasts as long as the function does.
        connections: Calls at a time.
    """
    return _client(
        "lambda",
        boto3.Session(region_name=region),
        endpoint_url=None,
        **without_retries(read_timeout=read_timeout),
        max_pool_connections=connections,
        tcp_keepalive=True,  # or a firewall in between drops the silent connection
    )


def without_retries(*, read_timeout: float) -> dict[str, Any]:
    """Return options of a client for a caller that repeats failed requests itself.

    With botocore's own retries a request to a server that does not answer takes minutes.
    """
    return {
        "read_timeout": read_timeout,
        "retries": {"mode": "standard", "total_max_attempts": 1},
    }


def account_id(
    session: boto3.Session | None = None, *, endpoint_url: str | None = None, **options: Any
) -> str:
    """Ask STS whose credentials these are."""
    sts = _client("sts", session, endpoint_url=endpoint_url, **options)
    account: str | None = sts.get_caller_identity().get("Account")
    if account is None:  # for example the response of a proxy
        raise ConnectionError("the response to GetCallerIdentity does not contain an account")
    return account


def describe_stack(
    name: str, session: boto3.Session | None = None, *, endpoint_url: str | None = None
) -> tuple[str, dict[str, str]]:
    """Ask CloudFormation for the status and the outputs of a stack, named by its name or ARN."""
    cloudformation = _client("cloudformation", session, endpoint_url=endpoint_url)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    return stack["StackStatus"], outputs


def function_configuration(
    name: str, session: boto3.Session | None = None, *, endpoint_url: str | None = None
) -> dict[str, Any]:
    """Request the configuration of a function, once, and with a short timeout."""
    client = _client(
        "lambda", session, endpoint_url=endpoint_url, **without_retries(read_timeout=10)
    )
    configuration: dict[str, Any] = client.get_function_configuration(FunctionName=name)
    return configuration


def is_aws_endpoint(s3control: Any) -> bool:
    """Tell whether an S3 Control client talks to AWS itself, and to nothing in its place."""
    host: str = urlsplit(s3control.meta.endpoint_url).netloc
    return host.startswith(_AWS_HOSTS)


def _without_account_in_host(request: Any, **_: Any) -> None:
    url = urlsplit(request.url)
    account, _dot, host = url.netloc.partition(".")
    if account == request.headers.get("x-amz-account-id") and not host.startswith(_AWS_HOSTS):
        request.url = url._replace(netloc=host).geturl()


# What S3 Control's own hosts begin with, in every partition, and those of VPC endpoints for it.
_AWS_HOSTS: Final = ("s3-control.", "s3-control-fips.", "control.vpce-")


def _client(
    service: Any,
    session: boto3.Session | None,
    *,
    endpoint_url: str | None,
    **options: Any,
) -> Any:
    session = session or create_session()
    defaults = {
        "connect_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": 3},
    }
    config = Config(**{**defaults, **options})
    return session.client(
        service,
        endpoint_url=endpoint_url,
        region_name=session.region_name or "us-east-1",
        config=config,
    )


def list_objects(
    s3: Any, bucket: str, prefix: str = "", *, version_ids: bool = False
) -> Iterator[ObjectRef]:
    """Give the latest version of each object whose key begins with ``prefix``, page by page.

    Args:
        s3: An S3 client.
        bucket: Its name.
        prefix: What keys begin with.
        version_ids: Give the ids of these versions as well: ``"null"`` for one from before
            versioning was on. All older versions are listed on the way, and the right to do so is
            ``s3:ListBucketVersions``.
    """
    if version_ids:
        method, member = "list_object_versions", "Versions"
    else:
        method, member = "list_objects_v2", "Contents"
    for page in s3.get_paginator(method).paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get(member, ()):
            if item.get("IsLatest", True):
                yield ObjectRef.from_valid(
                    {"bucket": bucket, "key": item["Key"], "version_id": item.get("VersionId")}
                )
