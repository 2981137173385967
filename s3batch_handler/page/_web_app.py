"""The web application of live pages: the list of jobs, and a page for each job.

A page gets its documents as JSON and as server-sent events, and sends actions. The application
accepts requests only from browsers on this machine, and actions only from its own pages.
"""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import (
    InvalidTransition,
    JobError,
    JobNotFound,
    ReportError,
    StateError,
)
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.page._answers import Answers
from s3batch_handler.page._events import EventStreams
from s3batch_handler.page._html import ROOT
from s3batch_handler.page._http import HttpError, Request, Response, json_response, text_response
from s3batch_handler.page._request_check import check_action, check_request
from s3batch_handler.page._routes import find_route

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from s3batch_handler.page._source import JobSource


class WebApp:
    """A WSGI application with the pages of the jobs of a source, below ``/_s3batch/``.

    Args:
        source: The jobs.
        allowed_hosts: Names of this machine besides loopback, as
            :func:`~s3batch_handler.page._host_names.host_name` returns them.
        streams: The event streams; :meth:`close` ends them.
    """

    def __init__(
        self,
        source: JobSource,
        *,
        allowed_hosts: Collection[str] = (),
        streams: EventStreams | None = None,
    ) -> None:
        self._allowed_hosts = allowed_hosts
        self._streams = EventStreams() if streams is None else streams
        self._token = secrets.token_urlsafe(32)
        self._answers = Answers(source, self._streams, self._token)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request."""
        request = Request(environ)
        return self._response_to(request).send(request, start_response)

    def close(self, *, timeout: float = 2.0) -> None:
        """End the event streams: each sends the latest document and ``end``."""
        self._streams.close(timeout=timeout)

    def _response_to(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except HttpError as error:
            return _error(request, error.status, str(error), error.headers)
        except (JobError, ReportError) as error:
            return _error(request, _status_of(error), redacted_text(error))
        except Exception as error:
            _LOG.exception("A request of a page failed: %s", redacted_text(error))
            text = "The request failed. The log of the server contains the error"
            return _error(request, HTTPStatus.INTERNAL_SERVER_ERROR, text)

    def _answer(self, request: Request) -> Response:
        found = find_route(request.path)
        is_page = found is None or found[0].is_page
        check_request(request, allowed_hosts=self._allowed_hosts, is_page=is_page)
        if found is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "There is no such page")
        route, values = found
        if request.method != route.method:
            methods = "GET, HEAD" if route.method == "GET" else route.method
            text = f"This address accepts only {methods}"
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, text, Allow=methods)
        if route.method == "POST":
            check_action(request, token=self._token)
        return route.answer(self._answers, request, **values)


def _error(
    request: Request, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error: JSON for the scripts of a page, otherwise text."""
    if request.path.startswith(f"{ROOT}api/"):
        response = json_response({"error": text}, status)
    else:
        response = text_response(text, status)
    return Response(response.body, response.content_type, status, headers or {})


def _status_of(error: JobError | ReportError) -> HTTPStatus:
    match error:
        case JobNotFound():
            return HTTPStatus.NOT_FOUND
        case StateError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case InvalidTransition() | ReportError():
            return HTTPStatus.CONFLICT
        case JobError(code="BadRequestException" | "InvalidRequestException"):
            return HTTPStatus.BAD_REQUEST
        case _:
            return HTTPStatus.CONFLICT


_LOG: Final = logging.getLogger("s3batch_handler.page")
