"""An HTTP server in a thread of this process, for as long as a block runs."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

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


# ---------------------------------------------------------------- errors in AWS's XML


def refuse(
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    status: str,
    code: str,
    message: str,
) -> Iterable[bytes]:
    """Answer a request with an error in the form of the service that it is for.

    ``status`` is ``403 Forbidden`` and the like.
    """
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    if not is_s3(environ):
        request_id = f"<RequestId>{uuid.uuid4()}</RequestId>"
        error = f"<ErrorResponse>{error}{request_id}</ErrorResponse>"
    start_response(status, [("Content-Type", "application/xml")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [error.encode()]


def is_s3(environ: dict[str, Any]) -> bool:
    """Return whether a request is for S3, rather than for S3 Control or STS."""
    is_control: bool = environ.get("PATH_INFO", "").startswith("/v20180820/")
    return not (is_control or is_query_api(environ))


def is_query_api(environ: dict[str, Any]) -> bool:
    """Return whether a request names its operation in the parameter ``Action``, as for STS."""
    if environ.get("PATH_INFO", "") not in ("", "/"):
        return False
    if environ["REQUEST_METHOD"] == "POST":
        content_type: str = environ.get("CONTENT_TYPE", "")
        if content_type.lower().startswith("application/x-www-form-urlencoded"):
            return True
    return "Action" in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)


# ---------------------------------------------------------------- allowed hosts


def for_own_hosts(
    application: Application, *, host: str, allowed_hosts: Iterable[str] = ()
) -> Application:
    """Refuse requests that a browser sends for a web page.

    A page can resolve its own host name to an address of this machine or network (DNS rebinding),
    but it can neither choose the ``Host`` that the browser sends, nor omit the ``Origin`` of a
    request that changes something on another site. Accepted hosts are the address at which the
    request arrives, loopback, ``host``, ``allowed_hosts``, and names below these, in which clients
    put buckets and account IDs. AWS's own names are accepted from clients that use this server as
    their proxy, which a page cannot do.

    Args:
        application: Answers all other requests.
        host: The address at which the server listens, as the user wrote it.
        allowed_hosts: Further names that clients use, as :func:`host_name` returns them.
    """
    names = ("localhost", *filter(None, map(host_name, (host, f"[{host}]"))), *allowed_hosts)

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_ORIGIN" in environ:
            text = "This server refuses requests of web pages: the request has an Origin header"
            return refuse(environ, start_response, "403 Forbidden", "AccessDenied", text)
        name = host_name(environ.get("HTTP_HOST", ""))
        is_own = name is not None and (
            _is_at(name, names)
            or _LOOPBACK_ADDRESS.fullmatch(name) is not None
            or _is_at(name, (_address_of(environ),))
            or (_is_for_a_proxy(environ) and _AWS_NAME.fullmatch(name) is not None)
        )
        if is_own:
            return application(environ, start_response)
        text = "The Host header is not a name of this server"
        if name is not None:
            text = f"{name[:_LONGEST_NAME]} is not a name of this server. Start it with "
            text += "--allowed-host NAME to use another name"
        return refuse(environ, start_response, "403 Forbidden", "AccessDenied", text)

    return checked


def host_name(host: str) -> str | None:
    """Return the name or address of a ``Host`` header for comparison: lower case, without a port.

    IPv6 addresses are in brackets, in their shortest form. Return ``None`` for an invalid value.
    """
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return None
    if match["v6"] is None:
        return match["name"]
    return _in_brackets(match["v6"])


_HOST: Final = re.compile(
    r"(?: \[ (?P<v6> [0-9a-f:.]+ ) (?: % [a-z0-9_.~-]+ )? \]"  # an address may have a zone
    r"  | (?P<name> [a-z0-9_-]+ (?: \. [a-z0-9_-]+ )* ) \.? )"
    r"(?: : [0-9]* )?",
    re.ASCII | re.VERBOSE,
)
_LOOPBACK_ADDRESS: Final = re.compile(
    # A bucket or an account ID may stand before an address. No page has such a host name, because
    # browsers treat a name that ends in a number as an IP address, and this is not a valid one.
    r"(?:.+\.)?127(?:\.[0-9]{1,3}){3}|\[::1\]",
    re.ASCII,
)
_AWS_NAME: Final = re.compile(
    r"(?:.+\.)?(?:s3|s3-control|sts)(?:[.-][a-z0-9.-]+)?\.amazonaws\.com(?:\.cn)?", re.ASCII
)
_LONGEST_NAME: Final = 255  # RFC 1035


def _in_brackets(address: str) -> str | None:
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return None
    return str(found.ipv4_mapped) if found.ipv4_mapped else f"[{found}]"


def _is_at(name: str, places: Iterable[str | None]) -> bool:
    return any(place and (name == place or name.endswith(f".{place}")) for place in places)


def _address_of(environ: dict[str, Any]) -> str | None:
    """Return the address of this machine at which a request arrived."""
    connection = environ.get("werkzeug.socket")
    if connection is None:
        return None
    address = connection.getsockname()[0].partition("%")[0]
    return host_name(f"[{address}]" if ":" in address else address)


def _is_for_a_proxy(environ: dict[str, Any]) -> bool:
    """Return whether a client uses this server as a proxy: the request line has a whole URL."""
    target: str = environ.get("RAW_URI", "")
    return target.lower().startswith("http://")


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        # Python puts the address into the text, in words of its own.
        text = (error.strerror or str(error)).partition(" (while ")[0]
        raise OSError(error.errno, text, f"{host}:{port}") from error
