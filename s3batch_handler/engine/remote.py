"""Functions that run elsewhere: behind Lambda's Invoke, or what stands in for it.

One call for each task, several at a time. Two ways lead there: :class:`HttpApi`, for ``sam local
start-lambda`` and Lambda's runtime interface emulator (RIE), and :class:`ClientApi`, for a boto3
client. :class:`RemoteFunction` is what both have in common.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
import uuid
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import count, islice
from queue import Empty, SimpleQueue
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from typing_extensions import override

from s3batch_handler.classify import describe
from s3batch_handler.engine.environment import (
    FunctionError,
    NotRun,
    Refused,
    answer_of,
    read_response,
    task_event,
)
from s3batch_handler.errors import InvalidFunction, InvalidResponse
from s3batch_handler.model import Outcome, ResultCode
from s3batch_handler.protocol import wire_job
from s3batch_handler.text import result_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from s3batch_handler.engine.environment import Answer
    from s3batch_handler.manifest import ManifestEntry
    from s3batch_handler.model import JobRef


class RemoteFunction:
    """Calls a function that runs elsewhere, ``concurrency`` calls at a time.

    A call that does not come about is tried again after a while, longer each time: throttled
    ones patiently, those that fail in Lambda itself or on the way a few times. If that does not
    help, the task has failed temporarily: a redrive may find better weather. A function that is
    called twice for it is within what S3 promises (at least once).

    Args:
        api: The way to the function.
        concurrency: Calls at a time.
        grace: Seconds that running calls get to end in, when the job is stopped.
        backoff: Seconds before the second try, at most.
    """

    def __init__(
        self, api: LambdaApi, *, concurrency: int = 1, grace: float = 2.0, backoff: float = 0.1
    ) -> None:
        self._api = api
        self._concurrency = concurrency
        self._grace = grace
        self._backoff = backoff
        self._was_there = False

    def invoke_all(
        self,
        job: JobRef,
        schema_version: str,
        entries: Iterable[ManifestEntry],
        *,
        stop: Callable[[], bool],
    ) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Call the function for all entries: see :meth:`Invoker.invoke_all`.

        Raises:
            InvalidFunction: Nobody answers there, or there is no such function. A function that
                was there gets up to half a minute to come back.
        """
        answer = partial(self._answer, schema_version, wire_job(schema_version, job))
        callers = _Callers(answer, size=self._concurrency)
        entries = iter(entries)
        try:
            while not stop():
                callers.begin(entries)
                if not callers.pending:
                    return
                yield from callers.finished()
            yield from callers.stop(self._grace)
        except Exception:  # there is no function any more, or an entry could not be read
            yield from callers.stop(self._grace)
            raise
        finally:
            callers.disband()

    def ask(self, event: object) -> Any:
        """Send one event of any kind; give what the function returned.

        Raises:
            InvalidFunction: There is no function to call, or it may not or cannot be called now.
            InvalidResponse: The function failed; or what it returned is no JSON.
        """
        try:
            reply = self._invoke(json.dumps(event).encode(), threading.Event())
        except _NoReply as problem:
            raise InvalidFunction(f"{self._api}: {problem}") from problem
        error = _function_error(reply)
        if error is not None:
            raise InvalidResponse(f"the function failed: {error.payload}")
        try:
            return json.loads(reply.payload)
        except ValueError as error:
            raise InvalidResponse(f"the function's answer is no JSON: {error}") from error

    def close(self) -> None:
        """Hang up, on running calls as well."""
        self._api.close()

    # -------------------------------------------------------- one call

    def _answer(
        self,
        schema_version: str,
        job: dict[str, Any],
        entry: ManifestEntry,
        stopped: threading.Event,
    ) -> Answer:
        """Call the function for one task."""
        event = task_event(f"AAAAAAAAAA{uuid.uuid4().hex}", schema_version, job, entry)
        try:
            reply = self._invoke(json.dumps(event).encode(), stopped)
        except _Stopped:
            return NotRun()
        except _Silence as silence:
            return _error("ReadTimeout", str(silence))
        except _Refusal as refusal:
            if refusal.is_access_denied:
                return Refused(403, "AccessDenied", refusal.message)
            return Outcome(ResultCode.TEMPORARY_FAILURE, str(refusal))
        return _function_error(reply) or answer_of(*read_response(event, reply.payload))

    def _invoke(self, payload: bytes, stopped: threading.Event) -> Reply:
        """Send a payload until something comes back, or there is no hope of it.

        Raises:
            _NoReply: No answer of the function's, and this task alone suffers from it.
            InvalidFunction: All tasks would.
        """
        pause = 0.0
        for tried in count(1):
            if stopped.wait(pause):
                raise _Stopped
            try:
                reply = self._api.invoke(payload)
            except _Unreachable as problem:
                if not self._was_there or tried >= problem.tries:
                    raise InvalidFunction(f"{self._api}: {problem}") from problem
            except _Refusal as refusal:
                self._was_there = True
                if refusal.concerns_all:
                    raise InvalidFunction(f"{self._api}: {refusal}") from refusal
                if tried >= refusal.tries:
                    raise
            else:
                self._was_there = True
                return reply
            # At random, so that those who were throttled together do not come back together.
            longest = min(self._backoff * 2 ** (tried - 1), _LONGEST_PAUSE)
            pause = random.uniform(0, longest)  # noqa: S311  no secret
        raise AssertionError("count() ends")


_LONGEST_PAUSE: Final = 10.0  # seconds


def _function_error(reply: Reply) -> FunctionError | None:
    """Tell whether a function failed: real Lambda says so, emulators let one guess.

    They answer with the error as if the function had returned it, with a line of text for a
    time-out, or with nothing at all.
    """
    text = reply.payload.decode(errors="replace")
    if not text:
        return _error("Unhandled", "the function did not answer: it timed out, or ended")
    if text.startswith("Task timed out after"):
        return _error("Sandbox.Timedout", text)
    if not reply.failed and '"errorType"' not in text:
        return None
    error: Any = None
    with suppress(ValueError, RecursionError):
        error = json.loads(text)
    is_error = isinstance(error, dict) and isinstance(error.get("errorMessage"), str)
    if is_error and (reply.failed or "results" not in error):
        return FunctionError(text)
    return _error("Unhandled", text) if reply.failed else None


def _error(kind: str, message: str) -> FunctionError:
    return FunctionError(json.dumps({"errorType": kind, "errorMessage": message}))


# ---------------------------------------------------------------- ways to the function


class Reply(NamedTuple):
    """What came back from a function.

    Attributes:
        failed: Lambda says that the function failed; ``payload`` is its error then.
    """

    payload: bytes
    failed: bool


class LambdaApi(Protocol):
    """Lambda's Invoke; from many threads at once. As text it says whom it calls."""

    def invoke(self, payload: bytes) -> Reply:
        """Call the function once and wait for its answer.

        Raises:
            _NoReply: There is none, for whatever reason.
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
        InvalidFunction: The address is none of a function.
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
            if self._closed:  # just now
                self.close()
        finally:
            self._busy.discard(connection)
        # The emulator answers a function that ended its process with 502, and its error.
        if status == 200 or (status >= 500 and b'"errorType"' in body):
            return Reply(body, status != 200 or "x-amz-function-error" in headers)
        raise _http_refusal(status, headers, body)

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
            raise _Silence(self._read_timeout) from error
        except (OSError, HTTPException) as error:
            raise _Refusal(None, type(error).__name__, f"no answer: {error}") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, body

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:  # the latter: no such name of a host
            raise _Unreachable(error) from error
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


def _http_refusal(status: int, headers: Mapping[str, str], body: bytes) -> _Refusal:
    """Read an error of Lambda's, or of a server that is none."""
    text = body.decode(errors="replace").strip()
    with suppress(ValueError, AttributeError):
        error = json.loads(text)
        text = str(error.get("message") or error.get("Message") or text)
    code = headers.get("x-amzn-errortype", "").partition(":")[0] or f"HTTP {status}"
    if status == 404:
        text += f" (the address of a function is {_ADDRESS})"
    return _Refusal(status, code, text)


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
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        told, status = response["Error"], response["ResponseMetadata"].get("HTTPStatusCode")
        return _Refusal(status, told["Code"], told.get("Message", ""))
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ReadTimeoutError" in names:
        return _Silence()
    if "ConnectionError" in names:
        return _Unreachable(error)
    if names & {"HTTPClientError", "ResponseParserError"}:
        return _Refusal(None, type(error).__name__, str(error))
    return _Refusal(400, type(error).__name__, str(error))  # no credentials, no such parameter


# ---------------------------------------------------------------- no answer


class _NoReply(Exception):
    """A function was called, and nothing came back from it."""


class _Stopped(_NoReply):
    """The job is over."""


class _Silence(_NoReply):
    """It was called and is still at work, as far as we know: calling it again makes it worse."""

    def __init__(self, seconds: float | None = None) -> None:
        within = f" within {seconds:g} seconds" if seconds else " in time"
        super().__init__(f"no answer{within}")


class _Unreachable(_NoReply):
    """Nobody is there."""

    tries = 10

    def __init__(self, error: Exception) -> None:
        super().__init__(f"nobody answers there ({describe(error)})")


class _Refusal(_NoReply):
    """Lambda did not call the function; or did, and its answer got lost.

    Attributes:
        tries: How often to try.
        concerns_all: Other tasks would fare no better, ever.
        is_access_denied: The function is there, and we may not call it.
    """

    def __init__(self, status: int | None, code: str, message: str) -> None:
        self.message = result_string(message)  # from whom, nobody knows: a proxy's page, …
        super().__init__(f"{code}: {self.message}")
        lost = status is None or status >= 500
        throttled = status == 429
        may_pass = lost or throttled or status in _MAY_PASS
        self.is_access_denied = status == 403 and code.startswith("AccessDenied")
        self.concerns_all = not (may_pass or self.is_access_denied)
        self.tries = 10 if throttled else 4 if may_pass else 1


_MAY_PASS: Final = (408, 409)  # a file system or a function that is not ready yet


# ---------------------------------------------------------------- many calls at a time


class _Callers:
    """Threads that get answers for entries; no more of either than are needed.

    Attributes:
        pending: What was begun and has no answer yet, by number.
    """

    def __init__(
        self, answer: Callable[[ManifestEntry, threading.Event], Answer], *, size: int
    ) -> None:
        self._answer = answer
        self._size = size
        self._numbers = count()
        self.pending: dict[int, ManifestEntry] = {}
        self._todo: SimpleQueue[tuple[int, ManifestEntry] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, Answer | Exception]] = SimpleQueue()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, entries: Iterator[ManifestEntry]) -> None:
        """Take as many entries as keep everybody busy: one in hand, one at hand."""
        room = 2 * self._size - len(self.pending)
        for number, entry in zip(self._numbers, islice(entries, room), strict=False):
            self.pending[number] = entry
            self._todo.put((number, entry))
            if len(self._threads) < self._size:
                thread = threading.Thread(target=self._work, name="s3batch call", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        for number, entry in iter(self._todo.get, None):
            try:
                self._done.put((number, self._answer(entry, self._stopped)))
            except Exception as error:  # noqa: BLE001  raised where the answers are awaited
                self._done.put((number, error))

    def finished(self) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Give the answers that are there; wait for one, but not for ever."""
        with suppress(Empty):
            number, answer = self._done.get(timeout=_TICK)
            while True:
                entry = self.pending.pop(number)
                if isinstance(answer, Exception):
                    yield entry, NotRun()
                    raise answer
                yield entry, answer
                number, answer = self._done.get_nowait()

    def stop(self, grace: float) -> Iterator[tuple[ManifestEntry, Answer]]:
        """Begin nothing any more; give what ends within ``grace`` seconds, and what does not."""
        self._stopped.set()
        with suppress(Empty):
            while task := self._todo.get_nowait():
                yield self.pending.pop(task[0]), NotRun()
        give_up = time.monotonic() + grace
        while self.pending and time.monotonic() < give_up:
            with suppress(Exception):  # the first one is on its way already
                yield from self.finished()
        while self.pending:
            yield self.pending.popitem()[1], NotRun()

    def disband(self) -> None:
        """Let the threads end. One that still waits for an answer does so on its own."""
        self._stopped.set()
        for _ in self._threads:
            self._todo.put(None)
        until = time.monotonic() + _TICK
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))


_TICK: Final = 0.1
