"""Serve S3 and the pages of jobs on one server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.page._host_names import host_name
from s3batch_handler.page._html import ROOT
from s3batch_handler.page._request_check import is_page_host

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse


def with_pages(s3: Application, pages: Application, allowed_hosts: Collection[str]) -> Application:
    """Answer requests below ``/_s3batch/`` with ``pages``, and all others with ``s3``.

    No bucket can have this name. With a bucket before the host, the path is the key of an object.

    Objects have the same origin as the pages, so a script in an HTML object could act on jobs. In a
    browser, objects have no scripts and no origin.
    """
    s3 = _sandboxed_in_browsers(s3)

    def choose(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        is_page = path.startswith(ROOT) or path == ROOT.rstrip("/")
        host = environ.get("HTTP_HOST", "")
        if is_page and (is_page_host(host, allowed_hosts) or _is_address(host)):
            return pages(environ, start_response)
        return s3(environ, start_response)

    return choose


def _sandboxed_in_browsers(s3: Application) -> Application:
    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        is_browser = "HTTP_SEC_FETCH_SITE" in environ or _BROWSER in environ.get(
            "HTTP_USER_AGENT", ""
        )
        if not is_browser:
            return s3(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *others: Any) -> Any:
            return start_response(status, [*headers, *_SANDBOX], *others)

        return s3(environ, start)

    return answer


def _is_address(host: str) -> bool:
    """Return whether a host is an IP address. The pages then answer which address to use."""
    return _ADDRESS.fullmatch(host_name(host) or "") is not None


_BROWSER: Final = "Mozilla/"  # all browsers, also those that do not send Sec-Fetch-Site
_SANDBOX: Final = (
    ("Content-Security-Policy", "sandbox"),
    ("X-Content-Type-Options", "nosniff"),
)
_ADDRESS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\]", re.ASCII)
