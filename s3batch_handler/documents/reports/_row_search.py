"""The search for failed tasks on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.documents.reports._failure_groups import failure_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from s3batch_handler.documents.reports._rows import ReportRow


def row_search(search: str, code: str) -> Callable[[ReportRow], bool]:
    """Return a function that returns whether a search finds a row.

    Args:
        search: A text that the key, the error code or the message contains, in any case. ``…`` in
            it stands for any text, so the common form of a group of failures finds its rows. A text
            that begins with ``s3://`` also finds objects by their URL. The scripts of a saved page
            search in the same way.
        code: The error code; ``""`` for all.
    """
    search = search.lower()
    parts = parts_of(search)
    is_url = search.startswith("s3://")

    def is_found(row: ReportRow) -> bool:
        if code and row.error_code != code:
            return False
        if is_url and has_parts(f"s3://{row.bucket}/{row.key}".lower(), parts):
            return True
        return not parts or any(has_parts(text.lower(), parts) for text in _texts(row))

    return is_found


def _texts(row: ReportRow) -> Iterator[str]:
    yield row.key
    yield row.error_code or ""
    yield row.message
    yield failure_reason(row.message)


def parts_of(search: str) -> list[str]:
    """Return the parts of a text in which ``…`` stands for any text."""
    return [part for part in search.split("…") if part]


def has_parts(text: str, parts: Sequence[str]) -> bool:
    """Return whether a text contains all parts, one after the other."""
    position = 0
    for part in parts:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True
