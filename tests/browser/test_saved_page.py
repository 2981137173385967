"""The saved page of a job, opened as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.page._html import saved_page
from tests.support.browser import accessibility_violations, wider_than_window
from tests.support.hostile_pages import HOSTILE_TEXTS, hostile_document
from tests.support.job_pages import failed_rows, search_box
from tests.support.page_documents import JOB_ID, failed_task, job_document

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
    assert wider_than_window(page) == []


def test_any_text_arrives_as_it_is(page: Page, tmp_path: Path) -> None:
    """Each character of a key arrives in the page, also halves of emojis and ends of elements."""
    file = tmp_path / "job.html"
    pieces = st.sampled_from(["</script", "<!--", "<script>", "]]>", "\\", '"', "&lt;", "\u2028"])

    @given(st.lists(pieces | st.text(st.characters(), max_size=5)).map("".join))
    def arrives(text: str) -> None:
        rows = [{**failed_task(1), "key": text}]
        found = {"rows": rows, "total": 1, "searched": 1, "next": None}
        file.write_text(saved_page(job_document(failed_tasks=found)), encoding="utf-8")
        page.goto(file.as_uri())
        units = text.encode("utf-16-le", "surrogatepass")
        assert page.evaluate(FIRST_KEY) == [*memoryview(units).cast("H")]
        assert failed_rows(page).count() == 1

    arrives()


FIRST_KEY = """
JSON.parse(document.getElementById('document').textContent).failed_tasks.rows[0].key
    .split('').map(unit => unit.charCodeAt(0))
"""


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_the_page_is_accessible(open_saved: OpenPage, colors: str, width: int) -> None:
    """Axe finds no violation: contrast, names, landmarks, headings, tables."""
    page = open_saved(color_scheme=colors, viewport={"width": width, "height": 900})

    assert accessibility_violations(page) == []
    assert wider_than_window(page) == []


@pytest.mark.parametrize("status", ["constructor", "__proto__", "\ud800</script>", "x" * 4000])
def test_any_status_is_shown(open_saved: OpenPage, status: str) -> None:
    """A report's bucket may have a record of the job that others wrote."""
    document = job_document()
    document["job"]["status"] = status
    document["history"] = [{"status": status, "time": "2026-11-30T12:00:00+00:00"}]

    page = open_saved(document)

    assert page.locator("#states .step").count() == 1
    assert page.locator("main > .sections > section").count() > 5
    assert wider_than_window(page) == []


def test_a_report_alone_does_not_say_where_its_job_ran(open_saved: OpenPage) -> None:
    """AWS and local servers write the same reports."""
    from playwright.sync_api import expect

    document = job_document()
    document["job"]["origin"] = document["job"]["region"] = None

    page = open_saved(document)

    expect(page.locator(".facts-line")).to_contain_text("Job ID")
    expect(page.locator(".facts-line")).not_to_contain_text("Run by")


def test_a_copy_button_copies_the_text_beside_it(open_saved: OpenPage) -> None:
    """The button beside the job ID copies it, and screen readers announce that."""
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
    page.get_by_role("button", name="System").click()
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


def test_printed_charts_stay_in_their_boxes(open_saved: OpenPage) -> None:
    """They are drawn for the screen, and browsers lay out paper without calling scripts."""
    page = open_saved(viewport={"width": 1300, "height": 900})
    page.add_init_script("window.ResizeObserver = class { observe() {} }")
    page.reload()
    page.locator("#rate canvas").wait_for()

    page.emulate_media(media="print")
    page.set_viewport_size({"width": 690, "height": 900})

    for name in ("#rate", "#durations"):
        box = page.locator(name).bounding_box()
        chart = page.locator(f"{name} canvas").bounding_box()
        assert box is not None
        assert chart is not None
        assert chart["width"] > 100
        assert chart["x"] + chart["width"] <= box["x"] + box["width"]
        assert chart["y"] + chart["height"] <= box["y"] + box["height"]


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


def test_failed_tasks_are_found(open_saved: OpenPage) -> None:
    """A search compares keys, codes and messages in any case; pages show the rest."""
    from playwright.sync_api import expect

    page = open_saved()
    failed = page.locator("#failed")
    expect(failed_rows(page)).to_have_count(25)
    for _ in range(4):
        failed.get_by_role("button", name="Next").click()
    expect(failed_rows(page)).to_have_count(20)
    expect(failed.get_by_role("button", name="Next")).to_be_disabled()
    expect(failed).to_contain_text("101 to 120")

    search_box(page).fill("IMAGE 000007")
    expect(failed_rows(page)).to_have_count(1)
    expect(failed_rows(page)).to_contain_text("cannot identify image file 7")
    search_box(page).fill("no such object")
    expect(failed_rows(page)).to_have_count(0)
    expect(failed).to_contain_text("No failed task matches.")
    search_box(page).fill("s3://photos/2026/11/image 000007")
    expect(failed_rows(page)).to_have_count(1)
    expect(search_box(page)).to_be_focused()


def test_a_group_of_failures_leads_to_its_tasks(open_saved: OpenPage) -> None:
    """The button of a group searches for its message; … stands for what differs."""
    from playwright.sync_api import expect

    rows = [
        failed_task(1),
        {**failed_task(2), "message": "disk full"},
        {**failed_task(3, code="TemporaryFailure"), "message": "SlowDown"},
    ]
    found = {"rows": rows, "total": 3, "searched": 3, "next": None}
    page = open_saved(job_document(failed_tasks=found))
    groups = page.locator("#failures li.group")

    groups.filter(has_text="cannot identify").get_by_role("button", name="Show tasks").click()

    expect(failed_rows(page)).to_have_count(1)
    expect(failed_rows(page)).to_contain_text("image 000001.jpg")
    expect(search_box(page)).to_have_value("cannot identify image file …")
    groups.filter(has_text="SlowDown").get_by_role("button", name="Show tasks").click()
    expect(failed_rows(page)).to_contain_text("image 000003.jpg")
    expect(page.get_by_label("Error code")).to_have_value("TemporaryFailure")


def test_a_function_error_is_shown_by_its_reason(open_saved: OpenPage) -> None:
    """The report has Lambda's JSON, which the page shows on demand, and which may be cut."""
    from playwright.sync_api import expect

    details = '{"errorMessage":"\'w\\u00e9\'","errorType":"KeyError","stackTr'
    error = f"Lambda returned function error: {details}"
    found = {
        "rows": [{**failed_task(1), "message": error}],
        "total": 1,
        "searched": 1,
        "next": None,
    }
    page = open_saved(job_document(failed_tasks=found))

    expect(failed_rows(page)).to_contain_text("KeyError: 'wé'")
    failed_rows(page).get_by_text("Full message").click()
    expect(failed_rows(page).get_by_text('"errorType":"KeyError","stackTr')).to_be_visible()
    search_box(page).fill("keyerror: …é")
    expect(failed_rows(page)).to_have_count(1)


def test_a_message_with_half_a_character_is_found(open_saved: OpenPage) -> None:
    """The group of such a failure has the text as the report has it, and so has the search."""
    from playwright.sync_api import expect

    message = r'Lambda returned function error: {"errorMessage": "\ud83d, cut", "errorType": "E"}'
    reason = r"E: \ud83d, cut"
    group: Any = {"code": "PermanentFailure", "message": reason, "count": 1, "examples": []}
    row = {**failed_task(1), "message": message}
    found = {"rows": [row], "total": 1, "searched": 1, "next": None}
    page = open_saved(job_document(failures=[group], failed_tasks=found))

    page.get_by_role("button", name="Show tasks").click()

    expect(search_box(page)).to_have_value(reason)
    expect(failed_rows(page)).to_have_count(1)
    expect(failed_rows(page)).to_contain_text(reason)


def test_an_injected_element_does_nothing(browser: WatchedBrowser, tmp_path: Path) -> None:
    """The policy of the page allows its own scripts and styles only, and no connection."""
    browser.expect_problems("Content Security Policy|Content-Security-Policy")
    page_with_attack = saved_page(job_document()).replace("<main ", f"{INJECTED}<main ", 1)
    file = tmp_path / "job.html"
    file.write_text(page_with_attack, encoding="utf-8")
    page = browser.new_page()

    page.goto(file.as_uri())
    page.get_by_role("heading", level=1).wait_for()

    assert page.locator("#injected").count() == 1
    assert page.evaluate("window.attacked") is None
    assert page.evaluate("document.baseURI") == file.as_uri()
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    answer = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    assert answer == "refused"


INJECTED = """
<p id="injected" onclick="window.attacked = 1"></p><script>window.attacked = 2</script>
<img src="http://127.0.0.1:9/x" onerror="window.attacked = 3"><svg onload="window.attacked = 4">
</svg><style>body { display: none }</style><base href="http://127.0.0.1:9/">
<iframe srcdoc="<script>parent.attacked = 5</script>"></iframe>
"""


def test_the_page_works_without_a_mouse(open_saved: OpenPage) -> None:
    """Tab reaches every control in the order of the page, and shows where it is."""
    page = open_saved()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    expected = page.evaluate(FOCUSABLE)

    reached = []
    for _ in range(expected):
        reached.append(
            page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        )
        assert page.evaluate(HAS_FOCUS_RING), page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")

    assert reached == sorted(set(reached))
    page.get_by_role("link", name="Skip to main content").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


FOCUSABLE = """
[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
    .filter(element => !element.disabled && element.checkVisibility()).length
"""
HAS_FOCUS_RING = """
(() => {
    const style = getComputedStyle(document.activeElement);
    const ring = [style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
        style.boxShadow !== 'none'];
    return ring.some(Boolean);
})()
"""


def test_each_chart_has_a_text_and_a_table(open_saved: OpenPage) -> None:
    """The numbers of a chart are available without seeing it."""
    from playwright.sync_api import expect

    page = open_saved()

    for chart in page.get_by_role("figure").all():
        assert chart.get_by_role("img").first.get_attribute("aria-label")
        chart.get_by_text("Numbers").click()
        expect(chart.get_by_role("table").locator("tbody tr").first).to_be_visible()
    assert page.get_by_role("figure").count() == 2


def test_nothing_moves_with_reduced_motion(open_saved: OpenPage) -> None:
    """The page uses the setting of the system."""
    page = open_saved(reduced_motion="reduce")

    page.get_by_role("button", name="Copy job ID").click()

    assert page.evaluate("document.getAnimations().length") == 0
