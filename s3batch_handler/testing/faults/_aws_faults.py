"""Faults of AWS that are injected into calls of boto3, with the result codes that they allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions as botocore
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.testing.faults._aws_calls import Call

TEMPORARY: Final = ("TemporaryFailure",)
FAILURE: Final = ("TemporaryFailure", "PermanentFailure")


@dataclass(frozen=True)
class AwsFault:
    """A fault of AWS.

    Attributes:
        name: Its name in reports and in ``without=``.
        expected: The result codes that do not lose the object.
        error: Creates the exception that a call raises.
        applies_to: Returns whether AWS can respond to a call in this way.
    """

    name: str
    expected: tuple[str, ...]
    error: Callable[[Call], Exception]
    applies_to: Callable[[Call], bool] = lambda _: True


def _refused(code: str, status: int, message: str) -> Callable[[Call], Exception]:
    """Return a function that creates the ``ClientError`` of a call."""

    def error(call: Call) -> Exception:
        exact = "404" if code == "NoSuchKey" and call.operation == "HeadObject" else code
        response: Any = {
            "Error": {"Code": exact, "Message": "Not Found" if exact == "404" else message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "FAULTEXAMPLE",
                "HTTPHeaders": {},
                "RetryAttempts": 4,  # boto3 has already tried again
            },
        }
        # Clients have a class for each error of their service: client.exceptions.NoSuchKey.
        kind = call.client.exceptions.from_code(exact)
        return (kind or ClientError)(response, call.operation)

    return error


no_such_key: Final = _refused("NoSuchKey", 404, "The specified key does not exist.")


def _reads_object(call: Call) -> bool:
    """Return whether a call reads the object of the task, and not only writes to its key."""
    return call.names_object and not call.operation.startswith(("Put", "Delete", "Create"))


AWS_FAULTS: Final = (
    AwsFault("SlowDown", TEMPORARY, _refused("SlowDown", 503, "Please reduce your request rate.")),
    AwsFault(
        "ThrottlingException", TEMPORARY, _refused("ThrottlingException", 400, "Rate exceeded")
    ),
    AwsFault(
        "TooManyRequestsException",
        TEMPORARY,
        _refused("TooManyRequestsException", 429, "Too Many Requests"),
    ),
    AwsFault(
        "ServiceUnavailable",
        TEMPORARY,
        _refused("ServiceUnavailable", 503, "Service is unable to handle request."),
    ),
    AwsFault(
        "InternalError",
        TEMPORARY,
        _refused("InternalError", 500, "We encountered an internal error. Please try again."),
    ),
    AwsFault(
        "RequestTimeout",
        TEMPORARY,
        _refused("RequestTimeout", 400, "Your socket connection was not read from or written to."),
    ),
    AwsFault(
        "no connection",
        TEMPORARY,
        lambda call: botocore.EndpointConnectionError(endpoint_url=call.url),
    ),
    AwsFault(
        "connection closed",
        TEMPORARY,
        lambda call: botocore.ConnectionClosedError(endpoint_url=call.url),
    ),
    AwsFault(
        "read timeout",
        TEMPORARY,
        lambda call: botocore.ReadTimeoutError(endpoint_url=call.url),
    ),
    AwsFault(
        "NoSuchKey",
        FAILURE,
        no_such_key,
        _reads_object,
    ),
    AwsFault(
        "NoSuchBucket",
        FAILURE,
        _refused("NoSuchBucket", 404, "The specified bucket does not exist"),
        lambda call: call.names_object,
    ),
    AwsFault("AccessDenied", FAILURE, _refused("AccessDenied", 403, "Access Denied")),
)
