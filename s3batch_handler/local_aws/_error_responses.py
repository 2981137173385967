"""Error responses in AWS's XML, and the service that a request is for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
"""A WSGI application."""


def refuse(
    environ: Environ, start_response: StartResponse, status: str, code: str, message: str
) -> Iterable[bytes]:
    """Return an error response in the format of the service that the request is for.

    ``status`` is ``403 Forbidden`` and the like.
    """
    body = error_document(code, message, of_s3=is_s3(environ))
    size = ("Content-Length", str(len(body)))
    start_response(status, [("Content-Type", "application/xml"), size])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def error_document(code: str, message: str, *, of_s3: bool = True) -> bytes:
    """Return an error of S3, or of S3 Control and STS, in XML."""
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    if not of_s3:
        request_id = f"<RequestId>{uuid.uuid4()}</RequestId>"
        error = f"<ErrorResponse>{error}{request_id}</ErrorResponse>"
    return error.encode()


def is_s3(environ: Environ) -> bool:
    """Return whether a request is for S3, rather than for S3 Control or STS."""
    is_control: bool = environ.get("PATH_INFO", "").startswith("/v20180820/")
    return not (is_control or is_query_api(environ))


def is_query_api(environ: Environ) -> bool:
    """Return whether a request names its operation in the parameter ``Action``, as for STS."""
    if environ.get("PATH_INFO", "") not in ("", "/"):
        return False
    if environ["REQUEST_METHOD"] == "POST":
        content_type: str = environ.get("CONTENT_TYPE", "")
        if content_type.lower().startswith("application/x-www-form-urlencoded"):
            return True
    return "Action" in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
