"""How a live page follows its job: by events, by polling, and when the server starts again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.job_pages import act, number_of, status_of
from tests.support.watched_jobs import FAILING, watched_server

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Request

    from tests.support.browser import WatchedBrowser
    from tests.support.watched_jobs import WatchedServer

pytestmark = pytest.mark.browser


def test_a_page_continues_after_a_restart_of_the_server(
    browser: WatchedBrowser, tmp_path: Path
) -> None:
    """The page shows that the server has stopped, and later sends actions with a new token."""
    from playwright.sync_api import expect

    browser.expect_problems("net::ERR_|status of (404|503)")
    page = browser.new_page()
    with watched_server(tmp_path, "--state", "state") as server:
        job_id = server.create_job()
        page.goto(server.page_of(job_id))
        expect(status_of(page)).to_have_text("Awaiting confirmation")
        port = str(urlsplit(server.address).port)
    expect(page.locator(".connection")).to_have_text("Reconnecting…")
    expect(page.locator(".connection")).to_have_text("The server has stopped")
    expect(status_of(page)).to_have_text("Awaiting confirmation")

    with watched_server(tmp_path, "--state", "state", "--port", port):
        expect(page.locator(".connection")).to_have_text("Live")
        act(page, "Confirm", "Run job")
        expect(status_of(page)).to_have_text("Complete")

    expect(number_of(page, "failed")).to_have_text(str(FAILING))


def test_a_page_without_events_polls(browser: WatchedBrowser, watched: WatchedServer) -> None:
    """If something between browser and server breaks events, the page polls."""
    from playwright.sync_api import expect

    browser.expect_problems("ERR_FAILED")
    page = browser.new_page()
    page.route("**/events*", lambda route: route.abort())
    watched.hold()
    job_id = watched.create_job()
    page.goto(watched.page_of(job_id))
    expect(status_of(page)).to_have_text("Awaiting confirmation")

    act(page, "Confirm", "Run job")

    expect(page.locator("#workers")).to_contain_text("held.jpg")
    expect(page.locator(".connection")).to_have_text("Live")
    watched.release()
    expect(status_of(page)).to_have_text("Complete")
    expect(number_of(page, "failed")).to_have_text(str(FAILING))


def test_the_events_of_a_job_that_has_ended_end(
    browser: WatchedBrowser, watched: WatchedServer
) -> None:
    """The page opens no further event stream: nothing can change."""
    from playwright.sync_api import expect

    watched.hold()
    job_id = watched.create_job(ConfirmationRequired=False)
    page = browser.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.extend([request]))
    page.goto(watched.page_of(job_id))
    expect(page.locator("#workers")).to_contain_text("held.jpg")

    watched.release()

    expect(page.locator(".connection")).to_have_text("Job has ended")
    expect(status_of(page)).to_have_text("Complete")
    assert sum(request.url.endswith("/events") for request in asked) == 1


@pytest.mark.slow
def test_a_thousand_jobs(browser: WatchedBrowser, watched: WatchedServer) -> None:
    """The list shows a part of the jobs, and finds one by its status or a text."""
    from playwright.sync_api import expect

    def create(first: int) -> None:
        for number in range(first, 1_000, 4):
            watched.create_job(["a.jpg"], Description=f"Job {number:04}")

    threads = [threading.Thread(target=create, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page = browser.new_page()

    page.goto(watched.pages)

    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(page.locator("main .job-title")).to_contain_text("1,000 jobs")
    shown = set(rows.locator("th bdi").all_inner_texts())
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".pager")).to_contain_text("51 to 100")
    expect(rows).to_have_count(50)
    assert not shown & set(rows.locator("th bdi").all_inner_texts())
    page.get_by_role("searchbox").fill("job 0001")
    expect(rows).to_have_count(1)
    expect(rows.locator(".status")).to_have_text("Awaiting confirmation")
    page.get_by_role("link", name="Job 0001").click()
    act(page, "Confirm", "Run job")
    expect(status_of(page)).to_have_text("Complete")
    page.goto(watched.pages)
    page.get_by_role("button", name="Complete").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Job 0001")
