"""An HTTP server in a thread of this process, for as long as a block runs."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.local_aws._error_responses import Application

LOOPBACK: Final = "127.0.0.1"


def listening_socket(host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """Create a socket that listens at an address; port 0 is a free one.

    Raises:
        OSError: The port is taken, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
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
    """Serve requests that arrive at a socket while the block runs, each in a thread.

    This includes requests that arrived before the block.
    """
    # Log neither requests nor tracebacks of the application: the client gets the error.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    # With a socket that listens already: werkzeug ends the process if it cannot listen itself.
    host, port = listening.getsockname()[:2]
    server = make_server(host, port, application, threaded=True, fd=listening.fileno())
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL_SECONDS,), name="http-server", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_POLL_SECONDS: Final = 0.05  # between two checks whether the server has to end
