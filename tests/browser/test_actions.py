"""The actions of a job on its page: each is confirmed in a dialog, and is sent once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import accessibility_violations
from tests.support.job_pages import (
    act,
    status_of,
)
from tests.support.watched_jobs import KEYS

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

    from tests.support.browser import WatchedBrowser
    from tests.support.watched_jobs import WatchedServer

pytestmark = pytest.mark.browser

BUSY = [key for key in KEYS if key.startswith("busy/")]


@pytest.mark.parametrize(("colors", "width"), [("light", 360), ("dark", 1280)])
def test_the_page_and_its_dialogs_are_accessible(
    browser: WatchedBrowser, watched: WatchedServer, colors: str, width: int
) -> None:
    """Axe finds no violation in the page before, during and after the job, nor in its dialogs."""
    from playwright.sync_api import expect

    watched.hold()
    job_id = watched.create_job()
    watched.wait_for_status(job_id, "Suspended")
    page = browser.new_page(color_scheme=colors, viewport={"width": width, "height": 800})
    page.goto(watched.page_of(job_id))
    for action in ("Confirm", "Priority", "Cancel job"):
        page.get_by_role("button", name=action).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert accessibility_violations(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=action)).to_be_focused()

    act(page, "Confirm", "Run job")
    expect(page.locator("#workers")).to_contain_text("held.jpg")
    assert accessibility_violations(page) == []

    watched.release()
    expect(status_of(page)).to_have_text("Complete")
    assert accessibility_violations(page) == []
    page.goto(watched.pages)
    expect(page.get_by_role("table")).to_be_visible()
    assert accessibility_violations(page) == []


def test_an_action_is_sent_once(page: Page, watched: WatchedServer) -> None:
    """Neither a double click nor a slow server sends an action again."""
    from playwright.sync_api import expect

    job_id = watched.create_job(ConfirmationRequired=False)
    watched.wait_for_status(job_id, "Complete")
    sent: list[Request] = []
    page.on("request", lambda request: sent.extend([request]))
    page.goto(watched.page_of(job_id))
    page.get_by_role("button", name="Redrive failed").click()

    page.get_by_role("button", name="Create job").dblclick()

    expect(page.get_by_role("link", name="Open the job")).to_be_visible()
    actions = [request.url for request in sent if request.method == "POST"]
    assert actions == [f"{watched.pages}api/jobs/{job_id}/redrive"]
    assert len(watched.job_ids()) == 2


def test_a_job_is_cancelled_with_a_reason(page: Page, watched: WatchedServer) -> None:
    """The reason is required, and appears on the page."""
    from playwright.sync_api import expect

    watched.hold()
    job_id = watched.create_job(ConfirmationRequired=False)
    page.goto(watched.page_of(job_id))
    expect(page.locator("#workers")).to_contain_text("held.jpg")
    page.get_by_role("button", name="Cancel job").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel job").click()
    expect(dialog).to_be_visible()  # a reason is missing

    dialog.get_by_label("Reason").fill("wrong <b>bucket</b>")
    dialog.get_by_role("button", name="Cancel job").click()

    expect(status_of(page)).to_have_text(re.compile("Cancelling|Cancelled"))
    watched.release()
    expect(status_of(page)).to_have_text("Cancelled")
    expect(page.locator(".job-header")).to_contain_text("wrong <b>bucket</b>")
    expect(page.get_by_role("button", name="Cancel job")).to_have_count(0)


def test_the_priority_is_changed(page: Page, watched: WatchedServer) -> None:
    """The page shows the new priority, and shows an error of the server."""
    from playwright.sync_api import expect

    job_id = watched.create_job()
    page.goto(watched.page_of(job_id))
    page.get_by_role("button", name="Priority").click()
    dialog = page.get_by_role("dialog")

    dialog.get_by_label("Priority").fill("42")
    dialog.get_by_role("button", name="Change priority").click()

    expect(page.locator(".job-header")).to_contain_text("42")
