"""An HTTP server in a thread of this process, for as long as a block runs."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK: Final = "127.0.0.1"

_POLL: Final = 0.05  # seconds until it sees that it is to end

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""


@contextmanager
def listening(
    application_at: Callable[[str], Application], *, host: str = LOOPBACK, port: int = 0
) -> Iterator[str]:
    """Answer requests while the block runs, each in a thread of its own; give the address.

    Args:
        application_at: Makes the application, given the address, ``http://host:port``. Requests
            that come before it is made wait for it.
        host: Where to listen; by default where only this machine reaches it.
        port: 0 for a free one.

    Raises:
        OSError: The port is taken, or the host is not an address of this machine.
    """
    # Neither a line for each request nor the application's tracebacks: the client gets the error.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    # A socket of our own: werkzeug would end the process where it cannot have the port.
    with _socket(host, port) as waiting:
        # Numbers, not a host name: clients of S3 would put the bucket before a name.
        numbers, port = waiting.getsockname()[:2]
        address = f"http://[{numbers}]:{port}" if ":" in numbers else f"http://{numbers}:{port}"
        application = cast("Any", application_at(address))
        server = make_server(host, port, application, threaded=True, fd=waiting.fileno())
        thread = threading.Thread(
            target=server.serve_forever, args=(_POLL,), name="http-server", daemon=True
        )
        thread.start()
        try:
            yield address
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def refuse(
    start_response: Callable[..., Any], status: str, code: str, message: str
) -> Iterable[bytes]:
    """Answer a request with an error in S3's form; ``status`` is ``403 Forbidden`` and the like."""
    start_response(status, [("Content-Type", "application/xml")])
    return [f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()]


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        # Python puts the address into the text, in words of its own.
        text = (error.strerror or str(error)).partition(" (while ")[0]
        raise OSError(error.errno, text, f"{host}:{port}") from error
