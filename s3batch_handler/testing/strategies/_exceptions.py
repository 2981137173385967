"""Hypothesis strategies for the exceptions that functions raise."""

from __future__ import annotations

import concurrent.futures
import errno
import json
import os
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from s3batch_handler.core._errors import PermanentFailure, TemporaryFailure

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def exceptions() -> SearchStrategy[Exception]:
    """Generate exceptions as functions raise them.

    They include botocore's errors with the codes that S3 and other services send (if botocore is
    installed), timeouts, lost connections, errors of the standard library, users' own classes,
    this library's failures, exceptions with a cause, and groups.
    """
    single = st.one_of(
        _library_failures(), _STANDARD, _OWN, _NETWORK, _client_errors(), _botocore()
    )
    return single | st.builds(_raised_from, single, single) | _groups(single)


_MESSAGES: Final = st.text(max_size=40) | st.sampled_from(
    ["not a photo", "line\nbreak", "x" * 3000]
)


def _library_failures() -> SearchStrategy[Exception]:
    return st.one_of(
        st.builds(TemporaryFailure, _MESSAGES),
        st.builds(PermanentFailure, _MESSAGES),
        st.sampled_from([TemporaryFailure, PermanentFailure]).map(lambda kind: kind()),
    )


class _InvalidPhoto(Exception):
    """An error of a user's own, with any arguments."""


class _UnavailableService(RuntimeError):
    """An error of a user's own, with attributes."""

    def __init__(self, service: str, attempts: int) -> None:
        super().__init__(f"{service} failed {attempts} times")
        self.service = service
        self.attempts = attempts


_ARGUMENTS: Final = st.lists(
    st.none() | st.integers() | st.text(max_size=10) | st.binary(max_size=10), max_size=3
)
_OWN: Final = st.one_of(
    _ARGUMENTS.map(lambda arguments: _InvalidPhoto(*arguments)),
    st.builds(_UnavailableService, st.text(max_size=10), st.integers(0, 9)),
)
_STANDARD: Final = st.one_of(
    st.builds(
        lambda kind, message: kind(message),
        st.sampled_from(
            [ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError, LookupError,
             ZeroDivisionError, AssertionError, MemoryError, RecursionError, NotImplementedError,
             EOFError, StopIteration, ImportError, ModuleNotFoundError]
        ),
        _MESSAGES,
    ),
    st.builds(UnicodeDecodeError, st.just("utf-8"), st.just(b"\xff"), st.just(0), st.just(1),
              st.just("invalid start byte")),
    st.builds(json.JSONDecodeError, st.just("Expecting value"), st.text(max_size=5), st.just(0)),
)  # fmt: skip


def _os_error(number: int, name: str | None) -> OSError:
    return OSError(number, os.strerror(number), name)


_NETWORK: Final = st.one_of(
    st.builds(
        _os_error,
        st.sampled_from(
            [errno.ECONNRESET, errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EPIPE, errno.EHOSTUNREACH,
             errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EMFILE, errno.EIO]
        ),
        st.none() | st.just("photo.jpg"),
    ),
    st.builds(TimeoutError),
    st.just("timed out").map(socket.timeout),
    st.builds(concurrent.futures.TimeoutError),
    st.just("Name or service not known").map(lambda text: socket.gaierror(socket.EAI_NONAME, text)),
    st.just("EOF").map(ConnectionAbortedError),
)  # fmt: skip

CLIENT_ERROR_CODES: Final = {
    "SlowDown": 503, "ServiceUnavailable": 503, "InternalError": 500, "RequestTimeout": 400,
    "RequestTimeTooSkewed": 403, "ThrottlingException": 400, "Throttling": 400,
    "TooManyRequestsException": 429, "ProvisionedThroughputExceededException": 400,
    "RequestLimitExceeded": 503, "OperationAborted": 409, "NoSuchKey": 404, "NoSuchBucket": 404,
    "NoSuchVersion": 404, "404": 404, "AccessDenied": 403, "403": 403, "InvalidObjectState": 403,
    "PreconditionFailed": 412, "ExpiredToken": 400, "InvalidAccessKeyId": 403,
    "SignatureDoesNotMatch": 403, "EntityTooLarge": 400, "InvalidRequest": 400,
    "KeyTooLongError": 400,
    "InvalidBucketName": 400, "PermanentRedirect": 301, "MethodNotAllowed": 405,
    "KMS.ThrottlingException": 400, "KMS.DisabledException": 400, "ResourceNotFoundException": 400,
    "ConditionalCheckFailedException": 400, "ValidationException": 400, "NotImplemented": 501,
}  # fmt: skip
"""Error codes of S3 and of other services, with the HTTP status that comes with them."""


def _client_errors() -> SearchStrategy[Exception]:
    """Generate botocore's ``ClientError`` with real codes, if botocore is installed."""
    if find_spec("botocore") is None:
        return st.nothing()
    from botocore.exceptions import ClientError

    def client_error(code: str, operation: str, message: str, request_id: str | None) -> Exception:
        metadata: dict[str, Any] = {"HTTPStatusCode": CLIENT_ERROR_CODES[code], "RetryAttempts": 4}
        if request_id:
            metadata["RequestId"] = request_id
        response: Any = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": metadata,
        }
        return ClientError(response, operation)

    return st.builds(
        client_error,
        st.sampled_from(list(CLIENT_ERROR_CODES)),
        st.sampled_from(["GetObject", "PutObject", "HeadObject", "CopyObject", "PutItem"]),
        st.sampled_from(["", "Please reduce your request rate.", "Access Denied"]),
        st.none() | st.just("7QXEXAMPLE"),
    )


def _botocore() -> SearchStrategy[Exception]:
    """Generate botocore's errors of connections and settings, if botocore is installed."""
    if find_spec("botocore") is None:
        return st.nothing()
    from botocore import exceptions as botocore

    url, cause = "https://photos.s3.amazonaws.com/a", OSError("reset")
    makers: list[Any] = [
        lambda: botocore.ReadTimeoutError(endpoint_url=url, error=cause),
        lambda: botocore.ConnectTimeoutError(endpoint_url=url, error=cause),
        lambda: botocore.EndpointConnectionError(endpoint_url=url, error=cause),
        lambda: botocore.ConnectionClosedError(endpoint_url=url, error=cause),
        lambda: botocore.SSLError(endpoint_url=url, error=cause),
        lambda: botocore.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        lambda: botocore.ResponseStreamingError(error=cause),
        botocore.NoCredentialsError,
        botocore.NoRegionError,
        lambda: botocore.ParamValidationError(report="Missing required parameter"),
    ]
    return st.sampled_from(makers).map(lambda make: make())


def _raised_from(outer: Exception, cause: Exception) -> Exception:
    if outer is not cause:
        outer.__cause__ = cause
    return outer


def _groups(single: SearchStrategy[Exception]) -> SearchStrategy[Exception]:
    return st.recursive(
        st.builds(ExceptionGroup, _GROUP_MESSAGES, st.lists(single, min_size=1, max_size=3)),
        lambda inner: st.builds(
            ExceptionGroup, _GROUP_MESSAGES, st.lists(single | inner, min_size=1, max_size=2)
        ),
        max_leaves=2,
    )


_GROUP_MESSAGES: Final = st.just("several tasks failed")
