"""docs/classification.md, for tests that compare it with the code."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "classification.md"


def names_in(title: str) -> set[str]:
    """Return what a section of the page has in code marks."""
    section = re.search(
        rf"^##+ {re.escape(title)}$(.*?)(?=^##)", DOCS.read_text(), re.MULTILINE | re.DOTALL
    )
    assert section is not None, title
    return set(re.findall(r"`([^`]+)`", section[1]))


def row_of(first: str) -> str:
    """Return the row of the page that begins with a cell."""
    return next(line for line in DOCS.read_text().splitlines() if line.startswith(f"| {first} |"))
