"""Lambda's Invoke: one call of a function that runs elsewhere, and why no answer may come of it.

Two ways lead there: :class:`HttpApi`, for ``sam local start-lambda`` and Lambda's runtime interface
emulator (RIE), and :class:`ClientApi`, for a boto3 client.
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

from typing_extensions import override

from s3batch_handler.core._aws_errors import AwsError
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._sanitize import sanitize

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reply(NamedTuple):
    """What came back from a function.

    Attributes:
        failed: Lambda says that the function failed; ``payload`` is its error then.
    """

    payload: bytes
    failed: bool


class LambdaApi(Protocol):
    """Lambda's Invoke, for many threads at once. ``str()`` of it names the function, for errors."""

    def invoke(self, payload: bytes) -> Reply:
        """Call the function once and wait for its answer.

        Raises:
            NoReply: There is none, for whatever reason.
        """
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class HttpApi:
    """A function at an HTTP address: unsigned requests, over connections that are kept.

    Args:
        url: ``http://host:port/2015-03-31/functions/NAME/invocations``, or ``http://host:port``
            for the emulator, which knows its one function by the name of ``function``.
        read_timeout: Seconds to wait for an answer: more than the function's timeout.

    Raises:
        InvalidFunction: This is not the address of a function.
    """

    def __init__(self, url: str, *, read_timeout: float) -> None:
        parts = urlsplit(url)
        path = parts.path if parts.path.strip("/") else _EMULATOR_PATH
        if not parts.hostname or "@" in parts.netloc or not _INVOKE_PATH.fullmatch(path):
            raise InvalidFunction(f"{url} is no address of a function: write {_ADDRESS}")
        try:
            port = parts.port
        except ValueError as error:
            raise InvalidFunction(f"{url}: {error}") from error
        self._url = url
        self._path = f"{path}?{parts.query}" if parts.query else path
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._new = partial(kind, parts.hostname, port, timeout=_CONNECT_SECONDS)
        self._read_timeout = read_timeout
        self._idle: list[HTTPConnection] = []
        self._busy: set[HTTPConnection] = set()
        self._closed = False

    @override
    def __str__(self) -> str:
        return self._url

    def invoke(self, payload: bytes) -> Reply:
        """Call the function: see :meth:`LambdaApi.invoke`."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._new()
        self._busy.add(connection)
        try:
            status, headers, body = self._exchange(connection, payload)
        except BaseException:
            connection.close()
            raise
        else:
            self._idle.append(connection)
            if self._closed:  # while this call ran
                self.close()
        finally:
            self._busy.discard(connection)
        # The emulator answers a function that ended its process with 502, and its error.
        if status == 200 or (status >= 500 and b'"errorType"' in body):
            return Reply(body, status != 200 or "x-amz-function-error" in headers)
        raise _http_failure(status, headers, body)

    def _exchange(
        self, connection: HTTPConnection, payload: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        if connection.sock is None:  # new, or the server keeps none
            self._connect(connection)
        try:
            connection.request("POST", self._path, payload, _HEADERS)
            response = connection.getresponse()
            body = response.read()
        except TimeoutError as error:
            raise Silence(self._read_timeout) from error
        except (OSError, HTTPException) as error:
            raise CallFailed(None, type(error).__name__, f"no answer: {error}") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, body

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:  # the latter: no such name of a host
            raise Unreachable(error) from error
        connection.sock.settimeout(self._read_timeout)

    def close(self) -> None:
        """Hang up. Whoever still waits for an answer is woken."""
        self._closed = True
        for connection in list(self._busy):
            with suppress(OSError, AttributeError):  # it may close by itself just now
                connection.sock.shutdown(SHUT_RDWR)
        while self._idle:
            self._idle.pop().close()


_CONNECT_SECONDS: Final = 5.0
_HEADERS: Final = {"Content-Type": "application/json"}
_EMULATOR_PATH: Final = "/2015-03-31/functions/function/invocations"
_INVOKE_PATH: Final = re.compile(r"/2015-03-31/functions/[^/\s]+/invocations")
_ADDRESS: Final = "http://host:port/2015-03-31/functions/NAME/invocations"


def _http_failure(status: int, headers: Mapping[str, str], body: bytes) -> CallFailed:
    """Read an error of Lambda's, or of a server that is none."""
    text = body.decode(errors="replace").strip()
    with suppress(ValueError, AttributeError):
        error = json.loads(text)
        text = str(error.get("message") or error.get("Message") or text)
    code = headers.get("x-amzn-errortype", "").partition(":")[0] or f"HTTP {status}"
    if status == 404:
        text += f" (the address of a function is {_ADDRESS})"
    return CallFailed(status, code, text)


class ClientApi:
    """A function that a boto3 Lambda client can call.

    The client waits as long as its own ``read_timeout`` says: more than the function's timeout.

    Args:
        client: ``boto3.client("lambda")``.
        function_name: Name or ARN, with a qualifier or without.
    """

    def __init__(self, client: LambdaClient, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    @override
    def __str__(self) -> str:
        return self._function_name

    def invoke(self, payload: bytes) -> Reply:
        """Call the function: see :meth:`LambdaApi.invoke`."""
        try:
            answer = self._client.invoke(FunctionName=self._function_name, Payload=payload)
            return Reply(answer["Payload"].read(), "FunctionError" in answer)
        except Exception as error:
            raise _client_problem(error) from error

    def close(self) -> None:
        """Nothing to do: the client belongs to whoever made it."""


class LambdaClient(Protocol):
    """What is needed of ``boto3.client("lambda")``."""

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803  boto3's names
        """Call a function and wait for it."""
        ...


def _client_problem(error: Exception) -> Exception:
    """Sort what botocore raises, known by its shape and names."""
    aws = AwsError.from_exception(error)
    if aws is not None:
        return CallFailed(aws.status, aws.code, aws.message)
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ReadTimeoutError" in names:
        return Silence()
    if "ConnectionError" in names:
        return Unreachable(error)
    may_pass = classify(error).code is ResultCode.TEMPORARY_FAILURE
    if may_pass and not names & _NO_CREDENTIALS:
        return CallFailed(None, type(error).__name__, str(error))
    return CallFailed(400, type(error).__name__, str(error))  # no credentials, no such parameter


_NO_CREDENTIALS: Final = {"CredentialRetrievalError", "MetadataRetrievalError"}


# ---------------------------------------------------------------- no answer


class NoReply(Exception):
    """A function was called, and nothing came back from it."""


class Silence(NoReply):
    """It was called and is still at work, as far as we know: calling it again makes it worse."""

    def __init__(self, seconds: float | None = None) -> None:
        within = f" within {seconds:g} seconds" if seconds else " in time"
        super().__init__(f"no answer{within}")


class Unreachable(NoReply):
    """Nobody is there."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"nobody answers there ({describe(error)})")


class CallFailed(NoReply):
    """Lambda did not call the function; or did, and its answer got lost.

    Attributes:
        tries: How often to try.
        is_not_ready: Lambda is still preparing the function or a resource that it needs.
        concerns_all: Other tasks would fare no better, ever.
        is_access_denied: The function is there, and we may not call it.
    """

    def __init__(self, status: int | None, code: str, message: str) -> None:
        self.message = sanitize(message)  # of anybody: it may be a proxy's page
        super().__init__(f"{code}: {self.message}")
        lost = status is None or status >= 500
        throttled = status == 429
        stays = code in _STAYS or (code in _NOT_READY and _HAS_FAILED in message)
        may_pass = lost or throttled or status in _MAY_PASS or code in _OF_ONE_CALL
        may_pass = (may_pass or any(words in message for words in _BAD_TIME)) and not stays
        self.is_not_ready = code in _NOT_READY and not stays
        self.is_access_denied = status == 403 and code.startswith("AccessDenied")
        self.concerns_all = not (may_pass or self.is_not_ready or self.is_access_denied)
        self.tries = 10 if throttled else 4 if may_pass else 1


# The errors of Lambda's Invoke; botocore's service model describes them. A test covers all of them.

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
_MAY_PASS: Final = (408, 409)  # a file system that is not mounted yet; other conflicts
_OF_ONE_CALL: Final = ("EFSIOException", "SnapStartException")
_BAD_TIME: Final = ("Signature expired", "Signature not yet current")  # this machine was suspended
_STAYS: Final = (
    "CodeArtifactUserFailedException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
)
