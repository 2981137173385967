"""An HTTP proxy in front of a server of a test, which changes some of its responses."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_NOT_FORWARDED = ("connection", "transfer-encoding", "server", "date")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the response of the server to it."""

    method: str
    path: str
    status: int
    body: bytes


def denied(exchange: Exchange) -> tuple[int, bytes]:
    """Return the response for a request without permission, in the format of S3 and S3 Control."""
    error = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    if exchange.path.startswith("/v20180820/"):
        error = b"<ErrorResponse>%s</ErrorResponse>" % error
    return 403, error


@contextmanager
def changing_proxy(
    address: str,
    change: Callable[[Exchange], tuple[int, bytes] | None],
    *,
    before: bool = False,
    keep_host: bool = False,
) -> Iterator[str]:
    """Forward requests to a server, and yield the address of the proxy.

    ``change`` returns status and body of another response, or ``None`` to keep it. With ``before``
    it is called before the request is forwarded, which it prevents. With ``keep_host`` the server
    gets the host of the proxy, for which requests are signed.
    """
    upstream = urlsplit(address)
    assert upstream.hostname is not None

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(size)
            changed = change(Exchange(self.command, self.path, 0, b"")) if before else None
            headers: dict[str, str] = {}
            status, body = changed or (0, b"")
            if changed is None:
                connection = http.client.HTTPConnection(str(upstream.hostname), upstream.port)
                names = dict(self.headers.items())
                if not keep_host:
                    names.pop("Host", None)
                connection.request(self.command, self.path, content, names)
                response = connection.getresponse()
                status, body = response.status, response.read()
                headers = dict(response.getheaders())
                connection.close()
                if not before:
                    exchange = Exchange(self.command, self.path, status, body)
                    status, body = change(exchange) or (status, body)
            length = headers.pop("Content-Length", None)
            self.send_response(status)
            for name, value in headers.items():
                # Without checksums, which boto3 compares with the body.
                if name.lower() not in _NOT_FORWARDED and "checksum" not in name.lower():
                    self.send_header(name, value)
            is_head = self.command == "HEAD" and length is not None
            self.send_header("Content-Length", str(length) if is_head else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
