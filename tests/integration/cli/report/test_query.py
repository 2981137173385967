"""``s3batch report query``."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.shell import Shell

COUNTS = "SELECT error_code, count(*) AS n FROM report GROUP BY ALL ORDER BY ALL NULLS FIRST"


def test_result_is_a_table(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "query", COUNTS)

    assert run.returncode == 0, run.stderr
    assert [line.split() for line in run.stdout.splitlines()] == [
        ["error_code", "n"],
        ["2"],
        ["NoSuchKey", "1"],
        ["PermanentFailure", "1"],
        ["TemporaryFailure", "1"],
    ]


def test_result_is_csv_or_json_lines(s3batch: Shell, report: str) -> None:
    sql = "SELECT key, http_status AS s, 1.5 AS d, 'nan'::FLOAT AS x FROM report WHERE s > 200"

    as_json = s3batch("report", "query", sql, report, "--json")
    as_csv = s3batch("report", "query", sql, report, "--format", "csv")

    assert json.loads(as_json.stdout) == {"key": "2023/gone.jpg", "s": 404, "d": 1.5, "x": None}
    assert [*csv.reader(as_csv.stdout.splitlines())] == [
        ["key", "s", "d", "x"],
        ["2023/gone.jpg", "404", "1.5", "nan"],
    ]


def test_names_of_columns_are_escaped(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "query", 'SELECT 1 AS "\x1b[31mred"', report)

    assert run.stdout.splitlines() == [r"\x1b[31mred", "1"]


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["FROM nothing"], 1, "the query failed: Catalog Error: Table with name nothing"),
        (["SELECT key FORM report"], 1, 'Parser Error: syntax error close to "report"'),
        (["s3batch-reports", "FROM report"], 2, "LOCATION comes after the query"),
        (["FROM report", "elsewhere"], 1, "elsewhere: no such file or folder"),
    ],
)
def test_wrong_query_is_an_error_in_one_line(
    s3batch: Shell, report: str, arguments: list[str], code: int, problem: str
) -> None:
    run = s3batch("report", "query", *arguments)

    assert (run.returncode, run.stdout) == (code, "")
    assert problem in run.stderr.splitlines()[-1]


def test_missing_duckdb_names_the_extra(
    s3batch: Shell, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)

    run = s3batch("report", "query", "FROM report", report)

    assert run.returncode == 1
    assert "pip install 's3batch-handler[report]'" in run.stderr
