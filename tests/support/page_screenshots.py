"""Take the screenshots of ``docs/page.md`` from the real program: ``scripts/screenshots``.

``s3batch serve`` runs jobs with a function for thumbnails, and Chromium opens their pages. The
images have few colors, so that they are small.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.browser import DEFAULTS, running_chromium
from tests.support.job_pages import act, status_of
from tests.support.watched_jobs import WatchedServer, watched_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WIDE, NARROW = {"width": 1280, "height": 1180}, {"width": 390, "height": 844}
WIDE_LIST = {"width": 1280, "height": 560}
TASKS = 5_000
TAGS = [{"Key": "team", "Value": "media"}]
UNCONFIRMED: dict[str, Any] = {"ConfirmationRequired": False}

APP = """
import os
import random
import time
from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler

@task_handler
def handler(task: Task) -> str:
    chance = random.Random(task.key + task.job.id)
    time.sleep(min(chance.lognormvariate(-4.6, 0.6), 2))
    if task.key.endswith(".pdf"):
        raise PermanentFailure(f"cannot identify image file '{task.key}'")
    if chance.random() < 0.004:
        raise PermanentFailure(f"image has {chance.randint(90, 400)} megapixels, the limit is 89")
    if chance.random() < 0.004:
        raise TemporaryFailure(f"SlowDown: reduce your request rate (small/{task.key})")
    if chance.random() < 0.02:
        print(f"{task.key} has no orientation, assuming portrait")
    return f"small/{task.key}"
"""


def main() -> None:
    """Run the jobs and take all screenshots."""
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        watched_server(Path(folder), app=APP) as server,
        sync_playwright() as playwright,
        running_chromium(playwright) as browser,
    ):
        take_all(browser, server, Path(folder))


def take_all(browser: Browser, server: WatchedServer, folder: Path) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=600_000)
    run_small_jobs(server)
    job_id = server.create_job(keys(TASKS), Description="Thumbnails of November", Tags=TAGS)
    server.wait_for_status(job_id, "Suspended")
    page = open_page(browser, server.page_of(job_id), WIDE, "light")
    act(page, "Confirm", "Run job")
    expect(page.locator("#progress .percent")).to_have_text(re.compile("6[0-9].*%"))

    take(page, "job-live")
    take(open_page(browser, server.page_of(job_id), WIDE, "dark"), "job-live-dark")
    take(open_page(browser, server.page_of(job_id), NARROW, "light"), "job-live-narrow")
    take(open_page(browser, server.pages, WIDE_LIST, "light"), "jobs")

    expect(status_of(page)).to_have_text("Complete")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save page").click()
    download.value.save_as(folder / "job.html")
    saved = (folder / "job.html").as_uri()
    page = open_page(browser, saved, WIDE, "light")
    page.get_by_role("link", name="Failures by cause").click()
    take(page, "job-saved")
    page = open_page(browser, saved, NARROW, "dark")
    take(page, "job-saved-narrow-dark")


def keys(number: int) -> list[str]:
    """Return the keys of a bucket with photos, and with some files that are not images."""
    names = (
        f"2026/11/{day:02}/IMG_{n:05}" for n in range(number) for day in [n * 30 // number + 1]
    )
    return [f"{name}.pdf" if n % 83 == 7 else f"{name}.jpg" for n, name in enumerate(names)]


def run_small_jobs(server: WatchedServer) -> None:
    """Run jobs that end in different ways, for the list."""
    ended = server.create_job(keys(120), Description="Thumbnails of a sample", **UNCONFIRMED)
    server.wait_for_status(ended, "Complete")
    images = [key for key in keys(60) if key.endswith(".jpg")]
    ended = server.create_job(images, Description="Thumbnails of the new logo", **UNCONFIRMED)
    server.wait_for_status(ended, "Complete")
    cancelled = server.create_job(keys(400), Description="Thumbnails of October")
    server.wait_for_status(cancelled, "Suspended")
    server.cancel(cancelled, "wrong bucket")
    server.create_job(keys(300), Description="Thumbnails of December")


def open_page(browser: Browser, address: str, size: Any, colors: Any) -> Page:
    """Open a page, and wait until it shows its numbers and its rows."""
    context = browser.new_context(**{**DEFAULTS, "viewport": size, "color_scheme": colors})
    page = context.new_page()
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    return page


def take(page: Page, name: str) -> None:
    """Write a screenshot with 256 colors: a third of the size, and no visible difference."""
    from PIL import Image

    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # This method keeps rare colors, such as that of a small part of a bar.
    colors = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    path = IMAGES / f"{name}.png"
    colors.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB", file=sys.stderr)


if __name__ == "__main__":
    main()
