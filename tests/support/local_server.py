"""Requests to a server of S3 and S3 Control in this process, as bytes or with boto3."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ACCOUNT = "123456789012"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def signature(scope: str) -> str:
    """Return an ``Authorization`` header with a credential scope."""
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x"


SIGNED = {
    "Authorization": signature("x/20261121/eu-west-1/s3/aws4_request"),
    "x-amz-account-id": ACCOUNT,
}


def session() -> Any:
    return boto3.Session("testing", "testing", region_name="eu-west-1")


def send(
    url: str,
    headers: Mapping[str, str] | None = None,
    data: bytes | None = None,
    method: str = "GET",
) -> tuple[int, str]:
    """Send a request without a client of AWS; return status and body of the response."""
    request = urllib.request.Request(
        url, data, {**SIGNED, "Content-Type": "application/xml", **(headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def send_lines(address: str, lines: Iterable[str]) -> bytes:
    """Send the lines of a request; return the response with its headers."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.makefile("rb").read()
