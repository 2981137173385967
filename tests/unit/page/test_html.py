"""The HTML of pages: what a browser must find in it, and what it must not read as HTML."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.page import _assets
from s3batch_handler.page._html import live_list, live_page, saved_page
from tests.support.page_documents import JOB_ID, failed_task, job_document

if TYPE_CHECKING:
    from s3batch_handler.page._document import ListDocument

API = f"/_s3batch/api/jobs/{JOB_ID}"
HOSTILE = "</script><script>alert(1)</script><!--<script>\u2028\u202e\ud800\x1b[31m&amp;'\""


class Elements(HTMLParser):
    """The elements of a page, with the text of those that are scripts or styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    @override
    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", {}, ""))

    @override
    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def named(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for name, attributes, text in self.found if name == tag]

    @property
    def document(self) -> object:
        (text,) = [text for attrs, text in self.named("script") if attrs.get("id") == "document"]
        return json.loads(text)

    @property
    def policy(self) -> str:
        policies = [attrs["content"] for attrs, _ in self.named("meta") if "http-equiv" in attrs]
        return str(policies[0]) if policies else ""


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def list_document() -> ListDocument:
    return {
        "version": 1,
        "time": "2026-11-30T12:05:00+00:00",
        "jobs": [],
        "matching": 0,
        "by_status": {},
        "next": None,
    }


def test_a_saved_page_loads_nothing() -> None:
    """A saved page refers to no other file: styles and scripts are in it."""
    page = Elements(saved_page(job_document()))

    addresses = {
        str(value)
        for _, attributes, _ in page.found
        for name, value in attributes.items()
        if name in {"src", "href"}
    }

    assert {address[:5] for address in addresses} == {"#main", "data:"}
    assert "connect-src" not in page.policy
    assert "unsafe" not in page.policy


def test_a_saved_page_allows_each_style_and_script_by_its_hash() -> None:
    """The Content-Security-Policy has the hash of each inline element, and no other."""
    page = Elements(saved_page(job_document()))

    inline = {text for attrs, text in page.named("script") if "type" not in attrs}
    inline |= {text for _, text in page.named("style")}

    assert {hash_of(text) for text in inline} == set(re.findall(r"'sha256-[^']+'", page.policy))


def test_a_saved_page_has_no_token() -> None:
    """The token of a live page does not get into a file that is sent to others."""
    live = {"token": "s3cr3t-token", "actions": ["cancel"]}

    assert "s3cr3t-token" not in saved_page(job_document(live=live))


def test_a_live_page_loads_its_assets_from_the_server() -> None:
    """A live page has no inline script or style, which its policy would refuse."""
    page = Elements(live_page(job_document(), API))

    scripts = [attrs for attrs, _ in page.named("script") if "type" not in attrs]

    assert page.named("html")[0][0]["data-api"] == API
    assert all(str(attrs["src"]).startswith("/_s3batch/assets/") for attrs in scripts)
    assert not page.named("style")
    assert not page.policy


@pytest.mark.parametrize("html", [saved_page(job_document()), live_page(job_document(), API)])
def test_pages_have_no_inline_style_or_event_handler(html: str) -> None:
    """No element has an attribute that the Content-Security-Policy would refuse."""
    names = {name for _, attributes, _ in Elements(html).found for name in attributes}

    assert not {name for name in names if name == "style" or name.startswith("on")}


@given(st.text() | st.sampled_from([HOSTILE]))
def test_any_text_stays_text(text: str) -> None:
    """Keys, messages and descriptions cannot end the element of the document."""
    document = job_document(failed_tasks={"rows": [{**failed_task(1), "key": text}]})
    document["job"]["description"] = text

    page = Elements(saved_page(document))

    assert page.document == json.loads(json.dumps(document))
    assert len(page.named("script")) == len(Elements(saved_page(job_document())).named("script"))


def test_lone_surrogates_can_be_written() -> None:
    """The page can be written although a key is not valid UTF-8."""
    document = job_document()
    document["job"]["description"] = "caf\udce9"

    assert b"caf\\udce9" in saved_page(document).encode()


def test_the_list_is_a_page_of_its_own() -> None:
    """The list of jobs has its own script, and the address of the list."""
    page = Elements(live_list(list_document()))

    assert page.named("html")[0][0] == {
        "lang": "en",
        "data-page": "list",
        "data-api": "/_s3batch/api/jobs",
    }
    assert page.document == list_document()


def test_the_key_facts_need_no_script() -> None:
    """Without JavaScript, the page shows the status and the counts."""
    html = saved_page(job_document())
    noscript = html[html.index("<noscript>") : html.index("</noscript>")]

    assert "<dt>Status</dt><dd>Active</dd>" in noscript
    assert "<dt>Succeeded</dt><dd>30,100</dd>" in noscript


@pytest.mark.parametrize("name", ["../_html.py", "_html.py", "", "LICENSE", "/etc/passwd"])
def test_only_assets_can_be_read(name: str) -> None:
    """A name that is not one of the assets reads no file."""
    with pytest.raises(KeyError):
        _assets.read_asset(name)


def test_every_asset_is_used_and_can_be_inline() -> None:
    """Each file in the folder is an asset, and none would end its own element."""
    listed = {
        *_assets.STYLES,
        *_assets.HEAD_SCRIPTS,
        *_assets.SAVED_SCRIPTS,
        *_assets.JOB_SCRIPTS,
        *_assets.LIST_SCRIPTS,
    }
    folder = {path.name for path in _assets.FOLDER.iterdir() if path.suffix in {".js", ".css"}}

    assert folder == {name for name in listed if not name.startswith("uPlot.")}
    for name in listed:
        text = _assets.read_asset(name).text
        assert not re.search(r"</(script|style)|<!--|\r", text, re.IGNORECASE)


def test_scripts_use_no_html_from_text() -> None:
    """No script of the page writes HTML, evaluates text, or sets a style attribute."""
    for path in _assets.FOLDER.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|cssText",
            text,
        )
