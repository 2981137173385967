"""Clients of AWS, and simple requests. Only this module imports boto3."""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.session import get_session

from s3batch_handler.jobs._boto3_waiters import add_waiters_and_paginators


def create_session(*, profile: str | None = None, region: str | None = None) -> boto3.Session:
    """Find credentials and Region as the AWS CLI does: in profiles and environment variables."""
    # boto3 itself reads AWS_DEFAULT_REGION only.
    return boto3.Session(
        profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None
    )


def profiles() -> list[str]:
    """Return the names of the profiles in the files of the AWS CLI."""
    names: list[str] = get_session().available_profiles
    return names


def s3_client(
    session: boto3.Session | None = None, *, endpoint_url: str | None = None, **options: Any
) -> Any:
    """Create an S3 client, by default with the configuration of the AWS CLI.

    The default Region is ``us-east-1``. The client reports an endpoint that cannot be reached after
    seconds, not minutes. ``options`` are botocore's, such as ``max_pool_connections``.
    """
    return aws_client("s3", session, endpoint_url=endpoint_url, **options)


def local_s3_client(access_key_id: str, *, endpoint_url: str | None = None, **options: Any) -> Any:
    """Create a client for an S3 of this package on this machine, without a proxy.

    Such an S3 checks only the access key ID, so the secret has the same value. ``options`` are
    botocore's, such as ``max_pool_connections``.
    """
    credentials = boto3.Session(access_key_id, access_key_id)
    return aws_client("s3", credentials, endpoint_url=endpoint_url, proxies={}, **options)


def s3control_client(
    session: boto3.Session | None = None, *, endpoint_url: str | None = None, **options: Any
) -> Any:
    """Create an S3 Control client, configured like :func:`s3_client`.

    boto3's client prefixes the host with the account ID, even the host of another endpoint:
    ``http://123456789012.127.0.0.1:5000``. This client does so only for AWS's hosts. The account ID
    is in a header, too. ``options`` are botocore's, such as :func:`without_retries`.

    botocore has no waiter for jobs and no paginator of ListJobs. This client has them: the waiters
    ``job_complete`` and ``job_succeeded``, and the paginator ``list_jobs``. So have all clients of
    S3 Control that ``session`` creates afterwards.
    """
    session = session or create_session()
    add_waiters_and_paginators(session.events)
    client = aws_client("s3control", session, endpoint_url=endpoint_url, **options)
    client.meta.events.register("before-sign.s3-control", _without_account_in_host)
    return client


def local_s3control_client(access_key_id: str, *, endpoint_url: str, region: str) -> Any:
    """Create an S3 Control client for a server of this package, as :func:`local_s3_client`."""
    credentials = boto3.Session(access_key_id, access_key_id, region_name=region)
    return s3control_client(credentials, endpoint_url=endpoint_url, proxies={})


def lambda_client(
    *, region: str | None, profile: str | None = None, read_timeout: float, connections: int
) -> Any:
    """Create a Lambda client without retries, configured like :func:`s3_client`.

    Args:
        region: The Region; ``None`` for the Region of the configuration.
        profile: The profile with the credentials; ``None`` for those of the configuration.
        read_timeout: Seconds to wait for a response, which takes as long as the function.
        connections: The number of parallel calls.
    """
    return aws_client(
        "lambda",
        boto3.Session(region_name=region, profile_name=profile),
        endpoint_url=None,
        **without_retries(read_timeout=read_timeout),
        max_pool_connections=connections,
        tcp_keepalive=True,  # a firewall may drop a connection without traffic
    )


def without_retries(*, read_timeout: float) -> dict[str, Any]:
    """Return client options for a caller that repeats failed requests itself.

    With botocore's own retries a request to a server that does not answer takes minutes.
    """
    retries = {"mode": "standard", "total_max_attempts": 1}
    return {"read_timeout": read_timeout, "retries": retries}


def account_id(
    session: boto3.Session | None = None, *, endpoint_url: str | None = None, **options: Any
) -> str:
    """Return the account ID of the credentials, as STS returns it."""
    sts = aws_client("sts", session, endpoint_url=endpoint_url, **options)
    account: str | None = sts.get_caller_identity().get("Account")
    if account is None:  # for example the response of a proxy
        raise ConnectionError("the response to GetCallerIdentity does not contain an account")
    return account


def describe_stack(
    name: str, session: boto3.Session | None = None, *, endpoint_url: str | None = None
) -> tuple[str, dict[str, str]]:
    """Return the status and the outputs of a CloudFormation stack, given its name or ARN."""
    cloudformation = aws_client("cloudformation", session, endpoint_url=endpoint_url)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    return stack["StackStatus"], outputs


def stack_parameters(
    name: str, session: boto3.Session | None = None, *, endpoint_url: str | None = None
) -> dict[str, str]:
    """Return the parameters of a CloudFormation stack, given its name or ARN."""
    cloudformation = aws_client("cloudformation", session, endpoint_url=endpoint_url)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {
        parameter["ParameterKey"]: parameter["ParameterValue"]
        for parameter in stack.get("Parameters", ())
        if "ParameterValue" in parameter
    }


def function_configuration(
    name: str, session: boto3.Session | None = None, *, endpoint_url: str | None = None
) -> dict[str, Any]:
    """Return the configuration of a function, with one request and a short timeout."""
    client = aws_client(
        "lambda", session, endpoint_url=endpoint_url, **without_retries(read_timeout=10)
    )
    configuration: dict[str, Any] = client.get_function_configuration(FunctionName=name)
    return configuration


def is_aws_endpoint(s3control: Any) -> bool:
    """Return whether an S3 Control client sends its requests to AWS."""
    host: str = urlsplit(s3control.meta.endpoint_url).netloc
    return host.startswith(_AWS_HOSTS)


def _without_account_in_host(request: Any, **_: Any) -> None:
    url = urlsplit(request.url)
    account, _dot, host = url.netloc.partition(".")
    if account == request.headers.get("x-amz-account-id") and not host.startswith(_AWS_HOSTS):
        request.url = url._replace(netloc=host).geturl()


# The beginning of S3 Control's hosts, in every partition, and of its VPC endpoints.
_AWS_HOSTS: Final = ("s3-control.", "s3-control-fips.", "control.vpce-")


def aws_client(
    service: Any,
    session: boto3.Session | None,
    *,
    endpoint_url: str | None,
    ca_bundle: str | None = None,
    **options: Any,
) -> Any:
    """Create a client of any service, configured like :func:`s3_client`.

    ``ca_bundle`` is a file of certificates; ``None`` for that of the configuration. ``options`` are
    botocore's, such as :func:`without_retries`.
    """
    session = session or create_session()
    retries = {"mode": "standard", "total_max_attempts": 3}
    return session.client(
        service,
        endpoint_url=endpoint_url,
        region_name=session.region_name or "us-east-1",
        verify=ca_bundle,
        config=Config(**{"connect_timeout": 5, "retries": retries, **options}),
    )
