"""The HTML of pages: a skeleton with the document as JSON, which the scripts display.

Live pages load their styles and scripts from the server. A saved page contains them, each allowed
by its hash. Neither loads anything else.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.page._assets import (
    HEAD_SCRIPTS,
    JOB_SCRIPTS,
    LIST_SCRIPTS,
    SAVED_SCRIPTS,
    STYLES,
    read_asset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.page._document import Document, JobDocument, ListDocument

ROOT: Final = "/_s3batch/"


def saved_page(document: JobDocument) -> str:
    """Return the page of a job as one file that loads nothing."""
    document = {**document, "live": None}
    return _page(
        title=_job_title(document),
        kind="job",
        head=_meta("Content-Security-Policy", _saved_policy()) + _inline_styles(),
        before=_inline_scripts(HEAD_SCRIPTS),
        after=_inline_scripts(SAVED_SCRIPTS),
        facts=_job_facts(document),
        document=document,
    )


def live_page(document: JobDocument, api: str) -> str:
    """Return the page of a job, which gets newer documents from the address ``api``."""
    return _page(
        title=_job_title(document),
        kind="job",
        api=api,
        head=_linked_styles(),
        before=_linked_scripts(HEAD_SCRIPTS),
        after=_linked_scripts(JOB_SCRIPTS),
        facts=_job_facts(document),
        document=document,
    )


def live_list(document: ListDocument) -> str:
    """Return the page with the list of jobs."""
    return _page(
        title="Jobs",
        kind="list",
        api=f"{ROOT}api/jobs",
        head=_linked_styles(),
        before=_linked_scripts(HEAD_SCRIPTS),
        after=_linked_scripts(LIST_SCRIPTS),
        facts=[
            (job["description"] or job["id"], f"{job['status']}, {job['id']}")
            for job in document["jobs"]
        ],
        document=document,
    )


def document_json(document: Document) -> str:
    """Return a document as JSON that can be inside an HTML element."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _page(
    *,
    title: str,
    kind: str,
    head: str,
    before: str,
    after: str,
    facts: Iterable[tuple[str, str]],
    document: Document,
    api: str | None = None,
) -> str:
    address = "" if api is None else f' data-api="{_text(api)}"'
    rows = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts)
    return f"""<!doctype html>
<html lang="en" data-page="{kind}"{address}>
<head>
<meta charset="utf-8">
{head}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{_text(title)}</title>
<link rel="icon" href="{_ICON}">
{before}</head>
<body>
<a class="skip" href="#main">Skip to main content</a>
<div id="bar"></div>
<main id="main" tabindex="-1"></main>
<p id="announcements" class="unseen" role="status"></p>
<noscript><h1>{_text(title)}</h1><dl>{rows}</dl>
<p>This page needs JavaScript to show more.</p></noscript>
<script type="application/json" id="document">{document_json(document)}</script>
{after}</body>
</html>
"""


_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='3.5' fill='%231f5fbf'/%3E"
    "%3Cpath d='M3.5 5h9M3.5 8h6M3.5 11h3' stroke='white' stroke-width='1.8' "
    "stroke-linecap='round'/%3E%3C/svg%3E"
)


def _job_title(document: JobDocument) -> str:
    job = document["job"]
    function = (job["function"] or "").rpartition(":function:")[2]
    name = job["description"] or function or job["id"] or "Job"
    return " · ".join(filter(None, (name, job["status"])))


def _job_facts(document: JobDocument) -> list[tuple[str, str]]:
    """Return what the page shows without JavaScript."""
    job, counts = document["job"], document["counts"]
    facts = {
        "Job": job["id"],
        "Status": job["status"],
        "Function": job["function"],
        "Created": job["created"],
        "Ended": job["ended"],
        "Tasks": counts["total"],
        "Succeeded": counts["succeeded"],
        "Failed": counts["failed"],
        "Waiting for a redrive": counts["waiting"],
        "Running": counts["running"],
        "Pending": counts["pending"],
        "As of": document["time"],
    }
    facts |= {reason["code"]: reason["reason"] for reason in job["reasons"]}
    facts |= {
        f"{group['code']}: {group['message']}": f"{group['count']:,} tasks"
        for group in document["failures"]
    }
    return [
        (name, f"{value:,}" if isinstance(value, int) else value)
        for name, value in facts.items()
        if value is not None
    ]


def _text(value: str) -> str:
    escaped = escape(safe_line(value))
    return escaped.encode("ascii", "xmlcharrefreplace").decode()


def _meta(name: str, content: str) -> str:
    return f'<meta http-equiv="{name}" content="{content}">\n'


def _saved_policy() -> str:
    scripts = " ".join(read_asset(name).hash for name in (*HEAD_SCRIPTS, *SAVED_SCRIPTS))
    styles = " ".join(read_asset(name).hash for name in STYLES)
    # Browsers ignore frame-ancestors in a <meta> element, with an error in their console.
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _inline_styles() -> str:
    return "".join(f"<style>{read_asset(name).text}</style>\n" for name in STYLES)


def _inline_scripts(names: Iterable[str]) -> str:
    return "".join(f"<script>{read_asset(name).text}</script>\n" for name in names)


def _linked_styles() -> str:
    return "".join(f'<link rel="stylesheet" href="{ROOT}assets/{name}">\n' for name in STYLES)


def _linked_scripts(names: Iterable[str]) -> str:
    return "".join(f'<script src="{ROOT}assets/{name}"></script>\n' for name in names)
