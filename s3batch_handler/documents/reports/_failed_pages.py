"""Failed tasks of a report, page by page: each page continues where the one before ended."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._rows import COLUMNS, ReportRow, TaskStatus, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_SEARCHED: Final = 200_000
"""The maximum number of rows that are searched for one page. This takes about a second."""


@dataclass(frozen=True, slots=True)
class FailedPage:
    """Some failed tasks.

    Attributes:
        searched: The number of rows that were compared with the search.
        next: Where the next page begins; ``None`` at the end.
    """

    rows: list[ReportRow]
    searched: int
    next: str | None


def first_byte(cursor: str | None) -> int:
    """Return the offset in the rows where a page begins.

    Raises:
        ReportError: It is not the ``next`` of a page.
    """
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > _MAX_DIGITS:
        raise ReportError(f"{cursor[:40]!r} is not a cursor of failed tasks; start without one")
    return int(cursor)


_MAX_DIGITS: Final = 15


def failed_page(
    rows: Iterable[tuple[int, ReportRow]],
    *,
    is_selected: Callable[[ReportRow], bool],
    limit: int,
    max_searched: int = MAX_SEARCHED,
) -> FailedPage:
    """Return the next page.

    Args:
        rows: The rows from the first byte of the page, each with the offset after it.
        is_selected: Returns whether a row belongs to the page.
        limit: The maximum number of rows on the page.
        max_searched: The maximum number of rows that are searched.
    """
    found: list[ReportRow] = []
    searched = 0
    iterator = iter(rows)
    for end, row in iterator:
        searched += 1
        if is_selected(row):
            found.append(row)
        if len(found) >= limit or searched >= max_searched:
            has_more = next(iterator, None) is not None
            return FailedPage(found, searched, str(end) if has_more else None)
    return FailedPage(found, searched, None)


def rows_with_ends(stream: BinaryIO, start: int) -> Iterator[tuple[int, ReportRow]]:
    """Yield failed tasks from rows that the local engine wrote, each with the offset after it.

    Args:
        stream: The rows from an offset.
        start: This offset.

    Raises:
        ReportError: A row is not valid, or there is none at this offset.
    """
    end = start

    def lines() -> Iterator[str]:
        nonlocal end
        for line in iter(partial(stream.readline, _MAX_LINE), b""):
            end += len(line)
            yield line.decode()

    try:
        for cells in csv.reader(lines(), strict=False):  # it reads no line ahead
            if len(cells) != len(COLUMNS) or cells[3] != TaskStatus.FAILED:
                raise ReportError(f"there is no row of a failed task before byte {end:,}")
            yield end, row_of(cells, TaskStatus.FAILED)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReportError(f"the row before byte {end:,} is not valid: {error}") from error


_MAX_LINE: Final = 1 << 20  # bytes; keys have at most 1,024
