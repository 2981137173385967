"""The host names that requests may use, so that web pages cannot use a server."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from s3batch_handler.local_aws._error_responses import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse


def for_own_hosts(
    application: Application, *, host: str, allowed_hosts: Iterable[str] = ()
) -> Application:
    """Block requests that a browser sends for a web page.

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

    def checked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name = host_name(environ.get("HTTP_HOST", ""))
        if "HTTP_ORIGIN" in environ:
            text = "This server refuses requests of web pages: the request has an Origin header"
        elif name is None:
            text = "The Host header is not a name of this server"
        elif (
            _is_below(name, (*names, _address_of(environ)))
            or _LOOPBACK_OR_BELOW.fullmatch(name)
            # A client that uses this server as its proxy sends the whole URL.
            or (
                environ.get("RAW_URI", "").lower().startswith("http://")
                and _AWS_NAME.fullmatch(name)
            )
        ):
            return application(environ, start_response)
        else:
            text = f"{name[:_MAX_NAME]} is not a name of this server. Start it with "
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
    try:
        address = ipaddress.IPv6Address(match["v6"])
    except ValueError:
        return None
    return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address}]"


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens at an address."""
    return _LOOPBACK.fullmatch(host) is not None


_HOST: Final = re.compile(
    r"(?: \[ (?P<v6> [0-9a-f:.]+ ) (?: % [a-z0-9_.~-]+ )? \]"  # an address may have a zone
    r"  | (?P<name> [a-z0-9_-]+ (?: \. [a-z0-9_-]+ )* ) \.? )"
    r"(?: : [0-9]* )?",
    re.ASCII | re.VERBOSE,
)
_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.ASCII | re.IGNORECASE)
_LOOPBACK_OR_BELOW: Final = re.compile(
    # A bucket or an account ID may stand before an address. No page has such a host name, because
    # browsers treat a name that ends in a number as an IP address, and this is not a valid one.
    r"(?:.+\.)?127(?:\.[0-9]{1,3}){3}|\[::1\]",
    re.ASCII,
)
_AWS_NAME: Final = re.compile(
    r"(?:.+\.)?(?:s3|s3-control|sts)(?:[.-][a-z0-9.-]+)?\.amazonaws\.com(?:\.cn)?", re.ASCII
)
_MAX_NAME: Final = 255  # RFC 1035


def _is_below(name: str, hosts: Iterable[str | None]) -> bool:
    """Return whether a name is one of the hosts, or below one."""
    return any(host and (name == host or name.endswith(f".{host}")) for host in hosts)


def _address_of(environ: Environ) -> str | None:
    """Return the address of this machine at which a request arrived."""
    connection = environ.get("werkzeug.socket")
    if connection is None:
        return None
    address = connection.getsockname()[0].partition("%")[0]
    return host_name(f"[{address}]" if ":" in address else address)
