"""Exceptions of libraries that are not installed here."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import errno
import multiprocessing
import multiprocessing.pool
import ssl
from typing import TYPE_CHECKING

import pytest
import urllib3

from s3batch_handler.core._error_text import describe
from tests.support.exceptions import (
    PERMANENT,
    REMOTE_TRACEBACK,
    TEMPORARY,
    chain,
    code_of,
    foreign,
    with_attributes,
)

if TYPE_CHECKING:
    from s3batch_handler.core._model import ResultCode


def test_class_is_recognized_by_its_name(subtests: pytest.Subtests) -> None:
    """The top-level package and the class, or those of a base class."""
    for cls, expected in [
        # The bases are those of httpx 0.28 and aiohttp 3.12.
        (foreign("httpx.ConnectTimeout", "httpx.TimeoutException"), TEMPORARY),
        (foreign("httpx.ReadTimeout", "httpx.TimeoutException"), TEMPORARY),
        (foreign("httpx.PoolTimeout", "httpx.TimeoutException"), TEMPORARY),
        (foreign("httpx.ConnectError", "httpx.NetworkError"), TEMPORARY),
        (foreign("httpx.ReadError", "httpx.NetworkError"), TEMPORARY),
        (foreign("httpx.RemoteProtocolError", "httpx.ProtocolError"), TEMPORARY),
        (foreign("httpx.LocalProtocolError", "httpx.ProtocolError"), PERMANENT),
        (foreign("httpx.UnsupportedProtocol", "httpx.TransportError"), PERMANENT),
        (foreign("httpx.DecodingError", "httpx.RequestError"), TEMPORARY),
        (foreign("redis.BusyLoadingError", "redis.ConnectionError"), TEMPORARY),
        (foreign("redis.AuthenticationError", "redis.ConnectionError"), PERMANENT),
        (foreign("redis.MasterDownError", "redis.ClusterDownError"), TEMPORARY),
        (foreign("redis.ResponseError", "redis.RedisError"), None),
        (foreign("azure.ServiceRequestTimeoutError", "azure.ServiceRequestError"), TEMPORARY),
        (foreign("azure.ClientAuthenticationError", "azure.HttpResponseError"), None),
        (foreign("google.TransferStalledError", "google.GoogleAPICallError"), TEMPORARY),
        (foreign("psycopg2.DeadlockDetected", "psycopg2.OperationalError"), TEMPORARY),
        (foreign("psycopg2.UniqueViolation", "psycopg2.IntegrityError"), None),
        # The bases are those of PyMongo 4.20, SQLAlchemy 2.1, pika 1.4 and Stripe 16.1.
        (foreign("grpc.FutureTimeoutError"), TEMPORARY),
        (foreign("pyarrow.FlightUnavailableError", "pyarrow.FlightError"), TEMPORARY),
        (foreign("pymongo.AutoReconnect", "pymongo.ConnectionFailure"), TEMPORARY),
        (foreign("pymongo.WaitQueueTimeoutError", "pymongo.ConnectionFailure"), TEMPORARY),
        (foreign("pymongo.InvalidURI", "pymongo.PyMongoError"), None),
        (foreign("sqlalchemy.TimeoutError", "sqlalchemy.SQLAlchemyError"), TEMPORARY),
        (foreign("sqlalchemy.ArgumentError", "sqlalchemy.SQLAlchemyError"), None),
        (foreign("mysql.ReadTimeoutError", "mysql.Error"), TEMPORARY),
        (foreign("pika.StreamLostError", "pika.AMQPConnectionError"), TEMPORARY),
        (foreign("pika.ProbableAuthenticationError", "pika.AMQPConnectionError"), PERMANENT),
        (foreign("pika.UnroutableError", "pika.AMQPError"), None),
        (foreign("stripe.APIConnectionError", "stripe.StripeError"), TEMPORARY),
        (foreign("stripe.CardError", "stripe.StripeError"), None),
        (foreign("aiohttp.ServerDisconnectedError", "aiohttp.ClientConnectionError"), TEMPORARY),
        (foreign("aiohttp.ClientPayloadError", "aiohttp.ClientError"), TEMPORARY),
        (
            foreign("aiohttp.ClientConnectorCertificateError", "aiohttp.ClientConnectionError"),
            PERMANENT,
        ),
        (foreign("s3fs.FileExpired", base=OSError), TEMPORARY),
        (foreign("mylib.ReadTimeout"), None),
    ]:
        with subtests.test(cls=cls):
            assert code_of(cls("x")) is expected


def test_google_uses_403_for_rate_limits_too(subtests: pytest.Subtests) -> None:
    for errors, expected in [
        ([{"reason": "rateLimitExceeded"}], TEMPORARY),
        ([{"reason": "userRateLimitExceeded"}, {"message": "x"}], TEMPORARY),
        ([{"reason": "RATE_LIMIT_EXCEEDED"}], TEMPORARY),
        ([{"reason": "quotaExceeded"}], PERMANENT),
        ([{"reason": "dailyLimitExceeded"}], PERMANENT),
        ([{"reason": "rateLimitExceeded"}, {"reason": "accessDenied"}], PERMANENT),
        ([{"reason": ["rateLimitExceeded"]}], PERMANENT),
        ([], PERMANENT),
        ("rateLimitExceeded", PERMANENT),
    ]:
        with subtests.test(errors=errors):
            cloud = foreign("google.Forbidden", "google.GoogleAPICallError")
            client = foreign("googleapiclient.HttpError")

            assert code_of(with_attributes(cloud, "x", code=403, errors=errors)) is expected
            assert (
                code_of(with_attributes(client, "x", status_code=403, error_details=errors))
                is expected
            )


def test_error_of_minio(subtests: pytest.Subtests) -> None:
    """It has the code of S3 and a response of urllib3."""
    for code, status, expected in [
        ("SlowDown", 503, TEMPORARY),
        ("RequestTimeout", 400, TEMPORARY),
        ("NoSuchKey", 404, PERMANENT),
        ("XMinioServerNotInitialized", 503, TEMPORARY),
        ("XMinioInvalidObjectName", 400, PERMANENT),
        (None, 503, TEMPORARY),
        (None, None, None),
    ]:
        with subtests.test(code=code):
            cls = foreign("minio.S3Error", "minio.MinioException")
            response = type("HTTPResponse", (), {"status": status})()

            assert code_of(with_attributes(cls, "x", code=code, response=response)) is expected


UNPARSED = "Unable to parse ExceptionName:"


def test_error_of_pyarrow(subtests: pytest.Subtests) -> None:
    """It is an OSError without a number, with the error of the AWS SDK for C++ in its text."""
    for error, expected in [
        (
            "NETWORK_CONNECTION during HeadObject operation: curlCode: 7, Couldn't connect",
            TEMPORARY,
        ),
        ("NETWORK_CONNECTION during HeadObject operation: curlCode: 60, SSL peer cert", PERMANENT),
        ("SLOW_DOWN during ListObjectsV2 operation: Please reduce your request rate.", TEMPORARY),
        ("INTERNAL_FAILURE during PutObject operation: x", TEMPORARY),
        ("SERVICE_UNAVAILABLE during PutObject operation: x", TEMPORARY),
        ("THROTTLING during PutObject operation: x", TEMPORARY),
        ("UNKNOWN (HTTP status 503) during HeadObject operation: No response body.", TEMPORARY),
        ("UNKNOWN (HTTP status 400) during HeadObject operation: No response body.", PERMANENT),
        (f"UNKNOWN (HTTP status 400) during P operation: {UNPARSED} ExpiredToken", TEMPORARY),
        (f"UNKNOWN (HTTP status 503) during P operation: {UNPARSED} NoSuchKey", PERMANENT),
        ("ACCESS_DENIED during HeadObject operation: No response body.", PERMANENT),
        ("NO_SUCH_KEY during GetObject operation: x", PERMANENT),
        ("RESOURCE_NOT_FOUND during GetObject operation: x", None),
        ("[code 135] during GetObject operation: x", None),
    ]:
        with subtests.test(error=error):
            text = f"When reading information for key 'k' in bucket 'b': AWS Error {error}"

            assert code_of(OSError(text)) is expected


def test_error_of_pyarrow_about_several_requests() -> None:
    """It is temporary only if all of them are."""
    slow = "AWS Error SLOW_DOWN during UploadPart operation: x"

    assert code_of(OSError(f"{slow}, {slow}")) is TEMPORARY
    assert code_of(OSError(f"{slow}, AWS Error ACCESS_DENIED during P operation: x")) is PERMANENT


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([errno.ECONNREFUSED, errno.EHOSTUNREACH], TEMPORARY),
        ([errno.ECONNREFUSED, errno.EACCES], None),
        ([], None),
    ],
)
def test_host_with_several_addresses_in_paramiko(
    numbers: list[int], expected: ResultCode | None
) -> None:
    """The exception has no number, but a dictionary of errors by address."""
    cls = foreign("paramiko.NoValidConnectionsError", base=OSError)
    errors = {(f"10.0.0.{n}", 22): OSError(n, "x") for n in numbers}

    error = with_attributes(cls, None, "Unable to connect", errors=errors)

    assert code_of(error) is expected


def test_exception_of_another_library_is_classified_by_its_text(subtests: pytest.Subtests) -> None:
    """The library has one class for all errors."""
    for name, text, expected in [
        ("paramiko.SSHException", "Error reading SSH protocol banner", TEMPORARY),
        ("paramiko.SSHException", "Error reading SSH protocol banner[Errno 104] x", TEMPORARY),
        ("paramiko.SSHException", "Unable to connect to h: [Errno 111] refused", TEMPORARY),
        ("paramiko.SSHException", "Server 'h' not found in known_hosts", None),
        ("minio.InvalidResponseError", "non-XML response; Response code: 502, x", TEMPORARY),
        ("minio.InvalidResponseError", "non-XML response; Response code: 403, x", None),
        ("mysql.PoolError", "Failed getting connection; pool exhausted", TEMPORARY),
        ("mysql.PoolError", "Failed adding connection; queue is full", None),
        ("psycopg2.InterfaceError", "connection already closed", TEMPORARY),
        ("psycopg2.InterfaceError", "can't parse type", None),
        ("asyncpg.InterfaceError", "cannot perform operation: connection is closed", TEMPORARY),
        ("asyncpg.InterfaceError", "the server expects 1 argument, 2 were passed", None),
        ("redis.ResponseError", "BUSY Redis is busy running a script.", TEMPORARY),
        ("redis.ResponseError", "NOREPLICAS Not enough good replicas to write.", TEMPORARY),
        ("redis.ResponseError", "BUSYGROUP Consumer Group name already exists", None),
        ("redis.ResponseError", "WRONGTYPE Operation against a key", None),
        ("redis.LockError", "Unable to acquire lock within the time specified", TEMPORARY),
        ("redis.LockError", "Cannot release an unlocked lock", None),
        ("pika.IncompatibleProtocolError", "StreamLostError: ('Stream lost',)", TEMPORARY),
        ("pika.IncompatibleProtocolError", "ProtocolVersionMismatch: (0, 8)", None),
    ]:
        with subtests.test(name=name):
            assert code_of(foreign(name)(text)) is expected


def test_untrusted_certificate_in_a_text() -> None:
    """PyMongo does not keep the exception."""
    cls = foreign("pymongo.ServerSelectionTimeoutError", "pymongo.ConnectionFailure")

    error = cls("h:27017: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")

    assert code_of(error) is PERMANENT


def test_response_that_aiohttp_cannot_parse() -> None:
    """aiohttp gives it status 400, but no headers, because the server did not send that."""
    outer = foreign("aiohttp.ClientResponseError", "aiohttp.ClientError")("400, Bad status line")
    outer.status, outer.headers = 400, None  # type: ignore[attr-defined]
    parser = foreign("aiohttp.HttpProcessingError")
    inner = type("BadStatusLine", (parser,), {"__module__": "aiohttp.http_exceptions"})("x")

    assert code_of(chain(outer, inner)) is TEMPORARY


@pytest.mark.parametrize(("status", "expected"), [(503, TEMPORARY), (404, PERMANENT)])
def test_status_of_google_cloud(status: int, expected: ResultCode) -> None:
    """An error of gRPC has neither a response nor headers."""
    error = foreign("google.SomeError", "google.GoogleAPICallError")(f"{status} x")
    error.code, error.response = status, None  # type: ignore[attr-defined]

    assert code_of(error) is expected


@pytest.mark.parametrize(
    ("inner", "expected"),
    [(ConnectionRefusedError(), TEMPORARY), (ssl.SSLCertVerificationError(), PERMANENT)],
)
def test_failed_request_of_azure(inner: Exception, expected: ResultCode) -> None:
    """azure-core raises it outside of the except block, and keeps the cause in an attribute."""
    error = foreign("azure.ServiceRequestError", "azure.AzureError")("x")
    error.inner_exception = inner  # type: ignore[attr-defined]

    assert code_of(error) is expected


def test_cause_of_an_exception_from_another_process() -> None:
    """A process pool replaces the chain with the text of a traceback."""
    untrusted = ssl.SSLCertVerificationError()
    error = urllib3.exceptions.MaxRetryError(None, "/", untrusted)  # type: ignore[arg-type]
    error.__cause__ = REMOTE_TRACEBACK

    assert code_of(error) is PERMANENT


def test_cause_of_an_exception_of_sqlalchemy_from_another_process() -> None:
    """Its ``orig`` is the exception of the driver."""
    error = foreign("sqlalchemy.OperationalError", "sqlalchemy.DBAPIError")("x")
    error.orig = foreign("pymysql.OperationalError", "pymysql.Error")(2013, "x")  # type: ignore[attr-defined]
    error.__cause__ = REMOTE_TRACEBACK

    assert code_of(error) is TEMPORARY


def test_task_failure_from_another_process(subtests: pytest.Subtests) -> None:
    """The traceback of a process pool quotes its cause."""
    for kind in [
        vars(multiprocessing.pool)["RemoteTraceback"],
        concurrent.futures.process._RemoteTraceback,
    ]:
        for quoted, expected in [
            (
                "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling",
                TEMPORARY,
            ),
            (
                "botocore.exceptions.ClientError: An error occurred (NoSuchKey) when calling",
                PERMANENT,
            ),
            ("ConnectionResetError: [Errno 104] Connection reset by peer", TEMPORARY),
            ("ZeroDivisionError: division by zero", None),
        ]:
            with subtests.test(kind=kind, quoted=quoted):
                error = ValueError("cannot copy")
                error.__cause__ = kind(
                    f"{'  File …' * 1000}\n{quoted} CopyObject\n\nValueError: cannot copy\n"
                )

                assert code_of(error) is expected


def test_connection_error_of_httpx_for_a_certificate() -> None:
    """httpx has one class for all failures to connect, and httpcore suppresses the context."""
    inner = foreign("httpcore.ConnectError", "httpcore.NetworkError")("x")
    inner.__context__ = ssl.SSLCertVerificationError(1, "x")
    inner.__suppress_context__ = True
    error = chain(foreign("httpx.ConnectError", "httpx.NetworkError")("x"), inner)

    assert code_of(error) is PERMANENT


@pytest.mark.parametrize(("status", "expected"), [(502, TEMPORARY), (403, PERMANENT)])
def test_status_of_httpx_and_aiohttp(status: int, expected: ResultCode) -> None:
    class Response:
        status_code = status

    of_httpx = foreign("httpx.HTTPStatusError")("x")
    of_httpx.response = Response()  # type: ignore[attr-defined]
    of_aiohttp = foreign("aiohttp.ClientResponseError", "aiohttp.ClientError")("x")
    of_aiohttp.status, of_aiohttp.headers = status, {}  # type: ignore[attr-defined]

    assert code_of(of_httpx) is expected
    assert code_of(of_aiohttp) is expected


def test_number_that_is_not_an_http_status() -> None:
    """Many exceptions have a ``code``; it counts only if there are headers, too."""
    error = RuntimeError()
    error.code = 404  # type: ignore[attr-defined]

    assert code_of(error) is None


def test_attribute_that_raises_is_ignored() -> None:
    """httpx raises an error if an exception has no request."""

    class HostileError(Exception):
        @property
        def response(self) -> object:
            raise RuntimeError("none was set")

        headers = code = status = response

    assert code_of(HostileError()) is None
    assert describe(HostileError("x")) == "HostileError: x"
