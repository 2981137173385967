"""The responses of live pages: pages, their documents and events, and actions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.page._assets import read_asset
from s3batch_handler.page._html import ROOT, live_list, live_page, saved_page
from s3batch_handler.page._http import HttpError, Response, json_response
from s3batch_handler.page._parameters import failed_query, job_query, text_in
from s3batch_handler.page._source import FailedQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3batch_handler.page._document import JobDocument, ListDocument
    from s3batch_handler.page._events import EventStreams
    from s3batch_handler.page._http import Request
    from s3batch_handler.page._source import JobSource


class Answers:
    """Builds the responses to requests that were checked.

    Args:
        source: The jobs.
        streams: The event streams.
        token: What actions must contain: documents have it.
    """

    def __init__(self, source: JobSource, streams: EventStreams, token: str) -> None:
        self._source = source
        self._streams = streams
        self._token = token

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
        return json_response(self._source.failed_tasks(job_id, failed_query(request)))

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
        return self._source.jobs(job_query(request))

    # ------------------------------------------------------------ actions

    def confirm(self, request: Request, job_id: str) -> Response:
        """Confirm a job."""
        request.json()
        self._source.confirm(job_id)
        return json_response({})

    def cancel(self, request: Request, job_id: str) -> Response:
        """Cancel a job."""
        self._source.cancel(job_id, text_in(request.json(), "reason"))
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
        token = text_in(body, "token")
        if not token:
            raise HttpError(HTTPStatus.BAD_REQUEST, "token is missing")
        query = FailedQuery(search=text_in(body, "search"), code=text_in(body, "code"))
        return json_response({"job_id": self._source.redrive(job_id, query, token)})


def _html(page: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(page.encode(), "text/html; charset=utf-8", headers=headers or {})


def _has_ended(document: Mapping[str, Any]) -> bool:
    status = document["job"]["status"]
    return status is None or JobStatus(status).is_final
