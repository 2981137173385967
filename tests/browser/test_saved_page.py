"""The saved page of a job, opened as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.page._html import saved_page
from tests.support.browser import accessibility_violations
from tests.support.hostile_pages import HOSTILE_TEXTS, hostile_document
from tests.support.page_documents import JOB_ID, job_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from s3batch_handler.page._document import JobDocument
    from tests.support.browser import WatchedBrowser

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.browser


@pytest.fixture
def open_saved(browser: WatchedBrowser, tmp_path: Path) -> OpenPage:
    """Save the page of a document, and open the file in a new context."""

    def open_saved(document: JobDocument | None = None, **options: Any) -> Page:
        file = tmp_path / "job.html"
        file.write_text(saved_page(document or job_document()), encoding="utf-8")
        page = browser.new_page(**options)
        page.goto(file.as_uri())
        page.get_by_role("heading", level=1).wait_for()
        return page

    return open_saved


def is_wider_than_window(page: Page) -> bool:
    wider: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wider


def test_a_saved_page_loads_nothing(browser: WatchedBrowser, tmp_path: Path) -> None:
    """The file contains its style and its scripts, so it works without a network."""
    file = tmp_path / "job.html"
    file.write_text(saved_page(job_document()), encoding="utf-8")
    page = browser.new_page(offline=True)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    page.goto(file.as_uri())

    page.get_by_role("heading", name="Thumbnails of November").wait_for()
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text)[:30])
def test_hostile_text_is_only_text(open_saved: OpenPage, text: str) -> None:
    """Text from keys, messages and settings is never read as HTML, and fits on a narrow screen."""
    page = open_saved(hostile_document(text), viewport={"width": 360, "height": 800})

    assert page.evaluate("window.attacked") is None
    assert page.locator("main img, main script, main [onerror], main [onload]").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    assert page.get_by_role("heading", name="Progress").is_visible()
    assert not is_wider_than_window(page)


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_everybody_can_use_the_page(open_saved: OpenPage, colors: str, width: int) -> None:
    """Axe finds nothing to complain about: contrast, names, landmarks, headings, tables."""
    page = open_saved(color_scheme=colors, viewport={"width": width, "height": 900})

    assert accessibility_violations(page) == []
    assert not is_wider_than_window(page)


def test_buttons_copy_what_they_stand_beside(open_saved: OpenPage) -> None:
    """The button beside the job ID copies it, and a screen reader hears that."""
    page = open_saved(permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy job ID").click()

    page.get_by_role("status").get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == JOB_ID


def test_the_colors_follow_the_system_until_they_are_chosen(open_saved: OpenPage) -> None:
    """The switch changes the colors, and the choice is still there after a reload."""
    page = open_saved(color_scheme="dark")
    dark = background(page)
    page.emulate_media(color_scheme="light")
    light = background(page)
    assert dark != light

    page.get_by_role("button", name="Dark").click()
    assert background(page) == dark

    page.reload()
    page.get_by_role("heading", level=1).wait_for()
    assert background(page) == dark
    page.get_by_role("button", name="As the system").click()
    assert background(page) == light


def background(page: Page) -> str:
    color: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return color


def test_a_printed_page_is_light_and_has_no_buttons(open_saved: OpenPage) -> None:
    """Paper shows every section in dark ink, also if the screen is dark."""
    page = open_saved(color_scheme="dark")
    sections = page.locator("main section").count()

    page.emulate_media(media="print", color_scheme="dark")

    assert background(page) in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    assert page.locator("button:visible").count() == 0
    assert page.locator("main section:visible").count() == sections > 0


def test_without_javascript_the_page_still_has_the_facts(
    browser: WatchedBrowser, tmp_path: Path
) -> None:
    """Status and counts are text in the file."""
    file = tmp_path / "job.html"
    file.write_text(saved_page(job_document()), encoding="utf-8")
    page = browser.new_page(java_script_enabled=False)

    page.goto(file.as_uri())

    text = page.locator("noscript").inner_text()
    assert "Thumbnails of November" in text
    assert "30,100" in text
    assert "812" in text
