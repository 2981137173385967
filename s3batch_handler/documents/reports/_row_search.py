"""Which failed tasks a search on a page finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.documents.reports._rows import ReportRow


def row_search(search: str, code: str) -> Callable[[ReportRow], bool]:
    """Return a function that returns whether a search finds a row.

    Args:
        search: A text that the key, the error code or the message contains, in any case.
        code: The error code; ``""`` for all.
    """
    searched = search.casefold()

    def is_found(row: ReportRow) -> bool:
        if code and row.error_code != code:
            return False
        return not searched or any(
            searched in text.casefold() for text in (row.key, row.error_code or "", row.message)
        )

    return is_found
