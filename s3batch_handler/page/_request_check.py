"""Checks of requests: only live pages themselves, in a browser on this machine, may send them.

Other web pages can also send requests to loopback addresses. They cannot set the headers that are
checked here, because the browser sets them: ``Host``, ``Origin`` and ``Sec-Fetch-*``.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from s3batch_handler.page._host_names import host_name, is_loopback, is_loopback_address
from s3batch_handler.page._http import HttpError

if TYPE_CHECKING:
    from collections.abc import Collection

    from s3batch_handler.page._http import Request

ACTION_HEADER: Final = "X-S3Batch-Token"


def check_request(request: Request, *, allowed_hosts: Collection[str], is_page: bool) -> None:
    """Refuse requests from other machines, for other host names, and from other web pages.

    Args:
        request: The request.
        allowed_hosts: Further host names, as :func:`host_name` returns them.
        is_page: Whether the response is a page, which other sites may link to.

    Raises:
        HttpError: The request is refused.
    """
    if not is_loopback_address(request.environ.get("REMOTE_ADDR") or ""):
        raise _refused("Only browsers on the machine of the server can open this page")
    if not is_page_host(request.header("Host") or "", allowed_hosts):
        raise _refused(
            "Open this page at http://127.0.0.1 or http://localhost, with the port of the server. "
            "To use another name, start the server with --allowed-host NAME"
        )
    origin = request.header("Origin")
    if origin is not None and origin != f"http://{request.header('Host')}":
        raise _refused("This server refuses requests of other web pages")
    if not _is_from_this_site(request) and not (is_page and _is_navigation(request)):
        raise _refused("This server refuses requests of other web pages")


def check_action(request: Request, *, token: str) -> None:
    """Refuse actions that the page itself did not send.

    Raises:
        HttpError: The request has no ``Origin``, no valid token, or is not JSON.
    """
    if request.header("Origin") is None and request.header("Sec-Fetch-Site") != "same-origin":
        raise _refused("An action needs the Origin header of the page")
    content_type = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        text = "An action needs the Content-Type application/json"
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
    given = request.header(ACTION_HEADER) or ""
    if not hmac.compare_digest(given.encode("latin-1", "replace"), token.encode()):
        raise _refused("The server has restarted since the page was loaded. Reload the page")


def is_page_host(host: str, allowed_hosts: Collection[str] = ()) -> bool:
    """Return whether a ``Host`` header is exactly a name of this machine.

    Names below it are not: there, S3 clients put a bucket before the host.
    """
    name = host_name(host)
    return name is not None and (
        name in allowed_hosts or is_loopback(name.removeprefix("[").removesuffix("]"))
    )


def _is_from_this_site(request: Request) -> bool:
    """Return whether the page itself, the user or a program sent a request, not another page."""
    return request.header("Sec-Fetch-Site") in (None, "none", "same-origin")


def _is_navigation(request: Request) -> bool:
    """Return whether a request opens a page in a tab or a window, for example from a link."""
    return (
        request.header("Sec-Fetch-Mode") == "navigate"
        and request.header("Sec-Fetch-Dest") == "document"
        and request.method == "GET"
    )


def _refused(text: str) -> HttpError:
    return HttpError(HTTPStatus.FORBIDDEN, text)
