"""Credentials, Region and endpoints."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.doctor._check import cannot_tell, error, ok, warning
from s3batch_handler.cli.doctor._connection import EXPIRED, INVALID
from s3batch_handler.core._aws_errors import aws_error_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._connection import Connection


def check_credentials(connection: Connection, *, needed: bool) -> Iterator[Check]:
    """Check that there are credentials, and that AWS accepts them.

    Args:
        connection: Its credentials are checked.
        needed: Without credentials other checks get no response.
    """
    name = "credentials"
    try:
        credentials = connection.session.get_credentials()
        keys = credentials and credentials.get_frozen_credentials()
    except ModuleNotFoundError:  # boto3 is missing
        raise
    except Exception as problem:
        yield _refused(name, problem, "")
        return
    if not keys or not keys.access_key:
        yield (error if needed else warning)(
            name,
            "none found; jobs on this machine (s3batch run --source) need none",
            "run 'aws configure' or 'aws sso login', or set AWS_PROFILE",
        )
        return
    key = _shortened(keys.access_key)
    try:
        identity = connection.client("sts").get_caller_identity()
    except Exception as problem:
        yield _refused(name, problem, key)
        return
    yield ok(name, f"{identity.get('Arn', 'unknown')} ({key} from {credentials.method})")


def _refused(name: str, problem: Exception, key: str) -> Check:
    code = aws_error_code(problem) or type(problem).__name__
    of_key = f" {key}" if key else ""
    if code in EXPIRED:
        return error(name, f"{code}: the credentials{of_key} have expired", _RENEW)
    if code in INVALID:
        return error(name, f"{code}: AWS does not accept the credentials{of_key}", _REPLACE)
    if code == "ProfileNotFound":
        return error(name, error_line(problem), "check --profile and AWS_PROFILE")
    return cannot_tell(name, error_line(problem), "check the network, the proxy and the endpoint")


_RENEW: Final = "run 'aws sso login', or request new temporary credentials"
_REPLACE: Final = "check the keys in the profile or in the environment, and the clock"


def _shortened(access_key: str) -> str:
    """Return enough of an access key ID to recognize it: ``AKIA…WXYZ``."""
    return f"{access_key[:4]}…{access_key[-4:]}" if len(access_key) >= 16 else "a short key"


# ---------------------------------------------------------------- Region


def check_region(connection: Connection) -> Iterator[Check]:
    """Check that a Region is configured: a job, its function and its objects are in one Region."""
    name = "Region"
    region = connection.session.region_name
    if region is None:
        yield warning(
            name, "none is configured, so us-east-1 is used", "set AWS_REGION, or pass --region"
        )
    elif not _REGION.fullmatch(region):
        yield error(name, f"{region} is not a Region", "set AWS_REGION, as in eu-west-1")
    else:
        yield ok(name, region)


_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")

# ---------------------------------------------------------------- endpoints


def endpoints(option: str | None, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the endpoints other than AWS's, by the option or variable that names them."""
    found = {"--endpoint-url": option} if option else {}
    for name in sorted(variables):
        if name.startswith("AWS_ENDPOINT_URL") and variables[name]:
            found[name] = variables[name]
    return found


def check_endpoint(name: str, url: str) -> Iterator[Check]:
    """Check that something listens at an endpoint."""
    address: tuple[str, int] | None = None
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        if parts.hostname and port:
            address = (parts.hostname, port)
    except ValueError:
        pass
    if address is None:
        yield error(name, "its value is not a URL", "write http://host:port")
        return
    place = f"{parts.scheme}://{address[0]}:{address[1]}"  # without a user and a password
    try:
        socket.create_connection(address, timeout=_TIMEOUT).close()
    except OSError as problem:
        yield error(
            name,
            f"no server responds at {place}: {_reason(problem)}",
            "start the server, such as s3batch serve, or remove the setting",
        )
        return
    yield ok(name, f"{place} responds")


def _reason(problem: OSError) -> Any:
    return problem.strerror or problem


_PORTS: Final = {"http": 80, "https": 443}
_TIMEOUT: Final = 5.0
