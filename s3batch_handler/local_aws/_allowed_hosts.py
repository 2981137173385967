"""The host names that requests may use, so that web pages cannot use a server."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from s3batch_handler.local_aws._error_responses import refuse
from s3batch_handler.page._host_names import host_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse


def for_own_hosts(
    application: Application, *, host: str, allowed_hosts: Iterable[str] = ()
) -> Application:
    """Block requests that a browser sends for a web page.

    A page can resolve its own host name to an address of this machine or network (DNS rebinding),
    but it can neither choose the ``Host`` that the browser sends, nor omit the ``Origin`` of a
    request that changes something on another site. Accepted hosts are loopback, ``host``,
    ``allowed_hosts``, and names below these, in which clients put buckets and account IDs. A server
    on all interfaces accepts every address: a page with an address in its URL comes from there.
    AWS's own names are accepted from clients that use this server as their proxy, which a page
    cannot do.

    Args:
        application: Answers all other requests.
        host: The address at which the server listens, as the user wrote it.
        allowed_hosts: Further names that clients use, as :func:`host_name` returns them.
    """
    names = ("localhost", *filter(None, map(host_name, (host, f"[{host}]"))), *allowed_hosts)
    addresses = _ANY_ADDRESS if _is_unspecified(host) else _LOOPBACK

    def checked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name = host_name(environ.get("HTTP_HOST", ""))
        if "HTTP_ORIGIN" in environ:
            text = "This server refuses requests of web pages: the request has an Origin header"
        elif name is None:
            text = "The Host header is not a name of this server"
        elif (
            _is_below(name, names)
            or addresses.fullmatch(name)
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


# A bucket or an account ID may stand before an address. No page has such a host name, because
# browsers treat a name that ends in a number as an IP address, and this is not a valid one.
_LOOPBACK: Final = re.compile(r"(?:.+\.)?127(?:\.[0-9]{1,3}){3}|\[::1\]", re.ASCII)
_ANY_ADDRESS: Final = re.compile(r"(?:.+\.)?[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[^\]]+\]", re.ASCII)
_AWS_NAME: Final = re.compile(
    r"(?:.+\.)?(?:s3|s3-control|sts)(?:[.-][a-z0-9.-]+)?\.amazonaws\.com(?:\.cn)?", re.ASCII
)
_MAX_NAME: Final = 255  # RFC 1035


def _is_below(name: str, hosts: Iterable[str]) -> bool:
    """Return whether a name is one of the hosts, or below one."""
    return any(name == host or name.endswith(f".{host}") for host in hosts)


def _is_unspecified(host: str) -> bool:
    """Return whether a server at this address listens on all interfaces."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:  # a name
        return False
