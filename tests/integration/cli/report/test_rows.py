"""``s3batch report rows`` and ``s3batch report failed``."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.reports import put_report
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Run, Shell

FIELDS = ["bucket", "key", "version_id", "status", "http_status", "error_code", "message"]


def keys(run: Run) -> list[str]:
    """Return the keys in JSON lines."""
    assert run.returncode == 0, run.stderr
    return [json.loads(line)["key"] for line in run.stdout.splitlines()]


def test_json_lines_have_the_fields_of_report_rows(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "rows", report, "--json")

    first, second, *_ = map(json.loads, run.stdout.splitlines())
    assert list(first) == FIELDS
    assert second == {
        "bucket": "photos",
        "key": "2024/a b+c.jpg",
        "version_id": "v1",
        "status": "succeeded",
        "http_status": 200,
        "error_code": None,
        "message": "done",
    }
    assert run.stdout.isascii()


def test_csv_can_be_read_again(s3batch: Shell, report: str) -> None:
    """In a pipe, CSV has every character of the keys and messages."""
    run = s3batch("report", "failed", report, "--format", "csv")

    header, *rows = csv.reader(run.stdout.splitlines())
    assert header == FIELDS
    assert [row[1] for row in rows] == ["2024/\x1b[31mred.jpg", "2024/日.jpg", "2023/gone.jpg"]
    assert rows[0][6] == "took 3 s, \x1b[31mtoo long"


def test_table_in_a_pipe_is_complete_and_escaped(s3batch: Shell, tmp_path: Path) -> None:
    key, message = "k" * 1000, "m" * 1000
    row = f"photos,{key},,failed,503,SlowDown,{message}\r\nphotos,%1B,,failed,200,X,\x1b[31m\r\n"
    put_report(tmp_path / "long", failed=row.encode())

    run = s3batch("report", "failed", "long")

    header, first, second = run.stdout.splitlines()
    assert header.split() == ["CODE", "OBJECT", "MESSAGE"]
    assert first.split() == ["SlowDown", "(503)", f"s3://photos/{key}", message]
    assert second.split() == ["X", r"s3://photos/\x1b", r"\x1b[31m"]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_table_in_a_terminal_is_not_wider_than_it(
    s3batch: Shell, report: str, columns: int
) -> None:
    line = f"stty cols {columns}; s3batch report rows {report}; s3batch report failed"
    with terminal(line, s3batch.folder, s3batch.environment | {"NO_COLOR": "1"}) as shown:
        shown.end()

    lines = shown.shown.splitlines()
    assert all(len(line) + line.count("日") <= columns for line in lines if "here:" not in line)
    assert sum("gone.jpg" in line for line in lines) == 2
    assert "\x1b" not in shown.shown


def test_rows_can_be_selected(s3batch: Shell, report: str) -> None:
    red, sun, gone = "2024/\x1b[31mred.jpg", "2024/日.jpg", "2023/gone.jpg"
    rows = ("report", "rows", report, "--json")

    assert keys(s3batch(*rows, "--status", "succeeded")) == ["2023/plain.jpg", "2024/a b+c.jpg"]
    assert keys(s3batch(*rows, "--status", "failed")) == [red, sun, gone]
    assert keys(s3batch(*rows, "--prefix", "2023/")) == ["2023/plain.jpg", gone]
    assert keys(s3batch(*rows, "--code", "nosuchkey", "--code", "PermanentFailure")) == [red, gone]
    assert keys(s3batch(*rows, "--message", "TOO long")) == [red, sun]
    assert keys(s3batch(*rows, "--message", "took … s", "--prefix", "2024/日")) == [sun]
    assert keys(s3batch(*rows, "--limit", "1")) == ["2023/plain.jpg"]
    assert keys(s3batch("report", "failed", report, "--json", "--limit", "2")) == [red, sun]


def test_message_in_the_json_of_lambda_is_found(s3batch: Shell, tmp_path: Path) -> None:
    """The text of the summary finds the rows: it is the reason in Lambda's JSON."""
    message = (
        'Lambda returned function error: {""errorMessage"":""bad"",""errorType"":""KeyError""}'
    )
    put_report(tmp_path / "r", failed=f'b,k,,failed,200,X,"{message}"\r\n'.encode())

    assert keys(s3batch("report", "failed", "r", "--json", "--message", "KeyError: bad")) == ["k"]


def test_a_selection_without_rows_is_reported_on_standard_error(
    s3batch: Shell, report: str
) -> None:
    run = s3batch("report", "failed", report, "--code", "Other", "--json")

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "no rows match\n")


def test_rows_before_a_damaged_one_are_printed(s3batch: Shell, tmp_path: Path) -> None:
    put_report(tmp_path / "r", failed=b"b,k,,failed,200,X,m\r\nb,damaged\r\n")

    run = s3batch("report", "rows", "r", "--json")

    assert run.returncode == 1
    assert json.loads(run.stdout)["key"] == "k"
    assert "failed.csv, line 2: has 2 columns, expected 7" in run.stderr


def test_reading_ends_when_the_pipe_is_closed(s3batch: Shell, tmp_path: Path) -> None:
    """The damaged row is never reached."""
    rows = b"b,k,,failed,200,X,m\r\n" * 20_000
    put_report(tmp_path / "r", failed=rows + b"damaged\r\n")

    run = s3batch.line("s3batch report rows r --json | head -1; echo ${PIPESTATUS[0]}")

    assert run.stdout.splitlines()[1:] == ["0"]
    assert run.stderr == ""
