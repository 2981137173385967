"""The summary of a report is the same with and without DuckDB."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._keys import is_utf8
from s3batch_handler.documents.reports import _failure_groups as groups
from s3batch_handler.documents.reports import _failure_sql as sql
from s3batch_handler.documents.reports import _message_patterns as patterns
from s3batch_handler.documents.reports import _summary_sql
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._summary import summarize_rows
from s3batch_handler.documents.reports._summary_sql import summarize_with_duckdb
from s3batch_handler.testing.strategies import keys, reports
from tests.support.reports import AWS_EXAMPLE, put_report

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from s3batch_handler.documents.reports._summary import ReportSummary
    from s3batch_handler.testing.strategies._documents import ReportFiles

duckdb = pytest.importorskip("duckdb")

WORDS = [
    *("'", '"', "\\", "'a b'", '"x"', "can't", "é", "…", " ", ", ", "\n", "\r\n", "\x00", ":", "/"),
    *("12", "9", "3.5s", "0x1F", "abcdef012345", "ABCDEF0123456789", "deadbeef", "٣"),
    *("Request ID: ", "request id ", "host-id=", "x-amz-id-2: ", "Extended ", "7QX+/Z1A=", "is"),
    *("https://h/p?q=1", "s3://b", "arn:aws:sqs:eu:1:q", "0b325e82-e9b7-ffcb-8cf0-c49284b08e04"),
    *("photos/a b.jpg", "a b.jpg", "a.b", "a/b", "K", "\u017f", "\\u00e9", "\\ud800", "\\n"),
    *('"errorMessage": "', '"errorType":"', "Lambda returned function error: {", "}"),
]
MESSAGES = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=8).map("".join)
TEXTS = MESSAGES.filter(is_utf8)
FUNCTION_ERRORS = st.builds(
    lambda text, kind, cut: (
        groups.FUNCTION_ERROR
        + json.dumps({"errorMessage": text, "errorType": kind})[: cut and -cut]
    ),
    TEXTS,
    st.sampled_from(["ValueError", "", "a\\b"]),
    st.integers(0, 30),
)
IN_PATH = "/data/a.txt: no such file"
KEYS = st.sampled_from(["photos/a b.jpg", "a b.jpg", "a.b", "a", "b/", "", "12"]) | keys()


@pytest.fixture(scope="module")
def database() -> DuckDBPyConnection:
    connection: DuckDBPyConnection = duckdb.connect()
    return connection


def run(database: DuckDBPyConnection, expression: str, message: str, key: str | None = "") -> Any:
    statement = f"SELECT {expression} FROM (SELECT ? AS message, CAST(? AS VARCHAR) AS key)"
    ((value,),) = database.execute(statement, [message, key]).fetchall()
    return value


@settings(max_examples=300, deadline=None)
@given(TEXTS | FUNCTION_ERRORS)
@example(groups.FUNCTION_ERROR + '{"errorMessage": "", "errorType": "ValueError"}')
@example(groups.FUNCTION_ERROR + '{"errorMessage": "a\nb\\n"}')
def test_duckdb_finds_the_same_reasons(database: DuckDBPyConnection, message: str) -> None:
    """Also of Lambda's JSON that is cut, or not valid."""
    found = run(database, sql.failure_reason("message"), message)

    assert found == groups.failure_reason(message)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_duckdb_removes_the_same_names(database: DuckDBPyConnection, message: str) -> None:
    """The regular expression has the same meaning in RE2."""
    found = run(database, sql.without_names("message"), message)

    assert found == patterns.without_names(message)


@settings(max_examples=300, deadline=None)
@given(TEXTS, KEYS)
@example("in a b.jpg", "photos/a b.jpg")
def test_duckdb_removes_the_same_keys(database: DuckDBPyConnection, message: str, key: str) -> None:
    """Also the file name of a key alone."""
    found = run(database, sql.without_key("message", "key"), message, key if is_utf8(key) else None)

    assert found == patterns.without_key(message, key)


# ---------------------------------------------------------------- reports


def both(folder: Path) -> tuple[ReportSummary, ReportSummary]:
    """Return the summary of a report with and without DuckDB."""
    files = read_report(folder)._files
    return summarize_with_duckdb(files), summarize_rows(files)


def failed(*rows: tuple[str, str], key: str = "k") -> bytes:
    cells = (f'b,{key}{n},,failed,200,{code},"{text}"\n' for n, (code, text) in enumerate(rows))
    return "".join(cells).encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(reports(max_rows=20))
def test_summaries_of_reports_are_the_same(tmp_path_factory: Any, files: ReportFiles) -> None:
    """DuckDB is not used for a file that it would read in another way."""
    report = read_report(files.save(tmp_path_factory.mktemp("r")))

    assert report.summary() == summarize_rows(report._files)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["200,X", "X,200", "404,NoSuchKey", ",", "X,Y", "1,2"]),
            st.sampled_from(["k", "a%20b.jpg", "p/a+b.jpg", "%FF", "p%2Fa%20b", "data/a.txt"]),
            st.sampled_from(["", "\\N", "null", "v"]),
            TEXTS
            | FUNCTION_ERRORS
            | st.sampled_from(["n 1", "n 2", "in a b.jpg", "'x' y", IN_PATH]),
        ),
        max_size=30,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
@example([("1,X", "data/a.txt", "", IN_PATH), ("1,X", "k", "", IN_PATH)], "\n")
def test_summaries_of_unusual_rows_are_the_same(
    tmp_path_factory: Any, rows: list[tuple[str, ...]], line_ending: str
) -> None:
    """Codes in either order, missing versions, any message, with the key or not.

    Keys may be in a message, which is then the same for other keys, and may not be valid UTF-8.
    """
    # DuckDB recognizes line endings by the first one.
    lines = [f"b,k,,failed,200,X,first{line_ending}"]
    for codes, key, version, message in rows:
        cell = message.replace('"', '""')
        lines.append(f'b,{key},{version},failed,{codes},"{cell}"{line_ending}')
    folder = put_report(tmp_path_factory.mktemp("r") / "r", failed="".join(lines).encode())

    found, expected = both(folder)

    assert found == expected


def test_groups_beyond_the_limit_are_counted_together(tmp_path: Path) -> None:
    """The groups that come first are kept; groups of the same size are in their order."""
    names = [f"{a}{b}{c}" for a in "ghijk" for b in "ghijklmnop" for c in "ghijklmnopqrst"]
    rows = [("X", name) for name in names for _ in range(1 + (name[0] == "k"))]
    rows += [("Y", name) for name in names[:50]] * 3

    found, expected = both(put_report(tmp_path / "r", failed=failed(*rows)))

    assert found == expected
    assert [group.message for group in found.failures[:3]] == ["other messages"] * 2 + ["ggg"]
    assert [example.message for example in found.failures[0].examples] == ["jlq", "jlr", "jls"]


def test_examples_come_in_the_order_of_rows(tmp_path: Path) -> None:
    """Not in the order of the forms that DuckDB groups by."""
    texts = ["took 5 s", "took 12 s", "took 9 s", "took 100 s", "took 11 s", "gone"]

    found, expected = both(put_report(tmp_path / "r", failed=failed(*(("X", t) for t in texts))))

    assert found == expected
    assert [row.message for row in found.failures[0].examples] == texts[:3]
    assert found.failures[1].message == "gone"


def test_summary_of_an_aws_report_is_the_same(tmp_path: Path) -> None:
    content = {name: (AWS_EXAMPLE / f"{name}.csv").read_bytes() for name in ("succeeded", "failed")}

    found, expected = both(put_report(tmp_path / "r", **content))

    assert found == expected
    assert found.total > 0


def test_summary_of_a_report_without_rows_is_the_same(tmp_path: Path) -> None:
    found, expected = both(put_report(tmp_path / "r", succeeded=b"", failed=b""))

    assert found == expected
    assert found.total == 0


@pytest.mark.parametrize(
    "row",
    [
        b'b,k,,failed,200,X,"a "b" c"\n',
        b'b,k,,failed,200,X,"error details: {"a":"b","c":"d"}"\n',
        b"b,k,,failed,200,X,m,further,cells\n",
        b'b,k,,failed,200,X,"two\rlines"\nb,k,,failed,200,X,m\n',
        b"\xef\xbb\xbfb,k,,failed,200,X,m\n",
        b"b,k,,failed,200,X,no line ending",
        b'b,k,,failed,200,X,"not closed\n',
    ],
)
def test_unusual_files_are_read_without_duckdb(tmp_path: Path, row: bytes) -> None:
    """AWS writes some faulty quotes."""
    report = read_report(put_report(tmp_path / "r", failed=row))

    assert report.summary() == summarize_rows(report._files)
    assert report.summary().failed == len(list(report))


@pytest.mark.parametrize(
    "content",
    [
        b"b,k,,failed,200,X,changed\n",
        b"b,k\n",
        b"b,\xff,,failed,200,X,m\n",
        b"\xff,k,,failed,200,X,m\n",
        b"b,k,\xff,failed,200,X,m\n",
        b"b,k,,succeeded,200,X,m\n",
        b"b,k,,failed,200,X," + b"m" * 200_000 + b"\n",
        b"\x1f\x8b\x08\x00",
        None,
    ],
)
@pytest.mark.parametrize("name", ["succeeded", "failed"])
def test_damaged_files_are_refused_as_without_duckdb(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    """The error has the file, and the line if it is known."""
    good = b"b,k,,succeeded,200,,m\n"
    folder = put_report(tmp_path / "r", succeeded=good, failed=failed(("X", "m")))
    file = folder / "results" / f"{name}.csv"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.replace(b"failed", name.encode()) if name != "failed" else content)
    report = read_report(folder)
    with pytest.raises(ReportError) as expected:
        summarize_rows(report._files)

    with pytest.raises(ReportError) as caught:
        report.summary()

    assert str(caught.value) == str(expected.value)
    assert str(file) in str(caught.value)


def test_a_summary_does_not_need_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = read_report(put_report(tmp_path / "r", failed=failed(("X", "m"))))
    expected = report.summary()
    monkeypatch.setitem(sys.modules, "duckdb", None)

    assert report.summary() == expected


def test_a_summary_uses_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the tests above would compare a summary with itself."""
    report = read_report(put_report(tmp_path / "r", failed=failed(("X", "m"))))
    monkeypatch.setattr(_summary_sql, "message_pattern", str.upper)

    assert report.summary().failures[0].examples
    monkeypatch.setattr(_summary_sql, "failure_reason", str.upper)
    assert report.summary().failures[0].message == "M"
