"""Real clients and servers that fail."""

from __future__ import annotations

import datetime as dt
import http.client
import http.server
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import boto3
import boto3.exceptions
import boto3.s3.transfer
import pytest
import requests
import s3transfer.exceptions
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from s3batch_handler.core._error_text import describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from s3batch_handler.core._model import ResultCode
from tests.support.exceptions import (
    CUT_SHORT,
    PERMANENT,
    SLOW_DOWN,
    TEMPORARY,
    chain,
    code_of,
    loopback,
    ok,
    raised,
    s3,
)
from tests.support.lambda_server import closed_port


def read_all(url: str, timeout: float) -> bytes:
    body: bytes = s3(url, timeout=timeout).get_object(Bucket="b", Key="k")["Body"].read()
    return body


def plain_http(url: str, timeout: float) -> bytes:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


CLIENTS: dict[str, Callable[[str, float], object]] = {
    "botocore": read_all,
    "urllib3": lambda url, limit: urllib3.request("GET", url, timeout=limit, retries=False).data,
    "urllib3 with retries": lambda url, limit: (
        urllib3.request("GET", url, timeout=limit, retries=urllib3.Retry(1, backoff_factor=0)).data
    ),
    "requests": lambda url, limit: requests.get(url, timeout=limit).content,
    "urllib": lambda url, limit: urllib.request.urlopen(url, timeout=limit).read(),
    "http.client": plain_http,
}


def test_server_that_never_answers(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with loopback(None) as url:
                error = raised(lambda: get(url, 0.2))

            assert code_of(error) is TEMPORARY, describe(error)


def test_server_that_closes_the_connection(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with loopback(b"") as url:
                error = raised(lambda: get(url, 30))

            assert code_of(error) is TEMPORARY, describe(error)


def test_server_that_closes_the_connection_during_the_response(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with loopback(CUT_SHORT) as url:
                error = raised(lambda: get(url, 30))

            assert code_of(error) is TEMPORARY, describe(error)


DAMAGED = [
    b"\x00\x01garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
]


def test_damaged_response(subtests: pytest.Subtests) -> None:
    for answer in DAMAGED:
        for client, get in CLIENTS.items():
            with subtests.test(answer=answer, client=client):
                with loopback(answer) as url:
                    error = raised(lambda: get(url, 30))

                assert code_of(error) is TEMPORARY, describe(error)


@pytest.mark.parametrize("client", ["requests", "urllib3"])
def test_damaged_compressed_response(client: str) -> None:
    with loopback(ok(b"abcdef").replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)) as url:
        error = raised(lambda: CLIENTS[client](url, 30))

    assert code_of(error) is TEMPORARY, describe(error)


def test_response_with_two_lengths() -> None:
    """requests raises its InvalidHeader for an error of urllib3."""
    inner = raised(lambda: urllib3.HTTPResponse(headers={"Content-Length": "1, 2"}))

    assert type(inner) is urllib3.exceptions.InvalidHeader
    assert code_of(inner) is TEMPORARY
    assert code_of(chain(requests.exceptions.InvalidHeader(), inner)) is TEMPORARY


def test_invalid_header_of_a_request() -> None:
    """requests uses one class for the headers of requests and responses."""
    error = raised(lambda: requests.get("http://127.0.0.1:1", headers={"a": "b\n\nc"}))

    assert type(error) is requests.exceptions.InvalidHeader
    assert code_of(error) is not TEMPORARY


def test_server_that_does_not_exist(subtests: pytest.Subtests) -> None:
    for client, get in CLIENTS.items():
        with subtests.test(client=client):
            with closed_port() as url:
                error = raised(lambda: get(url, 30))

            assert code_of(error) is TEMPORARY, describe(error)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS, with an untrusted certificate."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_untrusted_server(subtests: pytest.Subtests, self_signed: ssl.SSLContext) -> None:
    """A connection error whose cause is an untrusted certificate: a retry fails in the same way."""
    for client in sorted(CLIENTS.keys() - {"http.client"}):
        with subtests.test(client=client):
            with loopback(CUT_SHORT, tls=self_signed) as url:
                error = raised(lambda: CLIENTS[client](url, 30))

            assert code_of(error) is PERMANENT, describe(error)


@pytest.mark.parametrize(("status", "expected"), [(503, TEMPORARY), (404, PERMANENT)])
def test_failed_request_is_classified_by_its_status(status: int, expected: ResultCode) -> None:
    """``raise_for_status()`` of requests, and the errors of urllib."""
    reply = f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()

    with loopback(reply) as url:
        from_requests = raised(lambda: requests.get(url, timeout=30).raise_for_status())
        from_urllib = raised(lambda: urllib.request.urlopen(url, timeout=30))

    assert isinstance(from_requests, requests.HTTPError)
    assert isinstance(from_urllib, urllib.error.HTTPError)
    assert code_of(from_requests) is expected
    assert code_of(from_urllib) is expected
    from_urllib.close()


def test_misuse_is_permanent(subtests: pytest.Subtests) -> None:
    for call, expected in [
        (lambda: requests.get("nonsense"), PERMANENT),
        (lambda: requests.get("gopher://x"), PERMANENT),
        (lambda: urllib3.request("GET", "gopher://x"), PERMANENT),
        (lambda: s3("http://127.0.0.1:9").get_object(Bucket="b"), PERMANENT),
        (lambda: s3("http://127.0.0.1:9").get_object(Bucket="no such!", Key="k"), PERMANENT),
    ]:
        with subtests.test(call=call):
            assert code_of(raised(call)) is expected


def test_failed_upload_is_classified_by_its_aws_error(tmp_path: Path) -> None:
    """The text of boto3's error has the code; the cause decides, and has the request ID."""
    file = tmp_path / "a"
    file.write_bytes(b"x")

    with loopback(SLOW_DOWN) as url:
        error = raised(lambda: s3(url).upload_file(str(file), "b", "k"))

    assert isinstance(error, boto3.exceptions.S3UploadFailedError)
    assert code_of(error) is TEMPORARY
    assert describe(error) == (
        f"S3UploadFailedError: Failed to upload {file} to b/k, caused by SlowDown calling "
        "PutObject: Please reduce your request rate. (HTTP 503, request id 7QXEXAMPLE)"
    )


@pytest.mark.parametrize(
    "cls", [boto3.exceptions.RetriesExceededError, s3transfer.exceptions.RetriesExceededError]
)
def test_download_without_retries_left(cls: type[Exception]) -> None:
    """s3transfer retries only timeouts and broken streams."""
    assert code_of(cls(OSError("the last one"))) is TEMPORARY
