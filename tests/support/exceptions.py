"""Exceptions as clients of AWS and of other services raise them."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import inspect
import itertools
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import boto3.exceptions
import boto3.s3.transfer
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.stub
from botocore.client import Config

from s3batch_handler.core._classification import classify
from s3batch_handler.core._model import ResultCode

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from types import ModuleType


AnyException = TypeVar("AnyException", bound=BaseException)

TEMPORARY = ResultCode.TEMPORARY_FAILURE
PERMANENT = ResultCode.PERMANENT_FAILURE


def code_of(error: BaseException, **options: Any) -> ResultCode | None:
    """Return the result code of an exception and its chain."""
    return classify(error, **options).code


def raised(action: Callable[[], object]) -> BaseException:
    """Return the exception that a call raises, with its chain."""
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def chain(*links: AnyException) -> AnyException:
    """Set each exception as the cause of the previous one, and return the first."""
    for outer, inner in itertools.pairwise(links):
        outer.__cause__ = inner
    return links[0]


def client_error(
    code: str = "SlowDown",
    status: int | None = None,
    *,
    message: str = "Please reduce your request rate.",
    operation: str = "GetObject",
    request_id: str | None = None,
) -> botocore.exceptions.ClientError:
    metadata: dict[str, Any] = {}
    if status is not None:
        metadata["HTTPStatusCode"] = status
    if request_id is not None:
        metadata["RequestId"] = request_id
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return botocore.exceptions.ClientError(response, operation)


def foreign(name: str, *bases: str, base: type[Exception] = Exception) -> type[Exception]:
    """Create an exception class of a library that is not installed: ``httpx._exceptions.X``."""
    parents: tuple[type, ...] = tuple(foreign(each, base=base) for each in bases) or (base,)
    package, _, cls = name.partition(".")
    return type(cls, parents, {"__module__": f"{package}._exceptions"})


def classes_of(module: ModuleType) -> dict[str, type[BaseException]]:
    """Return the exceptions that a module defines itself."""
    return {
        name: cls
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, BaseException)
        and cls.__module__ == module.__name__
    }


@contextmanager
def loopback(reply: bytes | None, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on loopback: send the same bytes to every client, or with ``None`` nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            if reply is None:
                over.wait(60)
                return
            try:
                stream = tls.wrap_socket(connection, server_side=True) if tls else connection
                with stream:
                    stream.recv(65536)
                    stream.sendall(reply)
            except OSError:
                pass  # the client closed the connection, as some tests require

    def serve() -> None:
        answering = []
        while True:
            connection, _ = listener.accept()
            if over.is_set():
                connection.close()
                break
            answering.append(threading.Thread(target=answer, args=(connection,)))
            answering[-1].start()
        for thread in answering:
            thread.join()

    server = threading.Thread(target=serve)
    server.start()
    port = listener.getsockname()[1]
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        over.set()
        socket.create_connection(("127.0.0.1", port)).close()
        server.join()
        listener.close()


def s3(endpoint_url: str, *, timeout: float = 30, **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(
            read_timeout=timeout,
            connect_timeout=2,
            retries={"max_attempts": 0},
            s3={"addressing_style": "path"},
            **config,
        ),
    )


SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nx-amz-request-id: 7QXEXAMPLE\r\nContent-Type: application/xml\r\n"
    b"Connection: close\r\n\r\n<?xml version='1.0'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>"
)
CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nnot all of it"


def ok(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


REMOTE_TRACEBACK = concurrent.futures.process._RemoteTraceback("…")  # type: ignore[arg-type]


def with_attributes(cls: type[Exception], *args: object, **attributes: object) -> Exception:
    """Build an exception of another library with the attributes that it has there."""
    error = cls(*args)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error
