"""The page of ``s3batch run --page`` in Chromium, which stays open after the command has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import accessibility_violations
from tests.support.job_pages import failed_rows, number_of, search_box, status_of
from tests.support.watched_run import prepare, watched_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.browser import WatchedBrowser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_page_of_a_run_is_whole_after_its_end(browser: WatchedBrowser, tmp_path: Path) -> None:
    """The server is gone then: the failed tasks, their search and the commands still work."""
    from playwright.sync_api import expect

    prepare(tmp_path, tasks=20, allowed=10)
    page = browser.new_page()
    with watched_run(tmp_path) as run:
        page.goto(run.address)
        expect(number_of(page, "succeeded")).to_have_text("4")
        expect(status_of(page)).to_have_text("Active")
        expect(page.locator("#log")).to_contain_text("begin 10")
        expect(page.get_by_role("button", name="Cancel job")).to_be_visible()

        run.allow(20)
        run.end()

    expect(status_of(page)).to_have_text("Complete")
    expect(number_of(page, "failed")).to_have_text("12")
    expect(failed_rows(page)).to_have_count(12)
    search_box(page).fill("image 1")
    expect(failed_rows(page)).to_have_count(3)
    expect(page.locator("#commands")).to_contain_text("--failed-from")
    expect(page.get_by_role("button", name="Cancel job")).to_have_count(0)
    assert accessibility_violations(page) == []


def test_a_run_is_cancelled_in_the_browser(browser: WatchedBrowser, tmp_path: Path) -> None:
    """The command ends, and its page shows the reason."""
    from playwright.sync_api import expect

    prepare(tmp_path, tasks=20, allowed=10)
    page = browser.new_page()
    with watched_run(tmp_path) as run:
        page.goto(run.address)
        expect(number_of(page, "succeeded")).to_have_text("4")
        page.get_by_role("button", name="Cancel job").click()
        page.get_by_label("Reason").fill("wrong manifest")
        page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
        run.allow(20)
        run.end()

    expect(status_of(page)).to_have_text("Cancelled")
    expect(page.locator(".job-header")).to_contain_text("wrong manifest")
