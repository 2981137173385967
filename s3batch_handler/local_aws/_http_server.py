"""An HTTP server in threads of this process, for as long as a block runs.

waitress reads requests and sends responses in one thread, so slow clients occupy no other. The
application runs in further threads.
"""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from s3batch_handler.core._typing import override
from s3batch_handler.local_aws._error_responses import error_document
from s3batch_handler.page._events import MAX_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waitress.server import BaseWSGIServer

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse

LOOPBACK: Final = "127.0.0.1"


def listening_socket(host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """Create a socket that listens at an address; port 0 is a free one.

    Raises:
        OSError: The port is taken, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Python appends the address to the text, in a format of its own.
        text = (error.strerror or str(error)).partition(" (while ")[0]
        raise OSError(error.errno, text, f"{host}:{port}") from error


def url_of(listening: socket.socket) -> str:
    """Return ``http://host:port`` of a socket.

    The host is an IP address, because S3 clients would put the bucket before a host name.
    """
    address, port = listening.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


@contextmanager
def http_server(application: Application, listening: socket.socket) -> Iterator[None]:
    """Serve requests that arrive at a socket while the block runs.

    This includes requests that arrived before the block.
    """
    logging.getLogger("waitress").setLevel(logging.ERROR)  # not what clients do
    connections: dict[int, Any] = {}
    threads = ThreadedTaskDispatcher()
    threads.set_thread_count(_THREADS)
    server = cast(
        "BaseWSGIServer",
        create_server(
            _with_whole_urls(application),
            map=connections,
            _dispatcher=threads,
            sockets=[listening.dup()],  # the server closes it
            **_SETTINGS,
        ),
    )
    server.channel_class = _Connection
    has_ended = threading.Event()

    def send_and_receive() -> None:
        while not has_ended.is_set():
            server.asyncore.loop(timeout=1.0, use_poll=True, map=connections, count=1)

    loop = threading.Thread(target=send_and_receive, name="http-server", daemon=True)
    loop.start()
    try:
        yield
    finally:
        threads.shutdown(timeout=_GRACE)  # running requests get their responses
        has_ended.set()
        server.pull_trigger()
        loop.join()
        for connection in list(connections.values()):
            connection.handle_close()


def _with_whole_urls(application: Application) -> Application:
    """Add ``RAW_URI``, from which moto reads keys, and the host of a request to a proxy.

    Such a request contains the whole URL, whose host takes precedence over ``Host`` (RFC 9112).
    """

    def with_url(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["RAW_URI"] = url = environ["REQUEST_URI"]
        if not url.startswith("/"):
            environ["HTTP_HOST"] = urlsplit(url).netloc
        return application(environ, start_response)

    return with_url


class _Request(HTTPRequestParser):
    """A request, which does not wait for a body if it has none.

    SDKs request ``100 Continue`` for each object, even for an empty one; waitress 3.0 then waits
    forever.
    """

    @override
    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.body_rcv is None:
            self.expect_continue = False


class _ErrorResponse(ErrorTask):
    """The response to a request that is not HTTP, as an error of AWS."""

    @override
    def execute(self) -> None:
        error = cast("Any", self.request).error
        self.status = f"{error.code} {error.reason}"
        body = error_document(error.reason.title().replace(" ", ""), error.body)
        self.response_headers = [("Content-Type", "application/xml")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Connection(HTTPChannel):
    parser_class = _Request
    error_task_class = _ErrorResponse

    @override
    def handle_close(self) -> None:
        super().handle_close()
        if self.request is not None:  # the client has disconnected during a request
            self.request.close()


_BACKLOG: Final = 1024
_THREADS: Final = MAX_STREAMS + 32  # each stream of events has a thread
_GRACE: Final = 2  # seconds
_SETTINGS: Final[dict[str, Any]] = {
    "backlog": _BACKLOG,
    "connection_limit": 10_000,
    "recv_bytes": 1 << 18,
    "max_request_body_size": 6 << 30,  # S3 accepts 5 GiB in one request
    "log_socket_errors": False,
    "ident": "s3batch",
    "clear_untrusted_proxy_headers": False,  # no application reads them
}
