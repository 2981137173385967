"""Failed tasks, page by page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._failed_pages import (
    FailedPage,
    failed_page,
    first_byte,
    rows_with_ends,
)
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from s3batch_handler.documents.reports._writer import ReportWriter, report_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="%"), min_size=1, max_size=5)
FAILURES = st.lists(st.tuples(KEYS, st.text(st.characters(codec="utf-8"), max_size=5)), max_size=20)


def rows_of(failures: list[tuple[str, str]]) -> bytes:
    return b"".join(
        report_row(ManifestEntry("b", key, None), TaskStatus.FAILED, 200, "Failure", message)
        for key, message in failures
    )


def pages(
    content: bytes,
    is_selected: Callable[[ReportRow], bool],
    *,
    limit: int = 3,
    max_searched: int = 1_000,
) -> list[FailedPage]:
    found: list[FailedPage] = []
    cursor: str | None = None
    while not found or cursor is not None:
        start = first_byte(cursor)
        rows = rows_with_ends(io.BytesIO(content[start:]), start)
        found.append(
            failed_page(rows, is_selected=is_selected, limit=limit, max_searched=max_searched)
        )
        cursor = found[-1].next
    return found


@given(FAILURES, st.integers(1, 7), st.integers(1, 7))
def test_the_pages_have_each_row_once(
    failures: list[tuple[str, str]], limit: int, max_searched: int
) -> None:
    """Keys and messages may contain quotes, commas and line breaks."""
    found = pages(rows_of(failures), lambda _: True, limit=limit, max_searched=max_searched)

    rows = [row for page in found for row in page.rows]
    assert [row.message for row in rows] == [message for _, message in failures]
    assert sum(page.searched for page in found) == len(failures)
    assert all(len(page.rows) <= limit for page in found)
    assert all(page.rows for page in found[1:])  # no page is empty but the first one


def test_a_page_ends_after_many_rows_that_do_not_match() -> None:
    """So that a search for a text that does not occur answers soon, and continues."""
    content = rows_of([(str(number), "no") for number in range(10)])

    found = pages(content, lambda row: row.key == "9", max_searched=4)

    assert [page.searched for page in found] == [4, 4, 2]
    assert [len(page.rows) for page in found] == [0, 0, 1]


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1.5", "9" * 16, "\u0663x"])
def test_a_cursor_of_another_form_is_refused(cursor: str) -> None:
    """It comes from a browser."""
    with pytest.raises(ReportError, match="is not a cursor of failed tasks"):
        first_byte(cursor)


def test_an_offset_inside_a_row_is_refused() -> None:
    """It is not the cursor of a page."""
    content = rows_of([("one", "no"), ("two", "no")])

    with pytest.raises(ReportError, match="there is no row of a failed task before byte"):
        list(rows_with_ends(io.BytesIO(content[5:]), 5))


def test_a_report_is_read_from_an_offset(tmp_path: Path) -> None:
    """Only its failed tasks."""
    entry = ManifestEntry("b", "fine", None)
    rows = {
        TaskStatus.FAILED: [rows_of([(str(number), "no") for number in range(10)])],
        TaskStatus.SUCCEEDED: [report_row(entry, TaskStatus.SUCCEEDED, 200, "", "done")],
    }
    ReportWriter(LocalFolder(tmp_path), job_id="1").write(lambda status: rows[status])
    report = read_report(tmp_path)

    (_, first), (second, _), *_ = report.failed_from(0)

    assert first.key == "0"
    assert [row.key for _, row in report.failed_from(second)] == [str(n) for n in range(2, 10)]
    assert list(report.failed_from(10_000)) == []


def test_a_report_without_failures_has_no_failed_tasks(tmp_path: Path) -> None:
    """It has no file for them."""
    ReportWriter(LocalFolder(tmp_path), job_id="1").write(lambda status: [])

    assert list(read_report(tmp_path).failed_from(0)) == []
