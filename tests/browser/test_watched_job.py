"""A job of ``s3batch serve`` is watched on its page, from its confirmation to its redrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.job_pages import (
    act,
    facts_of,
    failed_rows,
    number_of,
    search_box,
    status_of,
)
from tests.support.watched_jobs import FAILING, HOSTILE_KEYS, KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.browser import WatchedBrowser
    from tests.support.watched_jobs import WatchedServer

pytestmark = pytest.mark.browser

BUSY = [key for key in KEYS if key.startswith("busy/")]


def test_a_job_is_watched_and_redriven(
    browser: WatchedBrowser, watched: WatchedServer, tmp_path: Path
) -> None:
    """From the list to the confirmation, the end, the redrive of some tasks and the saved page."""
    from playwright.sync_api import expect

    watched.hold()
    job_id = watched.create_job()
    page = browser.new_page()
    page.goto(watched.pages)
    page.get_by_role("link", name="Thumbnails of November").click()

    # It waits for its confirmation, and says how many objects it has.
    expect(status_of(page)).to_have_text("Awaiting confirmation")
    page.get_by_role("button", name="Confirm").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{len(KEYS)} objects")
    dialog.get_by_role("button", name="Run job").click()

    # It runs until the last object, which the function holds.
    expect(status_of(page)).to_have_text("Active")
    expect(number_of(page, "succeeded")).to_have_text("40")
    expect(number_of(page, "failed")).to_have_text(str(FAILING - len(BUSY)))
    expect(number_of(page, "waiting")).to_have_text(str(len(BUSY)))
    expect(number_of(page, "running")).to_have_text("1")
    expect(number_of(page, "pending")).to_have_text("0")
    expect(page.locator("#workers")).to_contain_text("held.jpg")
    expect(page.locator("#log")).to_contain_text("reading held.jpg")
    expect(failed_rows(page)).to_have_count(FAILING - len(BUSY))
    expect(page.locator("#failed")).to_contain_text(HOSTILE_KEYS[0])

    # It ends while it is watched.
    watched.release()
    expect(status_of(page)).to_have_text("Complete")
    expect(number_of(page, "succeeded")).to_have_text("41")
    expect(number_of(page, "failed")).to_have_text(str(FAILING))
    states = page.locator("#states .step-name")
    expect(states).to_have_text(
        ["New", "Preparing", "Awaiting confirmation", "Ready", "Active", "Completing", "Complete"]
    )
    expect(page.locator("#failures .group")).to_have_count(3)

    # Its failed tasks are found, and some of them redriven.
    search_box(page).fill("BUSY/")
    expect(failed_rows(page)).to_have_count(len(BUSY))
    watched.repair()
    act(page, "Redrive failed", "Create job")
    page.get_by_role("link", name="Open the job").click()
    expect(status_of(page)).to_have_text("Complete")
    expect(number_of(page, "succeeded")).to_have_text(str(len(BUSY)))
    expect(number_of(page, "failed")).to_have_text("0")

    # The saved page of the first job says the same as the live page.
    page.get_by_role("link", name=job_id).click()
    expect(failed_rows(page)).to_have_count(FAILING)
    live = facts_of(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save page").click()
    saved = browser.new_page(offline=True)
    download.value.save_as(tmp_path / "saved.html")
    saved.goto((tmp_path / "saved.html").as_uri())
    expect(failed_rows(saved)).to_have_count(FAILING)
    assert facts_of(saved) == live


def test_tasks_that_fail_at_the_end_are_listed(page: Page, watched: WatchedServer) -> None:
    """The list is complete also if it was read a moment before the job ended."""
    from playwright.sync_api import expect

    watched.hold()
    job_id = watched.create_job(ConfirmationRequired=False)
    page.goto(watched.page_of(job_id))
    expect(number_of(page, "waiting")).to_have_text(str(len(BUSY)))
    with page.expect_response("**/failed?*"):
        search_box(page).fill("t")  # all tasks that fail match

    watched.release()

    expect(number_of(page, "failed")).to_have_text(str(FAILING))
    expect(page.locator("#failed .pager")).to_have_text(f"1 to {FAILING}")


def test_the_page_of_the_report_has_the_same_tasks(
    page: Page, watched: WatchedServer, tmp_path: Path
) -> None:
    """`s3batch report html` shows the outcome of a job as its live page does."""
    from playwright.sync_api import expect

    job_id = watched.create_job(ConfirmationRequired=False)
    watched.wait_for_status(job_id, "Complete")
    page.goto(watched.page_of(job_id))
    expect(failed_rows(page)).to_have_count(FAILING)
    live = facts_of(page)

    file = tmp_path / "report.html"
    run = watched.s3batch("report", "html", job_id, "--to", str(file))

    assert run.exit_code == 0, run.stderr
    page.goto(file.as_uri())
    expect(failed_rows(page)).to_have_count(FAILING)
    report = facts_of(page)
    same = ("title", "status", "counts", "states", "failures", "slowest")
    assert {name: report[name] for name in same} == {name: live[name] for name in same}
    assert sorted(report["failed"]) == sorted(live["failed"])


def test_an_update_keeps_focus_selection_and_scroll_position(
    browser: WatchedBrowser, watched: WatchedServer
) -> None:
    """Focus, the text in the search, the selection and the scroll position stay as they are."""
    from playwright.sync_api import expect

    watched.hold()
    job_id = watched.create_job(ConfirmationRequired=False)
    page = browser.new_page()
    page.goto(watched.page_of(job_id))
    expect(page.locator("#workers")).to_contain_text("held.jpg")
    page.get_by_role("searchbox").first.fill("text/0")
    expect(page.locator("#failed tbody tr")).to_have_count(9)
    page.evaluate("window.row = document.querySelector('#failed tbody bdi')")
    page.evaluate("getSelection().selectAllChildren(window.row)")
    page.get_by_role("searchbox").first.focus()
    selected = page.evaluate("getSelection().toString()")
    scrolled = page.evaluate("scrollY")

    watched.release()
    expect(status_of(page)).to_have_text("Complete")

    expect(page.get_by_role("searchbox").first).to_be_focused()
    expect(page.get_by_role("searchbox").first).to_have_value("text/0")
    assert page.evaluate("document.querySelector('#failed tbody bdi') === window.row")
    assert page.evaluate("getSelection().toString()") == selected
    assert page.evaluate("scrollY") == scrolled
