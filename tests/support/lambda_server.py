"""A server that imitates Lambda's Invoke, for tests of remote functions."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import override

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._lambda_api import HttpApi
from s3batch_handler.engine.invoke._lambda_fleet import LambdaFleet
from s3batch_handler.engine.invoke._remote import RemoteFunction

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from email.message import Message


Event = dict[str, Any]


Reply = tuple[int, dict[str, str], bytes]
"""The reply of a server: status, headers, body."""


def answer(event: Event, text: str = "done") -> Event:
    (task,) = event["tasks"]
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "invocationId": event["invocationId"],
        "results": [
            {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": text},
        ],
    }


def done(event: Event) -> Reply:
    return 200, {}, json.dumps(answer(event)).encode()


def key(event: Event) -> str:
    text: str = event["tasks"][0]["s3Key"]
    return text


class Server(ThreadingHTTPServer):
    """Lambda's Invoke on loopback. It counts the connections and the calls."""

    daemon_threads = True
    request_queue_size = 1_024  # hundreds of clients may connect at the same time

    def __init__(
        self, respond: Callable[[Event], Reply | None], tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.respond = respond
        self.calls: list[tuple[str, Event]] = []
        self.headers: list[Message] = []
        self.connections = 0
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    @override
    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append((self.path, event))
        self.server.headers.append(self.headers)
        reply = self.server.respond(event)
        if reply is None:
            self.close_connection = True
            return
        status, headers, body = reply
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(
    respond: Callable[[Event], Reply | None], *, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    with Server(respond, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def closed_port() -> Iterator[str]:
    """Yield an address on which no server listens, and which no other program gets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


ARN = "arn:aws:lambda:us-east-1:123456789012:function:resize"


class At(Protocol):
    """Creates an invoker of the function of a server."""

    def __call__(self, server: Server, **options: Any) -> RemoteFunction | LambdaFleet: ...


def threads_at(server: Server, *, read_timeout: float = 60, **options: Any) -> RemoteFunction:
    """Return the invoker that has a thread for each call."""
    api = HttpApi(server.url, read_timeout=read_timeout)
    return RemoteFunction(api, **{"backoff": 0.001, "patience": 0.5, **options})


def fleet_at(server: Server | None = None, /, **options: Any) -> LambdaFleet:
    """Return the invoker of an ARN; the variables of botocore name the server."""
    usual = {"concurrency": 1, "read_timeout": 60.0, "backoff": 0.001, "patience": 0.5}
    return LambdaFleet(ARN, region="us-east-1", **{**usual, **options})


SUCCEEDED = Outcome(ResultCode.SUCCEEDED, "done")


THROTTLED: Reply = (
    429,
    {"x-amzn-ErrorType": "TooManyRequestsException"},
    b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}',
)


BUG = b'{"errorMessage":"no","errorType":"ValueError","stackTrace":[]}'


def in_turn(*reply: Reply | None) -> Callable[[Event], Reply | None]:
    """Return a function that sends these replies in turn, and then successes."""
    left = list(reply)
    return lambda event: left.pop(0) if left else done(event)


FAULT: Reply = (500, {"x-amzn-ErrorType": "ServiceException"}, b'{"Message":"sorry"}')


def refusal(code: str, status: int, message: str = "m") -> Reply:
    return status, {"x-amzn-ErrorType": code}, json.dumps({"Message": message}).encode()
