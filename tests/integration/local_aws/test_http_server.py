"""The HTTP server: odd requests, slow clients, and its end."""

from __future__ import annotations

import gc
import socket
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from s3batch_handler.local_aws._http_server import http_server, listening_socket, url_of
from tests.support.local_server import send_lines
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse


@contextmanager
def served(application: Application) -> Iterator[str]:
    with listening_socket() as listening, http_server(application, listening):
        yield url_of(listening)


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Respond with the body of the request."""
    body: bytes = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def connect(address: str) -> socket.socket:
    url = urlsplit(address)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=30)


@pytest.mark.parametrize("body", ["", "abc"])
def test_clients_may_wait_for_100_continue(body: str) -> None:
    """SDKs do for each object that they write, even for an empty one."""
    with served(echo) as address:
        lines = ["PUT /b/k HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        response = send_lines(
            address, [*lines, "Expect: 100-continue", "Connection: close", "", body]
        )

    assert b"HTTP/1.1 200 OK" in response
    assert response.endswith(body.encode())


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["nonsense", "", ""], b"400"),
        (["GET / HTTP/1.1", "no header", "", ""], b"400"),
        (["PUT / HTTP/1.1", "Content-Length: -1", "", ""], b"400"),
        (["PUT / HTTP/1.1", "Content-Length: 9000000000", "", ""], b"413"),
        (["PUT / HTTP/1.1", "Transfer-Encoding: gzip", "", ""], b"501"),
        (["PUT / HTTP/1.1", "Transfer-Encoding: chunked", "", "zz", ""], b"400"),
    ],
)
def test_a_request_that_is_not_http_gets_an_error_of_aws(lines: list[str], status: bytes) -> None:
    """An SDK could not read a text."""
    with served(echo) as address:
        head, _, body = send_lines(address, lines).partition(b"\r\n\r\n")

    assert head.split()[1] == status
    error = ET.fromstring(body)
    assert error.findtext("Code")
    assert error.findtext("Message")


def test_slow_clients_do_not_occupy_the_server() -> None:
    """More clients than the server has threads have sent half a request."""
    with served(echo) as address:
        slow = [connect(address) for _ in range(200)]
        for client in slow:
            client.sendall(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")

        response = send_lines(address, ["GET / HTTP/1.1", "Host: x", "Connection: close", "", ""])
        for client in slow:
            client.close()

    assert b"200 OK" in response


def test_a_client_that_disconnects_during_an_upload_leaves_no_file() -> None:
    """Large bodies are in temporary files."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with served(echo) as address:
            for _ in range(3):
                with connect(address) as client:
                    client.sendall(
                        b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
                    )
                    client.sendall(b"x" * 3_000_000)
        gc.collect()

    assert [str(each.message) for each in caught] == []


def test_a_running_request_gets_its_response_when_the_server_ends() -> None:
    has_started, may_end = threading.Event(), threading.Event()
    responses: list[bytes] = []

    def slow(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        has_started.set()
        may_end.wait(30)
        return echo(environ, start_response)

    def request(address: str) -> None:
        responses.append(send_lines(address, ["GET / HTTP/1.0", "", ""]))

    with served(slow) as address:
        client = threading.Thread(target=request, args=(address,))
        client.start()
        assert has_started.wait(30)
        threading.Timer(0.2, may_end.set).start()
    client.join(30)

    assert b"200 OK" in responses[0]


def test_threads_and_connections_end_with_the_server() -> None:
    before = threading.active_count()
    with served(echo) as address:
        client = connect(address)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in client.recv(1000)

    assert client.recv(1000) == b""
    client.close()
    wait_for(lambda: threading.active_count() <= before)
    with pytest.raises(ConnectionRefusedError):
        connect(address)
