"""The web application of live pages: the list of jobs, and a page for each job.

A page gets its documents as JSON and as server-sent events, and sends actions. The application
accepts requests only from browsers on this machine, and actions only from its own pages.
"""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from s3batch_handler.core._errors import (
    InvalidTransition,
    JobError,
    JobNotFound,
    ReportError,
    StateError,
)
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.page._assets import read_asset
from s3batch_handler.page._events import EventStreams
from s3batch_handler.page._html import ROOT, live_list, live_page, saved_page
from s3batch_handler.page._http import HttpError, Request, Response, json_response, text_response
from s3batch_handler.page._request_check import check_action, check_request
from s3batch_handler.page._source import FailedQuery, JobQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from s3batch_handler.page._document import JobDocument, ListDocument
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
        self._source = source
        self._allowed_hosts = allowed_hosts
        self._streams = EventStreams() if streams is None else streams
        self._token = secrets.token_urlsafe(32)

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
        route, values = _route(request.path)
        check_request(request, allowed_hosts=self._allowed_hosts, is_page=route.is_page)
        if request.method != route.method:
            methods = "GET, HEAD" if route.method == "GET" else route.method
            text = f"This address accepts only {methods}"
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, text, Allow=methods)
        if route.method == "POST":
            check_action(request, token=self._token)
        return route.answer(self, request, **values)

    # ------------------------------------------------------------ pages

    def redirect(self, _request: Request) -> Response:
        """Redirect to the list of jobs."""
        return Response(b"", "text/plain", HTTPStatus.FOUND, {"Location": ROOT})

    def list_page(self, request: Request) -> Response:
        """Return the list of jobs."""
        return _html(live_list(self._jobs(request)))

    def job_page(self, _request: Request, job_id: str) -> Response:
        """Return the page of a job."""
        return _html(live_page(self._job(job_id), f"{ROOT}api/jobs/{quote(job_id)}"))

    def asset(self, _request: Request, name: str) -> Response:
        """Return a style or a script."""
        try:
            asset = read_asset(name)
        except KeyError:
            raise HttpError(HTTPStatus.NOT_FOUND, "There is no such file") from None
        return Response(asset.content, asset.content_type)

    def saved(self, _request: Request, job_id: str) -> Response:
        """Return the page of a job as a file to keep, with some of its failed tasks."""
        headers = {"Content-Disposition": f'attachment; filename="job-{job_id}.html"'}
        return _html(saved_page(self._source.saved(job_id)), headers)

    # ------------------------------------------------------------ documents

    def jobs(self, request: Request) -> Response:
        """Return a part of the list of jobs."""
        return json_response(self._jobs(request))

    def job(self, _request: Request, job_id: str) -> Response:
        """Return the document of a job."""
        return json_response(self._job(job_id))

    def failed(self, request: Request, job_id: str) -> Response:
        """Return failed tasks of a job."""
        query = request.query()
        return json_response(
            self._source.failed_tasks(
                job_id,
                FailedQuery(
                    search=_one(query, "search"),
                    code=_one(query, "code"),
                    after=_one(query, "after") or None,
                    limit=_limit(query),
                ),
            )
        )

    def list_events(self, request: Request) -> Response:
        """Return a part of the list of jobs whenever it changes."""
        return self._events(request, "list", lambda: self._jobs(request), lambda _: False)

    def job_events(self, request: Request, job_id: str) -> Response:
        """Return the document of a job whenever it changes, until the job has ended."""
        return self._events(request, "job", lambda: self._job(job_id), _has_ended)

    def _events(
        self,
        request: Request,
        name: str,
        read: Callable[[], Mapping[str, Any]],
        is_over: Callable[[Mapping[str, Any]], bool],
    ) -> Response:
        if request.environ["REQUEST_METHOD"] == "HEAD":
            return Response(b"", "text/event-stream")
        return self._streams.open(name, read, is_over=is_over)

    def _job(self, job_id: str) -> JobDocument:
        document = self._source.job(job_id)
        document["live"] = {"token": self._token, "actions": self._source.actions(job_id)}
        return document

    def _jobs(self, request: Request) -> ListDocument:
        query = request.query()
        statuses = [status for status in query.get("status", ()) if status in set(JobStatus)]
        if len(statuses) < len(query.get("status", ())):
            raise HttpError(
                HTTPStatus.BAD_REQUEST, "status is not a status of jobs, such as Active"
            )
        return self._source.jobs(
            JobQuery(
                statuses=statuses,
                search=_one(query, "search"),
                after=_one(query, "after") or None,
                limit=_limit(query),
            )
        )

    # ------------------------------------------------------------ actions

    def confirm(self, request: Request, job_id: str) -> Response:
        """Confirm a job."""
        request.json()
        self._source.confirm(job_id)
        return json_response({})

    def cancel(self, request: Request, job_id: str) -> Response:
        """Cancel a job."""
        self._source.cancel(job_id, _text_in(request.json(), "reason"))
        return json_response({})

    def priority(self, request: Request, job_id: str) -> Response:
        """Change the priority of a job."""
        priority = request.json().get("priority")
        if type(priority) is not int:  # bool is a subclass of int
            raise HttpError(HTTPStatus.BAD_REQUEST, "priority is not a whole number")
        self._source.set_priority(job_id, priority)
        return json_response({})

    def redrive(self, request: Request, job_id: str) -> Response:
        """Create a job for failed tasks of a job."""
        body = request.json()
        token = _text_in(body, "token")
        if not token:
            raise HttpError(HTTPStatus.BAD_REQUEST, "token is missing")
        query = FailedQuery(search=_text_in(body, "search"), code=_text_in(body, "code"))
        return json_response({"job_id": self._source.redrive(job_id, query, token)})


# ---------------------------------------------------------------- routes


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    answer: Callable[..., Response]
    method: str = "GET"
    is_page: bool = False


def _at(path: str, answer: Callable[..., Response], **options: Any) -> _Route:
    return _Route(re.compile(f"{ROOT}{path}", re.ASCII), answer, **options)


_JOB: Final = r"api/jobs/(?P<job_id>[A-Za-z0-9][A-Za-z0-9._-]{0,99})"
_ROUTES: Final = (
    _Route(re.compile(f"/|{ROOT.removesuffix('/')}"), WebApp.redirect, is_page=True),
    _at("", WebApp.list_page, is_page=True),
    _at(_JOB.removeprefix("api/"), WebApp.job_page, is_page=True),
    _at("assets/(?P<name>[A-Za-z0-9._-]+)", WebApp.asset),
    _at("api/jobs", WebApp.jobs),
    _at("api/jobs/events", WebApp.list_events),
    _at(_JOB, WebApp.job),
    _at(f"{_JOB}/events", WebApp.job_events),
    _at(f"{_JOB}/failed", WebApp.failed),
    _at(f"{_JOB}/saved", WebApp.saved),
    _at(f"{_JOB}/confirm", WebApp.confirm, method="POST"),
    _at(f"{_JOB}/cancel", WebApp.cancel, method="POST"),
    _at(f"{_JOB}/priority", WebApp.priority, method="POST"),
    _at(f"{_JOB}/redrive", WebApp.redrive, method="POST"),
)


def _no_such_page(_app: WebApp, _request: Request) -> Response:
    raise HttpError(HTTPStatus.NOT_FOUND, "There is no such page")


def _route(path: str) -> tuple[_Route, dict[str, str]]:
    """Return the route of a path, and the values in the path."""
    for route in _ROUTES:
        if match := route.pattern.fullmatch(path):
            return route, match.groupdict()
    return _Route(re.compile(""), _no_such_page, is_page=True), {}


# ---------------------------------------------------------------- values in requests


def _one(query: Mapping[str, list[str]], name: str) -> str:
    """Return the last value of a parameter; ``""`` if it is not given."""
    return query.get(name, [""])[-1]


def _limit(query: Mapping[str, list[str]]) -> int:
    text = _one(query, "limit") or str(_ROWS)
    if not re.fullmatch("[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= _MOST_ROWS:
        raise HttpError(HTTPStatus.BAD_REQUEST, f"limit is not a number from 1 to {_MOST_ROWS}")
    return int(text)


def _text_in(body: Mapping[str, Any], name: str) -> str:
    """Return a member of a body; ``""`` if it is not given."""
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise HttpError(HTTPStatus.BAD_REQUEST, f"{name} is not a text")
    return value


_ROWS: Final = 50
_MOST_ROWS: Final = 500


# ---------------------------------------------------------------- responses


def _html(page: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(page.encode(), "text/html; charset=utf-8", headers=headers or {})


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
    return HTTPStatus.CONFLICT


def _has_ended(document: Mapping[str, Any]) -> bool:
    status = document["job"]["status"]
    return status is None or JobStatus(status).is_final


_LOG: Final = logging.getLogger("s3batch_handler.page")
