"""What the page of a job shows, as a reader finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def number_of(page: Page, state: str) -> Locator:
    """Return the number of tasks in a state: succeeded, failed, waiting, running or pending."""
    return page.locator(f"#progress .state.{state} .number")


def status_of(page: Page) -> Locator:
    return page.locator("main .job-title .status")


def failed_rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Failed tasks").locator("tbody tr")


def search_box(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search in keys, codes and messages")


def act(page: Page, button: str, confirmation: str) -> None:
    """Click the button of an action, and the one in its dialog."""
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_role("button", name=confirmation).click()


def facts_of(page: Page) -> dict[str, list[str]]:
    """Return what a live page and its saved page have in common, as text."""
    places = {
        "title": "main h1",
        "status": "main .job-title .status",
        "counts": "#progress .state",
        "states": "#states .step",
        "failures": "#failures .group-text p",
        "failed": "#failed tbody tr",
        "slowest": "#slowest tbody tr",
        "configuration": "#configuration dd",
        "commands": "#commands code",
    }
    return {name: page.locator(place).all_inner_texts() for name, place in places.items()}
