"""Queries of reports, and reports as tables of other packages."""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.testing.strategies import reports
from tests.support.reports import put_report

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.testing.strategies._documents import ReportFiles

pytest.importorskip("duckdb")

COLUMNS = ("bucket", "key", "version_id", "status", "http_status", "error_code", "message")
ROWS = b"""\
b,year%202024/a.jpg,,failed,200,PermanentFailure,"not a ""photo"", sorry"
b,c+d,\\N,failed,NoSuchKey,404,"two\r
lines"
"""


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return read_report(
        put_report(tmp_path / "r", succeeded=b"b,ok,v1,succeeded,200,,\n", failed=ROWS)
    )


def values(report: Report) -> list[tuple[Any, ...]]:
    return [tuple(getattr(row, name) for name in COLUMNS) for row in report]


def test_a_query_reads_the_fields_of_rows(report: Report) -> None:
    """Keys are decoded, and both orders of the two codes are read."""
    result = report.query("FROM report")

    assert result.columns == COLUMNS
    assert list(result.rows) == [
        ("b", "ok", "v1", "succeeded", 200, None, ""),
        ("b", "year 2024/a.jpg", None, "failed", 200, "PermanentFailure", 'not a "photo", sorry'),
        ("b", "c d", None, "failed", 404, "NoSuchKey", "two\r\nlines"),
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(reports())
def test_a_query_reads_the_same_rows(tmp_path_factory: Any, files: ReportFiles) -> None:
    """A key that is not valid UTF-8 is as in the report."""
    report = read_report(files.save(tmp_path_factory.mktemp("r")))
    valid = [
        n
        for n, row in enumerate(files.rows)
        if row.key.encode("utf-8", "ignore") == row.key.encode("utf-8", "surrogateescape")
    ]

    found = list(report.query("FROM report").rows)

    assert [found[n] for n in valid] == [values(report)[n] for n in valid]
    assert len(found) == len(files.rows)


@pytest.mark.parametrize(
    "http_status", ["200", " 200", "-1", "true", "1e2", "2.5", "00000000001", ""]
)
def test_queries_and_rows_accept_the_same_http_statuses(tmp_path: Path, http_status: str) -> None:
    row = f"b,k,,failed,{http_status},X,m\nb,k,,failed,X,{http_status},m\n"
    report = read_report(put_report(tmp_path / "r", failed=row.encode()))

    assert list(report.query("FROM report").rows) == values(report)


def test_a_report_without_results_can_be_queried(tmp_path: Path) -> None:
    report = read_report(put_report(tmp_path / "r"))

    result = report.query("FROM report")

    assert result.columns == COLUMNS
    assert list(result.rows) == []
    assert str(report.to_arrow().schema.field("message").type) == "string"


def test_a_key_that_is_not_utf8_is_not_decoded(tmp_path: Path) -> None:
    row = b"b,a%20%FF,,failed,200,X,m\n"
    report = read_report(put_report(tmp_path / "r", failed=row))

    assert list(report.query("SELECT key FROM report").rows) == [("a%20%FF",)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b'b,k,,failed,200,X,"a "b" c"\n', 'a b" c"'),
        (b'b,k,,failed,200,X,"error details: {"a":"b","c":"d"}"\n', None),
        (b"b,k,,failed,200,X,m,further,cells\n", "m"),
    ],
)
def test_rows_that_duckdb_refuses_are_read(
    tmp_path: Path, row: bytes, expected: str | None
) -> None:
    """AWS writes some faulty quotes."""
    report = read_report(put_report(tmp_path / "r", failed=row))

    found = list(report.query("FROM report").rows)

    assert found == values(report)
    assert expected in (None, found[0][-1])


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """DuckDB expands patterns in paths."""
    folder = put_report(tmp_path / "it's [1] {2}*", failed=ROWS)

    assert list(read_report(folder).query("SELECT count(*) FROM report").rows) == [(2,)]


@pytest.mark.parametrize(("name", "other"), [("h*", "hh"), ("h?", "hh"), ("[h]", "h"), ("**", "h")])
def test_a_folder_named_like_a_pattern_is_not_read_with_others(
    tmp_path: Path, name: str, other: str
) -> None:
    put_report(tmp_path / other, failed=ROWS)
    report = read_report(put_report(tmp_path / name, failed=ROWS[: ROWS.index(b"\n") + 1]))

    assert list(report.query("SELECT count(*) FROM report").rows) == [(1,)]
    assert report.summary().total == 1


def test_names_of_folders_do_not_replace_columns(tmp_path: Path) -> None:
    """DuckDB reads columns from names such as status=x by itself."""
    report = read_report(put_report(tmp_path / "key=k" / "message=m", failed=ROWS))

    assert list(report.query("FROM report").rows) == values(report)


def test_a_temporary_folder_named_like_a_pattern_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only if a copy has to be in it."""
    (tmp_path / "t*").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t*"))
    usual = read_report(put_report(tmp_path / "r", failed=ROWS))
    unusual = read_report(put_report(tmp_path / "[r]", failed=ROWS))

    assert len(list(usual.query("FROM report").rows)) == 2
    assert unusual.summary().total == 2
    with pytest.raises(ReportError, match=r"/t\* has one of .* Set TMPDIR to another folder$"):
        unusual.query("FROM report")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY report TO '{folder}/new.csv'",
        "COPY report TO '{results}'",
        "EXPORT DATABASE '{folder}/new.csv'",
        "ATTACH '{folder}/new.csv'",
        "CREATE TABLE x AS FROM report",
        "SET memory_limit = '9GB'",
        "INSTALL httpfs",
        "SELECT 1; SELECT 2",
        "",
        "FROM read_text('{other}')",
        "FROM read_csv('{other}')",
        "FROM glob('{folder}/*')",
        "FROM '{other}'",
        "FROM values",
        "SELECT x FROM report",
        "SELEC",
    ],
)
def test_a_query_cannot_write_or_read_other_files(tmp_path: Path, report: Report, sql: str) -> None:
    """The error is one line, so that a terminal shows it as one."""
    other = tmp_path / "other.csv"
    other.write_text("secret")
    results = tmp_path / "r" / "results" / "failed.csv"

    with pytest.raises(ReportError) as caught:
        list(report.query(sql.format(folder=tmp_path, other=other, results=results)).rows)

    assert "\n" not in str(caught.value)
    assert results.read_bytes() == ROWS
    assert not (tmp_path / "new.csv").exists()


def test_an_error_while_rows_are_read_is_a_report_error(report: Report) -> None:
    with pytest.raises(ReportError, match="Conversion Error: Could not convert"):
        list(report.query("SELECT CAST(key AS INT) FROM report").rows)


@pytest.mark.parametrize(
    "damage", [b"b,k,,failed,200,X,other\n", b"b,k\n", b"b,\xff,,failed,200,X,m\n"]
)
def test_damaged_results_are_refused(tmp_path: Path, report: Report, damage: bytes) -> None:
    """The error is that of Report.rows."""
    (tmp_path / "r" / "results" / "failed.csv").write_bytes(damage)
    with pytest.raises(ReportError) as expected:
        list(report)

    with pytest.raises(ReportError) as caught:
        report.query("SELECT count(*) FROM report")

    assert str(caught.value) == str(expected.value)


def test_duckdb_prints_no_progress(report: Report) -> None:
    """In some programs it would print a progress bar to standard output, among the data."""
    result = report.query("SELECT current_setting('enable_progress_bar')")

    assert list(result.rows) == [(False,)]


def test_temporary_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a query fails, or its result is not read to the end."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    report = read_report(put_report(tmp_path / "r", failed=b'b,k,,failed,200,X,"a "b" c"\n' * 9))

    rows = report.query("FROM report").rows
    next(rows)
    del rows
    with pytest.raises(ReportError):
        report.query("FROM nothing")

    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_report_becomes_a_table_of_other_packages(report: Report) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    pytest.importorskip("polars")

    arrow, frame = report.to_arrow(), report.to_pandas()

    assert tuple(arrow.column_names) == COLUMNS
    assert [tuple(row.values()) for row in arrow.to_pylist()] == values(report)
    assert tuple(frame.columns) == COLUMNS
    assert list(frame["key"]) == ["ok", "year 2024/a.jpg", "c d"]
    assert report.to_polars().rows() == values(report)


@pytest.mark.parametrize(
    ("call", "missing", "says"),
    [
        ("to_arrow", "pyarrow", "Report.to_arrow needs pyarrow: pip install pyarrow"),
        ("to_pandas", "pandas", "Report.to_pandas needs pandas: pip install pandas"),
        ("to_polars", "polars", "Report.to_polars needs polars: pip install polars"),
        ("to_arrow", "duckdb", r"Report.to_arrow needs duckdb.*'s3batch-handler\[report\]'"),
        ("query", "duckdb", r"Report.query needs duckdb.*'s3batch-handler\[report\]'"),
    ],
)
def test_the_error_names_what_to_install(
    report: Report, monkeypatch: pytest.MonkeyPatch, call: str, missing: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ModuleNotFoundError, match=says):
        getattr(report, call)(*["FROM report"] if call == "query" else [])
