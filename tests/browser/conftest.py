"""Fixtures of the tests in Chromium: one browser for all tests of a process, new pages for each."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import TIMEOUT, WatchedBrowser, running_chromium
from tests.support.watched_jobs import WatchedServer, watched_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# Installed packages are tested without Playwright.
collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright, running_chromium(playwright) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[WatchedBrowser]:
    """Open pages; the test fails if one of them has a problem."""
    if "watched" in request.fixturenames:
        request.getfixturevalue("watched")  # the server ends after its pages
    watched = WatchedBrowser(chromium)
    yield watched
    watched.close()


@pytest.fixture
def page(browser: WatchedBrowser) -> Page:
    return browser.new_page()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedServer]:
    """Run ``s3batch serve`` with the function of ``tests.support.watched_jobs``."""
    with watched_server(tmp_path) as server:
        yield server
