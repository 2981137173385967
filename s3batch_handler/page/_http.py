"""HTTP requests and responses of live pages, without a web framework."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

MAX_BODY: Final = 64 * 1024
_MAX_QUERY: Final = 16 * 1024


class HttpError(Exception):
    """A request that is refused; its text is for the user.

    Attributes:
        status: The status of the response.
        headers: Further headers of the response.
    """

    def __init__(self, status: HTTPStatus, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as WSGI describes it."""

    environ: WSGIEnvironment

    @property
    def method(self) -> str:
        """Return the method; ``HEAD`` is ``GET``, whose body the response then omits."""
        method: str = self.environ["REQUEST_METHOD"]
        return "GET" if method == "HEAD" else method

    @property
    def path(self) -> str:
        """Return the path, decoded, with a character for each byte."""
        path: str = self.environ.get("PATH_INFO", "")
        return path

    def header(self, name: str) -> str | None:
        """Return the value of a header; ``None`` if the request does not have it."""
        key = name.upper().replace("-", "_")
        prefix = "" if key.startswith("CONTENT_") else "HTTP_"
        value: str | None = self.environ.get(f"{prefix}{key}")
        return value

    def query(self) -> dict[str, list[str]]:
        """Return the parameters of the query. Bytes that are not UTF-8 become lone surrogates.

        Raises:
            HttpError: The query is too long.
        """
        text = self.environ.get("QUERY_STRING", "")
        if len(text) > _MAX_QUERY:
            raise HttpError(HTTPStatus.REQUEST_URI_TOO_LONG, "The search text is too long")
        try:
            return parse_qs(text, errors="surrogateescape", max_num_fields=100)
        except ValueError:
            raise HttpError(HTTPStatus.BAD_REQUEST, "The query has too many parameters") from None

    def json(self) -> dict[str, Any]:
        """Read the body, which must be a JSON object; an empty body is an empty object.

        Raises:
            HttpError: The body is too large, or it is not a JSON object.
        """
        try:
            size = int(self.header("Content-Length") or "")
        except ValueError:
            raise HttpError(
                HTTPStatus.LENGTH_REQUIRED, "The request has no valid Content-Length"
            ) from None
        if not 0 <= size <= MAX_BODY:
            text = f"The body has {size} bytes, expected at most {MAX_BODY}"
            raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        body = self.environ["wsgi.input"].read(size)
        try:
            content = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise HttpError(HTTPStatus.BAD_REQUEST, "The body is not a JSON object")
        return content


@dataclass(frozen=True, slots=True)
class Response:
    """A response: its whole body, or the parts of a stream."""

    body: bytes | Iterable[bytes]
    content_type: str
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, request: Request, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response, as WSGI requires, with the headers that all responses have."""
        headers = {**COMMON_HEADERS, **self.headers, "Content-Type": self.content_type}
        if isinstance(self.body, bytes):
            headers["Content-Length"] = str(len(self.body))
        start_response(f"{self.status.value} {self.status.phrase}", [*headers.items()])
        if request.environ["REQUEST_METHOD"] == "HEAD":
            return []
        return [self.body] if isinstance(self.body, bytes) else self.body


def json_response(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a response of JSON."""
    return Response(to_json(content).encode("ascii"), "application/json", status)


def to_json(content: object) -> str:
    """Return compact JSON in ASCII: lone surrogates are escaped like all other characters."""
    return json.dumps(content, separators=(",", ":"))


def text_response(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a response of plain text."""
    return Response(f"{text}\n".encode("utf-8", "replace"), "text/plain; charset=utf-8", status)


CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
COMMON_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
