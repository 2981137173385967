"""``s3batch run --page`` in Chromium: a run is watched, searched and cancelled."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.watched_run import prepare, watched_run

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_run_is_watched_to_its_end_and_the_page_remains(page: Page, tmp_path: Path) -> None:
    """Failures of three kinds appear while it runs; all can be searched when it has ended."""
    from playwright.sync_api import expect

    prepare(tmp_path, tasks=200, allowed=40)
    with watched_run(tmp_path) as run:
        page.goto(run.address)
        failed = page.locator("#failed")
        expect(page.get_by_role("main")).to_contain_text("Active")
        expect(failed).to_contain_text("ValueError: width 38")
        failed.get_by_role("searchbox").fill("image 36")
        expect(failed.get_by_role("row")).to_have_count(2)  # with the head of the table
        failed.get_by_role("searchbox").fill("")
        run.allow(200)
        run.end()
    expect(page.get_by_role("main")).to_contain_text("Complete")
    expect(page.get_by_role("main")).to_contain_text("200 of 200 tasks")
    expect(failed).to_contain_text("120 tasks")
    failed.get_by_role("searchbox").fill("image 196")
    expect(failed.get_by_role("row")).to_have_count(2)
    expect(failed).to_contain_text("cannot identify image 196")
    failed.get_by_role("searchbox").fill("")
    failed.get_by_label("Error code").select_option("TemporaryFailure")
    expect(failed).to_contain_text("SlowDown")
    expect(page.get_by_role("main")).to_contain_text(
        f"--failed-from s3batch-reports/job-{run.job_id}"
    )
    expect(page.get_by_text("Cancel job")).to_have_count(0)


def test_a_run_is_cancelled_from_its_page_with_a_reason(page: Page, tmp_path: Path) -> None:
    """The page asks for the reason, shows it, and cannot cancel a second time."""
    from playwright.sync_api import expect

    prepare(tmp_path, tasks=200, allowed=40)
    with watched_run(tmp_path, "--json") as run:
        page.goto(run.address)
        page.get_by_role("button", name=re.compile("^Cancel job")).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("wrong <b>prefix</b>")
        dialog.get_by_role("button", name="Cancel job").click()
        summary = json.loads(run.end())

    expect(page.get_by_role("main")).to_contain_text("Cancelled")
    expect(page.get_by_role("main")).to_contain_text("wrong <b>prefix</b>")
    assert (summary["status"], summary["reason"]) == ("Cancelled", "wrong <b>prefix</b>")
