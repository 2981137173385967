"""The styles and scripts of pages: their order, their content and their hashes."""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

STYLES: Final = (
    "uPlot.min.css",
    "colors.css",
    "base.css",
    "sections.css",
    "tables.css",
    "list.css",
    "print.css",
)
HEAD_SCRIPTS: Final = ("theme.js",)
"""Scripts that run before the page is displayed."""

_UPLOT_SCRIPT: Final = "uPlot.iife.min.js"
_COMMON: Final = (
    "addresses.js",
    "dom.js",
    "text.js",
    "format.js",
    "icons.js",
    "status.js",
    "copy.js",
    "bar.js",
    "pager.js",
)
_JOB: Final = (
    "charts.js",
    "job_header.js",
    "progress.js",
    "state_path.js",
    "rate_chart.js",
    "duration_chart.js",
    "failure_reason.js",
    "failure_groups.js",
    "task_tables.js",
    "failed_tasks.js",
    "workers.js",
    "configuration.js",
    "job_page.js",
)
_SERVER: Final = ("server.js", "connection.js")

SAVED_SCRIPTS: Final = (_UPLOT_SCRIPT, *_COMMON, *_JOB, "start_saved_job.js")
JOB_SCRIPTS: Final = (
    _UPLOT_SCRIPT,
    *_COMMON,
    *_JOB,
    *_SERVER,
    "failed_from_server.js",
    "actions.js",
    "start_live_job.js",
)
LIST_SCRIPTS: Final = (*_COMMON, *_SERVER, "list_page.js", "start_list.js")

_ASSETS: Final = frozenset((*STYLES, *HEAD_SCRIPTS, *SAVED_SCRIPTS, *JOB_SCRIPTS, *LIST_SCRIPTS))
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_PAGE: Final = Path(__file__).parent
FOLDER: Final = _PAGE / "assets"
_UPLOT: Final = _PAGE / "vendor" / "uplot"


class Asset(NamedTuple):
    """A file that pages load, or contain when they are saved."""

    content: bytes
    content_type: str

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()

    @property
    def hash(self) -> str:
        """The hash that allows the content in a Content-Security-Policy."""
        digest = base64.b64encode(hashlib.sha256(self.content).digest()).decode()
        return f"'sha256-{digest}'"


@functools.cache
def read_asset(name: str) -> Asset:
    """Read a style or a script.

    Raises:
        KeyError: No page has an asset of this name.
    """
    if name not in _ASSETS:
        raise KeyError(name)
    path = (_UPLOT if name.startswith("uPlot.") else FOLDER) / name
    return Asset(path.read_bytes(), _TYPES[path.suffix])
