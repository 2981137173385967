"""The tests in Chromium notice what goes wrong in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import WatchedBrowser, accessibility_violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; require-trusted-types-for 'script'"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<script>undefinedName()</script>", "undefinedName is not defined"),
        ("<script>console.error('it broke')</script>", "it broke"),
        ("<script>Promise.reject(new Error('too late'))</script>", "too late"),
        (
            f'<meta http-equiv=Content-Security-Policy content="{POLICY}"><b style="top: 0">',
            "style",
        ),
        ("<img src=http://127.0.0.1:1/pixel.png>", "ERR_"),
    ],
)
def test_a_problem_of_a_page_fails_its_test(chromium: Browser, content: str, problem: str) -> None:
    """Errors of scripts, on the console, of the policy and of requests fail a test."""
    watched = WatchedBrowser(chromium)
    watched.new_page().set_content(content)

    with pytest.raises(AssertionError, match=problem):
        watched.close()


def test_expected_problems_do_not_fail_a_test(chromium: Browser) -> None:
    """A test can cause an error on purpose."""
    watched = WatchedBrowser(chromium)
    watched.expect_problems("on purpose")

    watched.new_page().set_content("<script>console.error('on purpose')</script>")

    watched.close()


def test_axe_runs_in_a_page_with_a_strict_policy(page: Page) -> None:
    """The accessibility check needs no exception in the policy of the page."""
    policy = f'<meta http-equiv=Content-Security-Policy content="{POLICY}">'
    page.set_content(f"<html lang=en><title>A page</title>{policy}<main><h1>A page</h1></main>")
    assert accessibility_violations(page) == []

    page.evaluate("document.querySelector('main').append(document.createElement('button'))")

    assert any(text.startswith("button-name") for text in accessibility_violations(page))
