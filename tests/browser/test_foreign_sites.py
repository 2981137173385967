"""Other sites that are open in the browser can neither read jobs nor act on them."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._typing import override
from tests.support.local_server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.support.browser import WatchedBrowser
    from tests.support.watched_jobs import WatchedServer

pytestmark = pytest.mark.browser

ACT = """
async ([api, token]) => {
    const json = {'Content-Type': 'application/json', 'X-S3Batch-Token': token};
    const cancel = JSON.stringify({reason: 'attack'});
    const requests = [
        [api + '/confirm', {method: 'POST', body: '{}', mode: 'no-cors'}],
        [api + '/confirm', {method: 'POST', body: '{}', headers: json}],
        [api + '/priority', {method: 'POST', body: '{"priority": 99}', headers: json}],
        [api + '/cancel', {method: 'POST', body: cancel, headers: json, credentials: 'include'}],
        [api + '/cancel', {method: 'POST', body: cancel, mode: 'no-cors', keepalive: true}],
    ];
    const answers = [];
    for (const [url, options] of requests) {
        answers.push(await fetch(url, options).then(answer => answer.status, () => 'refused'));
    }
    navigator.sendBeacon(api + '/confirm', '{}');
    return answers;
}
"""

READ = """
async api => {
    const answers = [];
    for (const url of [api, api + '/failed', api + '/saved']) {
        answers.push(await fetch(url).then(answer => answer.text(), () => 'refused'));
    }
    const included = (name, attributes) => new Promise(resolve => {
        const element = Object.assign(document.createElement(name), attributes);
        element.onload = () => resolve('loaded');
        element.onerror = () => resolve('refused');
        document.body.append(element);
    });
    answers.push(await included('script', {src: api}));
    answers.push(await included('link', {rel: 'stylesheet', href: api}));
    answers.push(await new Promise(resolve => {
        const events = new EventSource(api + '/events');
        events.addEventListener('job', event => resolve(event.data));
        events.onerror = () => { events.close(); resolve('refused'); };
    }));
    return answers;
}
"""


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """Serve an empty page as another site would."""

    class EmptyPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Another site</title><body>")

        @override
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def api_of(server: WatchedServer, job_id: str) -> str:
    return f"{server.pages}api/jobs/{job_id}"


def token_of(api: str) -> str:
    with urllib.request.urlopen(api) as response:
        token: str = json.load(response)["live"]["token"]
    return token


def job_of(server: WatchedServer, job_id: str) -> Any:
    return server.s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]


@pytest.mark.parametrize("host", ["foreign.example", "localhost", "127.0.0.1"])
def test_another_site_cannot_act(
    host: str, browser: WatchedBrowser, watched: WatchedServer, foreign_port: int
) -> None:
    """Even with the token of the page, requests of another site or port change nothing."""
    browser.expect_problems(".")
    job_id = watched.create_job()
    watched.wait_for_status(job_id, "Suspended")
    page = browser.new_page()
    page.goto(f"http://{host}:{foreign_port}/")
    api = api_of(watched, job_id)

    answers = page.evaluate(ACT, [api, token_of(api)])

    assert set(answers) <= {0, "refused"}  # 0: the page may not know the status
    page.set_content(
        f"<form method=post enctype=text/plain action='{api}/confirm'><input name='{{}}'></form>"
    )
    with page.expect_response(f"{api}/confirm") as refused:
        page.evaluate("document.forms[0].submit()")
    assert 400 <= refused.value.status < 500
    job = job_of(watched, job_id)
    assert (job["Status"], job["Priority"]) == ("Suspended", 10)


def test_the_page_itself_can_act(page: Page, watched: WatchedServer) -> None:
    """The requests that are refused for other sites work from the page of the job."""
    job_id = watched.create_job()
    watched.wait_for_status(job_id, "Suspended")
    page.goto(watched.page_of(job_id))
    api = api_of(watched, job_id)
    request = """
    ([api, token]) => fetch(api + '/priority', {
        method: 'POST',
        headers: {'Content-Type': 'application/json', 'X-S3Batch-Token': token},
        body: '{"priority": 99}',
    }).then(answer => answer.status)
    """

    assert page.evaluate(request, [api, token_of(api)]) == 200

    assert job_of(watched, job_id)["Priority"] == 99


@pytest.mark.parametrize("host", ["foreign.example", "localhost"])
def test_another_site_cannot_read(
    host: str, browser: WatchedBrowser, watched: WatchedServer, foreign_port: int
) -> None:
    """Neither scripts of another site nor elements that include a URL get the jobs."""
    browser.expect_problems(".")
    job_id = watched.create_job()
    watched.wait_for_status(job_id, "Suspended")
    page = browser.new_page()
    page.goto(f"http://{host}:{foreign_port}/")

    answers = page.evaluate(READ, api_of(watched, job_id))

    assert set(answers) == {"refused"}
    page.set_content(f"<iframe src='{watched.page_of(job_id)}'></iframe>")
    assert "Thumbnails of November" not in page.frames[1].content()


def test_a_name_that_leads_to_this_machine_is_refused(
    browser: WatchedBrowser, watched: WatchedServer
) -> None:
    """A site whose name is changed to the address of this machine gets no page."""
    browser.expect_problems(".")  # also of the viewer for text in Chromium
    page = browser.new_page()

    response = page.goto(watched.pages.replace("127.0.0.1", "foreign.example"))

    assert response is not None
    assert 400 <= response.status < 500
    assert "jobs" not in page.title().lower()


def test_a_link_from_another_site_opens_the_page(
    page: Page, watched: WatchedServer, foreign_port: int
) -> None:
    """People can open the page from a chat or an issue; the other site has no access to it."""
    job_id = watched.create_job()
    page.goto(f"http://localhost:{foreign_port}/")
    page.set_content(f"<a href='{watched.page_of(job_id)}' target=_blank rel=opener>the job</a>")

    with page.expect_popup() as popup:
        page.click("a")

    opened = popup.value
    opened.get_by_text("Thumbnails of November").first.wait_for()
    assert opened.evaluate("window.opener") is None
