"""The web application of live pages: its addresses, its actions and its errors."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import InvalidTransition, JobError, JobNotFound, ReportError
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.page._events import EventStreams
from s3batch_handler.page._web_app import WebApp
from tests.support.page_documents import JOB_ID, failed_task, job_document

if TYPE_CHECKING:
    from s3batch_handler.page._document import ActionName, FailedTasks, JobDocument, ListDocument
    from s3batch_handler.page._source import FailedQuery, JobQuery


class OneJob:
    """A source with one job, which records what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.error: Exception | None = None
        self.document: JobDocument = job_document()

    def _call(self, *call: object) -> None:
        self.calls.append(call)
        if self.error is not None:
            raise self.error

    def jobs(self, query: JobQuery) -> ListDocument:
        self._call("jobs", query.statuses, query.search, query.after, query.limit)
        return {
            "version": 1,
            "time": "2026-11-30T12:05:00+00:00",
            "jobs": [],
            "matching": 0,
            "by_status": {},
            "next": None,
        }

    def job(self, job_id: str) -> JobDocument:
        self._call("job", job_id)
        if job_id != JOB_ID:
            raise JobNotFound(job_id=job_id)
        return self.document

    def saved(self, job_id: str) -> JobDocument:
        self._call("saved", job_id)
        tasks: FailedTasks = {"rows": [failed_task(7)], "total": 1, "searched": 1, "next": None}
        return {**self.document, "failed_tasks": tasks}

    def actions(self, job_id: str) -> list[ActionName]:
        self._call("actions", job_id)
        return ["cancel"]

    def failed_tasks(self, job_id: str, query: FailedQuery) -> FailedTasks:
        self._call("failed", job_id, query.search, query.code, query.after, query.limit)
        return {"rows": [failed_task(7)], "total": 1, "searched": 1, "next": None}

    def confirm(self, job_id: str) -> None:
        self._call("confirm", job_id)

    def cancel(self, job_id: str, reason: str) -> None:
        self._call("cancel", job_id, reason)

    def set_priority(self, job_id: str, priority: int) -> None:
        self._call("priority", job_id, priority)

    def redrive(self, job_id: str, query: FailedQuery, token: str) -> str:
        self._call("redrive", job_id, query.search, query.code, token)
        return "new-job"


class Browser:
    """Sends requests as the page of a browser does."""

    def __init__(self, source: OneJob | None = None) -> None:
        self.source = OneJob() if source is None else source
        self.app = WebApp(self.source, streams=EventStreams(interval=0.001))

    def send(
        self, method: str, path: str, body: bytes = b"", **environ: str
    ) -> tuple[str, dict[str, str], bytes]:
        path, _, query = path.partition("?")
        started: list[Any] = []
        values: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost:5005",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        parts = self.app(values, lambda *call: started.extend(call))  # type: ignore[arg-type]
        return started[0], dict(started[1]), b"".join(parts)

    def json(self, path: str) -> Any:
        return json.loads(self.send("GET", path)[2])

    def act(self, action: str, content: Any = None, **environ: str) -> tuple[str, Any]:
        token = self.json(f"/_s3batch/api/jobs/{JOB_ID}")["live"]["token"]
        self.source.calls.clear()
        status, _, body = self.send(
            "POST",
            f"/_s3batch/api/jobs/{JOB_ID}/{action}",
            content if isinstance(content, bytes) else json.dumps(content or {}).encode(),
            **{
                "HTTP_ORIGIN": "http://localhost:5005",
                "HTTP_X_S3BATCH_TOKEN": token,
                "CONTENT_TYPE": "application/json",
                **environ,
            },
        )
        return status, json.loads(body)


API = f"/_s3batch/api/jobs/{JOB_ID}"
ADDRESSES = [
    "/_s3batch/",
    f"/_s3batch/jobs/{JOB_ID}",
    "/_s3batch/assets/theme.js",
    "/_s3batch/api/jobs",
    API,
    f"{API}/failed",
    f"{API}/saved",
]


@pytest.mark.parametrize("path", [*ADDRESSES, f"{API}/events", "/", "/_s3batch/nothing"])
def test_each_response_has_the_headers_that_protect_the_page(path: str) -> None:
    browser = Browser()
    browser.source.document["job"]["status"] = "Complete"
    browser.source.document["failures"] = []

    _, headers, _ = browser.send("GET", path)

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [*ADDRESSES, f"{API}/events"])
def test_head_has_the_headers_of_get_and_no_body(path: str) -> None:
    browser = Browser()

    status, headers, body = browser.send("HEAD", path)

    assert status == "200 OK"
    assert body == b""
    if not path.endswith("events"):
        _, same, content = browser.send("GET", path)
        assert headers.keys() == same.keys()
        assert headers["Content-Type"] == same["Content-Type"]
        assert len(content) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "x"])
@pytest.mark.parametrize("path", ADDRESSES)
def test_other_methods_are_refused(method: str, path: str) -> None:
    status, headers, _ = Browser().send(method, path)

    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("action", ["confirm", "cancel", "priority", "redrive"])
def test_actions_are_not_possible_with_get(action: str) -> None:
    browser = Browser()

    status, headers, _ = browser.send("GET", f"{API}/{action}")

    assert (status, headers["Allow"]) == ("405 Method Not Allowed", "POST")
    assert browser.source.calls == []


def test_actions_reach_the_job() -> None:
    browser = Browser()
    for action, content, call in (
        ("confirm", {}, ("confirm", JOB_ID)),
        ("cancel", {"reason": "too slow"}, ("cancel", JOB_ID, "too slow")),
        ("cancel", {}, ("cancel", JOB_ID, "")),
        ("priority", {"priority": 7}, ("priority", JOB_ID, 7)),
    ):
        assert browser.act(action, content) == ("200 OK", {})
        assert browser.source.calls == [call]

    redrive = {"search": "a\udc80", "code": "404", "token": "once"}

    assert browser.act("redrive", redrive) == ("200 OK", {"job_id": "new-job"})
    assert browser.source.calls == [("redrive", JOB_ID, "a\udc80", "404", "once")]


@pytest.mark.parametrize(
    ("action", "content", "status"),
    [
        ("priority", {}, 400),
        ("priority", {"priority": True}, 400),
        ("priority", {"priority": "7"}, 400),
        ("priority", {"priority": 7.5}, 400),
        ("cancel", {"reason": ["x"]}, 400),
        ("redrive", {"search": "x"}, 400),
        ("redrive", {"token": "once", "code": 4}, 400),
        ("confirm", b"[]", 400),
        ("confirm", b"{", 400),
        ("confirm", b"\xff", 400),
        ("confirm", b"[" * 60_000, 400),
        ("confirm", b" " * 70_000, 413),
    ],
)
def test_an_invalid_action_is_refused_and_changes_nothing(
    action: str, content: Any, status: int
) -> None:
    browser = Browser()

    found, answer = browser.act(action, content)

    assert found.startswith(str(status))
    assert answer["error"]
    assert browser.source.calls == []


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_X_S3BATCH_TOKEN": "guessed"},
        {"CONTENT_TYPE": "text/plain"},
        {"CONTENT_LENGTH": ""},
        {"HTTP_HOST": "evil.example"},
        {"REMOTE_ADDR": "10.0.0.7"},
    ],
)
def test_an_action_of_anybody_else_changes_nothing(environ: dict[str, str]) -> None:
    browser = Browser()

    status, _ = browser.act("cancel", {"reason": "x"}, **environ)

    assert status[0] == "4"
    assert browser.source.calls == []


def test_a_server_that_starts_again_has_another_token() -> None:
    first, second = Browser(), Browser()

    assert first.json(API)["live"]["token"] != second.json(API)["live"]["token"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JobNotFound(job_id="x"), "404 Not Found"),
        (JobError("too old", code="BadRequestException"), "400 Bad Request"),
        (
            InvalidTransition(job_id="x", current=JobStatus.ACTIVE, requested=JobStatus.READY),
            "409 Conflict",
        ),
        (ReportError("nothing matches"), "409 Conflict"),
        (RuntimeError("secret details"), "500 Internal Server Error"),
    ],
)
def test_an_error_of_a_job_has_a_status_and_a_text(error: Exception, status: str) -> None:
    """The text of an unexpected exception stays in the log."""
    browser = Browser()
    token = browser.json(API)["live"]["token"]
    browser.source.error = error

    found, headers, body = browser.send(
        "POST",
        f"{API}/confirm",
        b"{}",
        HTTP_ORIGIN="http://localhost:5005",
        HTTP_X_S3BATCH_TOKEN=token,
        CONTENT_TYPE="application/json",
    )

    assert found == status
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body)["error"]
    assert b"secret" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/_s3batch/jobs/unknown",
        "/_s3batch/jobs/",
        "/_s3batch/jobs/../../etc/passwd",
        "/_s3batch/assets/../_html.py",
        "/_s3batch/assets/secret.js",
        "/_s3batch/api/jobs/unknown/events",
        "/_s3batch/x\n",
        f"/_s3batch/jobs/{JOB_ID}\n",
        f"/_s3batch/jobs/{JOB_ID}/",
    ],
)
def test_unknown_addresses_are_not_found(path: str) -> None:
    assert Browser().send("GET", path)[0] == "404 Not Found"


def test_an_unknown_action_is_not_found() -> None:
    assert Browser().act("delete")[0] == "404 Not Found"


def test_the_query_of_a_list_reaches_the_source() -> None:
    browser = Browser()
    search = quote('a "b" %<ö>'.encode())

    browser.json(f"/_s3batch/api/jobs?status=Active&status=Ready&search={search}&after=x~y&limit=9")
    browser.json("/_s3batch/api/jobs")

    assert browser.source.calls == [
        ("jobs", ["Active", "Ready"], 'a "b" %<ö>', "x~y", 9),
        ("jobs", [], "", None, 50),
    ]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=%D9%A1", "status=Done"],
)
def test_a_query_that_is_not_valid_is_refused(query: str) -> None:
    browser = Browser()

    status, _, body = browser.send("GET", f"/_s3batch/api/jobs?{query}")

    assert (status, browser.source.calls) == ("400 Bad Request", [])
    assert json.loads(body)["error"]


@pytest.mark.parametrize(
    ("query", "status"), [("search=" + "x" * 20_000, "414"), ("a=1&" * 101, "400")]
)
def test_a_query_that_is_too_large_is_refused(query: str, status: str) -> None:
    assert Browser().send("GET", f"{API}/failed?{query}")[0].startswith(status)


@given(search=st.text(max_size=50), code=st.text(max_size=10))
def test_any_search_reaches_the_source(search: str, code: str) -> None:
    browser = Browser()
    parameters = [
        f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}"
        for name, value in (("search", search), ("code", code))
    ]

    browser.json(f"{API}/failed?{'&'.join(parameters)}")

    assert browser.source.calls == [("failed", JOB_ID, search, code, None, 50)]


def test_bytes_that_are_not_utf_8_are_searched_as_lone_surrogates() -> None:
    """Keys that are not valid UTF-8 contain these, too."""
    browser = Browser()

    browser.json(f"{API}/failed?search=%80a")

    assert browser.source.calls[0][2] == "\udc80a"


def test_the_page_is_saved_with_failed_tasks_and_without_the_token() -> None:
    browser = Browser()

    status, headers, body = browser.send("GET", f"{API}/saved")

    assert status == "200 OK"
    assert headers["Content-Disposition"] == f'attachment; filename="job-{JOB_ID}.html"'
    assert b"image 000007.jpg" in body
    assert b'"live":null' in body


def test_hostile_text_is_ascii_json_in_documents_pages_and_events() -> None:
    hostile = "</script><script>alert(1)</script>\u2028\udc80\x1b[31m"
    browser = Browser()
    browser.source.document = job_document(latest=[{**failed_task(1), "key": hostile}])
    browser.source.document["job"]["status"] = "Complete"

    for path in (API, f"{API}/events", f"/_s3batch/jobs/{JOB_ID}"):
        _, _, body = browser.send("GET", path)

        assert b"\\udc80\\u001b[31m" in body
        if path != API:
            assert b"\xe2\x80\xa8" not in body
    assert b"<script>alert" not in body
