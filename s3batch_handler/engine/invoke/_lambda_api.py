"""Lambda's Invoke: one call of a remote function, and the errors of such a call.

:class:`HttpApi` is for ``sam local start-lambda`` and Lambda's runtime interface emulator (RIE),
:class:`ClientApi` for a boto3 client.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from s3batch_handler.core._aws_errors import AwsError
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Mapping


class InvokeResponse(NamedTuple):
    """The response of Invoke.

    Attributes:
        payload: The response of the function, or its error.
        failed: Whether Lambda reports that the function failed.
    """

    payload: bytes
    failed: bool


class HttpApi:
    """A function at an HTTP address, called by unsigned requests over persistent connections.

    Args:
        url: ``http://host:port/2015-03-31/functions/NAME/invocations``, or ``http://host:port``
            for the emulator, whose only function has the name ``function``.
        read_timeout: Seconds to wait for a response, more than the function's timeout.

    Raises:
        InvalidFunction: The URL is not the address of a function.
    """

    def __init__(self, url: str, *, read_timeout: float) -> None:
        parts = urlsplit(url)
        path = parts.path if parts.path.strip("/") else _EMULATOR_PATH
        if not parts.hostname or "@" in parts.netloc or not _INVOKE_PATH.fullmatch(path):
            raise InvalidFunction(f"{url} is not the address of a function: write {_ADDRESS}")
        try:
            port = parts.port
        except ValueError as error:
            raise InvalidFunction(f"{url}: {error}") from error
        self._url = url
        self._path = f"{path}?{parts.query}" if parts.query else path
        connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._new_connection = partial(connection, parts.hostname, port, timeout=_CONNECT_SECONDS)
        self._read_timeout = read_timeout
        self._idle: list[HTTPConnection] = []
        self._busy: set[HTTPConnection] = set()
        self._closed = False

    @override
    def __str__(self) -> str:
        return self._url

    def invoke(self, payload: bytes) -> InvokeResponse:
        """Call the function once and wait for its response. Threads may do so at the same time.

        Raises:
            InvokeError: There is no response.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._new_connection()
        self._busy.add(connection)
        try:
            status, headers, body = self._exchange(connection, payload)
        except BaseException:
            connection.close()
            raise
        else:
            self._idle.append(connection)
            if self._closed:  # during this call
                self.close()
        finally:
            self._busy.discard(connection)
        hint = f" (the address of a function is {_ADDRESS})" if status == 404 else ""
        return response_of(status, headers, body, hint=hint)

    def _exchange(
        self, connection: HTTPConnection, payload: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        if connection.sock is None:  # new, or closed by the server
            self._connect(connection)
        try:
            connection.request("POST", self._path, payload, _HEADERS)
            response = connection.getresponse()
            body = response.read()
        except TimeoutError as error:
            raise ReadTimeout(self._read_timeout) from error
        except (OSError, HTTPException) as error:
            raise CallFailed(None, type(error).__name__, f"no response: {error}") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, body

    def connect(self) -> None:
        """Connect to the server, and disconnect.

        Raises:
            Unreachable: The server does not accept the connection.
        """
        connection = self._new_connection()
        try:
            self._connect(connection)
        finally:
            connection.close()

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:  # UnicodeError: an invalid host name
            raise Unreachable(error) from error
        connection.sock.settimeout(self._read_timeout)

    def close(self) -> None:
        """Close the connections, and interrupt the calls that still wait for a response."""
        self._closed = True
        for connection in list(self._busy):
            with suppress(OSError, AttributeError):  # its thread may close it just now
                connection.sock.shutdown(SHUT_RDWR)
        while self._idle:
            self._idle.pop().close()


_CONNECT_SECONDS: Final = 5.0
_HEADERS: Final = {"Content-Type": "application/json"}
_EMULATOR_PATH: Final = "/2015-03-31/functions/function/invocations"
_INVOKE_PATH: Final = re.compile(r"/2015-03-31/functions/[^/\s]+/invocations")
_ADDRESS: Final = "http://host:port/2015-03-31/functions/NAME/invocations"


def response_of(
    status: int, headers: Mapping[str, str], body: bytes, *, hint: str = ""
) -> InvokeResponse:
    """Return the response of the function in an HTTP response.

    Args:
        status: The HTTP status.
        headers: The headers, with names in lower case or in any case.
        body: The body.
        hint: What the error says in addition, if there is no response of the function.

    Raises:
        CallFailed: There is an error of Lambda, or of any other server, instead.
    """
    # If a function ends its process, the emulator responds with 502 and the function's error.
    if status == 200 or (status >= 500 and b'"errorType"' in body):
        return InvokeResponse(body, status != 200 or "x-amz-function-error" in headers)
    text = body.decode(errors="replace").strip()
    with suppress(ValueError, AttributeError):
        error = json.loads(text)
        text = str(error.get("message") or error.get("Message") or text)
    code = headers.get("x-amzn-errortype", "").partition(":")[0] or f"HTTP {status}"
    raise CallFailed(status, code, text + hint, retry_after_seconds(headers.get("retry-after", "")))


def retry_after_seconds(text: str) -> float:
    """Return the seconds of a ``Retry-After``, at most a minute; 0 for a date or other text."""
    with suppress(ValueError):
        return min(max(0.0, float(text)), _LONGEST_WAIT)
    return 0.0


_LONGEST_WAIT: Final = 60.0


class ClientApi:
    """A function that a boto3 Lambda client calls.

    The ``read_timeout`` of the client must be longer than the function's timeout.

    Args:
        client: ``boto3.client("lambda")``.
        function_name: Name or ARN, with or without a qualifier.
    """

    def __init__(self, client: LambdaClient, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    @override
    def __str__(self) -> str:
        return self._function_name

    def invoke(self, payload: bytes) -> InvokeResponse:
        """Call the function: see :meth:`HttpApi.invoke`."""
        try:
            response = self._client.invoke(FunctionName=self._function_name, Payload=payload)
            return InvokeResponse(response["Payload"].read(), "FunctionError" in response)
        except Exception as error:
            raise client_error(error) from error

    def close(self) -> None:
        """Keep the client open: it belongs to the caller."""


class LambdaClient(Protocol):
    """The method of ``boto3.client("lambda")`` that is used."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function ``FunctionName`` with ``Payload``, and wait for its response."""
        ...


def client_error(error: Exception) -> InvokeError:
    """Classify an exception of botocore by its attributes and class names."""
    aws = AwsError.from_exception(error)
    if aws is not None:
        return CallFailed(aws.status, aws.code, aws.message)
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ReadTimeoutError" in names:
        return ReadTimeout()
    if "ConnectionError" in names:
        return Unreachable(error)
    is_temporary = classify(error).code is ResultCode.TEMPORARY_FAILURE
    if is_temporary and not names & _NO_CREDENTIALS:
        return CallFailed(None, type(error).__name__, str(error))
    return CallFailed(400, type(error).__name__, str(error))  # no credentials, an unknown parameter


_NO_CREDENTIALS: Final = {"CredentialRetrievalError", "MetadataRetrievalError"}


# ---------------------------------------------------------------- errors


class InvokeError(Exception):
    """A call without a response of the function."""


class ReadTimeout(InvokeError):
    """The function did not respond in time. It may still run, so a retry would add load."""

    def __init__(self, seconds: float | None = None) -> None:
        within = f" within {seconds:g} seconds" if seconds else " in time"
        super().__init__(f"no response{within}")


class Unreachable(InvokeError):
    """No server accepts connections at the address."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"no server responds ({describe(error)})")


class CallFailed(InvokeError):
    """Lambda did not call the function, or its response was lost.

    Attributes:
        code: The error code of Lambda, or the name of an exception.
        tries: How often to try the call.
        is_throttled: Lambda has refused the call, because there are too many.
        retry_after: The seconds that Lambda asks to wait.
        is_not_ready: Lambda is still preparing the function or a resource that it needs.
        affects_all_tasks: The calls for all other tasks will fail in the same way.
        is_access_denied: The function exists, but may not be invoked.
    """

    def __init__(
        self, status: int | None, code: str, message: str, retry_after: float = 0.0
    ) -> None:
        self.code = code
        self.retry_after = retry_after
        self.message = sanitize(message)  # untrusted: it may be a proxy's error page
        super().__init__(f"{code}: {self.message}")
        is_lost = status is None or status >= 500
        self.is_throttled = status == 429
        is_permanent = code in _PERMANENT or (code in _NOT_READY and _HAS_FAILED in message)
        is_temporary = not is_permanent and (
            is_lost
            or self.is_throttled
            or status in _TEMPORARY_STATUSES
            or code in _TEMPORARY
            or any(text in message for text in _WRONG_TIME)
        )
        self.is_not_ready = code in _NOT_READY and not is_permanent
        self.is_access_denied = status == 403 and code.startswith("AccessDenied")
        self.affects_all_tasks = not (is_temporary or self.is_not_ready or self.is_access_denied)
        self.tries = 10 if self.is_throttled else 4 if is_temporary else 1


# The errors of Lambda's Invoke, from botocore's service model. A test covers all of them.

_NOT_READY: Final = frozenset(
    {
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserPendingException",
        "ENINotReadyException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "SnapStartNotReadyException",
        "SnapStartRegenerationFailureException",
    }
)
_HAS_FAILED: Final = "following state: Failed"  # not Pending or Inactive
_TEMPORARY_STATUSES: Final = (408, 409)  # a file system that is not mounted yet; other conflicts
_TEMPORARY: Final = ("EFSIOException", "SnapStartException")
_WRONG_TIME: Final = ("Signature expired", "Signature not yet current")  # the machine was suspended
_PERMANENT: Final = (
    "CodeArtifactUserFailedException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
)
