"""Manifests that are joined with completion reports, checked against plain Python."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._join import JoinedLine, LineStatus, join
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from tests.support.manifest_spellings import lists, object_of

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry

pytest.importorskip("duckdb")

MESSAGES = st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def rows_of(draw: st.DrawFn, lines: list[ManifestEntry]) -> list[tuple[ReportRow, ManifestEntry]]:
    """Generate rows of some of the lines, in any order, and perhaps of other objects."""
    others = draw(lists(has_versions=bool(lines) and lines[0].version_id is not None))
    some = [line for line in lines if draw(st.booleans())] + others[:2]
    return [(draw(row_of(line)), line) for line in draw(st.permutations(some))]


@st.composite
def row_of(draw: st.DrawFn, line: ManifestEntry) -> ReportRow:
    names = line.object
    status = draw(st.sampled_from(TaskStatus))
    return ReportRow(
        bucket=names.bucket,
        key=names.key,
        version_id=names.version_id,
        status=status,
        http_status=draw(st.none() | st.sampled_from([200, 404])),
        error_code=draw(st.none() | st.just("NoSuchKey")) if status == TaskStatus.FAILED else None,
        message=draw(MESSAGES),
    )


def joined(
    lines: list[ManifestEntry], rows: list[tuple[ReportRow, ManifestEntry]]
) -> tuple[list[JoinedLine], int]:
    """Join in plain Python; return also the number of rows that are left."""
    left = defaultdict(list)
    for row, entry in rows:
        left[object_of(entry)].append(row)
    result = []
    for number, line in enumerate(lines, 1):
        found = left[object_of(line)]
        values: tuple[Any, ...] = (LineStatus.MISSING, None, None, "")
        if found:
            row = found.pop(0)
            values = LineStatus(row.status.value), row.http_status, row.error_code, row.message
        result.append(JoinedLine(number, line, *values))
    return result, sum(map(len, left.values()))


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_each_line_has_its_row(data: st.DataObject) -> None:
    """Spellings may differ; an object on two lines has two rows; statuses are selected."""
    lines = data.draw(lists())
    rows = data.draw(rows_of(lines))
    expected, unknown = joined(lines, rows)
    selected = data.draw(st.lists(st.sampled_from(LineStatus), min_size=1, unique=True))
    if rows and all(line.status == LineStatus.MISSING for line in expected):
        with pytest.raises(ReportError, match="a report of another manifest"):
            join(lines, rows, report="r").__enter__()
        return

    with join(lines, rows, report="r") as found:
        all_lines = list(found.lines())
        some = list(found.entries(selected))

    assert all_lines == expected
    assert some == [line.entry for line in expected if line.status in selected]
    assert found.unknown == unknown
    assert found.counts == {
        status: sum(1 for line in expected if line.status == status) for status in LineStatus
    }
