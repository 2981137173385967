"""Chromium for tests of the page, and what may not happen while a page is open."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

# A machine that runs other tests at the same time may be slow.
TIMEOUT = 1_000 * float(os.environ.get("BROWSER_TIMEOUT", "60"))
"""Milliseconds that an element may take to appear."""

DEFAULTS: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 900},
    "locale": "en-US",
    "timezone_id": "UTC",
}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium_path() -> str:
    """Return the path of Chromium, which ``scripts/get-chromium`` finds or installs."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert path, (
        "there is no Chromium: run scripts/get-chromium, and set CHROMIUM to what it prints"
    )
    return path


@contextmanager
def running_chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start Chromium, for which names that end in ``.example`` lead to this machine."""
    rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=[rules])
    try:
        yield browser
    finally:
        browser.close()


class WatchedBrowser:
    """Open pages, and remember what went wrong in them.

    Errors of scripts, errors and warnings on the console, and violations of the
    Content-Security-Policy, which Chromium reports on the console, are problems. A test that
    causes some on purpose calls ``expect_problems``.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._expected: list[str] = []
        self._problems: list[str] = []

    def new_page(self, **options: Any) -> Page:
        """Open a page in a new context, without cookies, storage and permissions of others."""
        context = self._browser.new_context(**{**DEFAULTS, **options})
        context.set_default_timeout(TIMEOUT)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._problems.append(f"error: {error.error}"))
        self._contexts.append(context)
        return context.new_page()

    def expect_problems(self, pattern: str) -> None:
        """Ignore problems that contain the regular expression."""
        self._expected.append(pattern)

    def close(self) -> None:
        """Close all pages, and fail if there was a problem."""
        # Events of a page arrive before the response to a later call.
        for context in self._contexts:
            for page in context.pages:
                page.evaluate("1")
            context.close()
        assert not self.problems, "problems of the pages:\n" + "\n".join(self.problems)

    @property
    def problems(self) -> list[str]:
        return [
            problem
            for problem in self._problems
            if not any(re.search(pattern, problem) for pattern in self._expected)
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self._problems.append(f"console {message.type}: {message.text} ({where})")


def accessibility_violations(page: Page) -> list[str]:
    """Return what axe finds wrong in a page: the rule and the element."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", STANDARDS)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def wider_than_window(page: Page) -> list[str]:
    """Return the elements that are wider than the window, the innermost ones first."""
    elements: list[str] = page.evaluate("""
        document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
        [...document.querySelectorAll('body, body *')]
            .filter(element => element.scrollWidth > document.documentElement.clientWidth)
            .map(element => element.cloneNode(false).outerHTML.slice(0, 200)).reverse()
    """)
    return elements
