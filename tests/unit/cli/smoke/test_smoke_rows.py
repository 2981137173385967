"""The rows of reports, cell by cell, and what is replaced in them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.cli.smoke._normalize import normalize
from s3batch_handler.cli.smoke._report_rows import RawRow, parse_rows

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1c\x1d\x1e"))


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=8), max_size=6))
def test_rows_are_read_as_the_csv_module_writes_them(rows: list[list[str]]) -> None:
    """Any text survives, also quotes, commas and ends of lines in cells."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)

    found = [[*row.cells] for row in parse_rows(out.getvalue().encode())]

    assert found == rows


@given(cells=st.lists(CELLS, min_size=2, max_size=8))
def test_quoted_cells_are_counted_from_one(cells: list[str]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)

    (row,) = parse_rows(out.getvalue().encode())

    assert row == RawRow(tuple(cells), tuple(range(1, len(cells) + 1)), "\r\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_end_of_a_line_is_kept(end: str) -> None:
    (row,) = parse_rows(f'b,"a,b",\\N{end}'.encode())

    assert row == RawRow(("b", "a,b", r"\N"), (2,), end)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "(Request ID: 7R3FQ0V4; S3 Extended Request ID: aB3+/9xQ==; Proxy: null)",
            "(Request ID: QQQQ0001; S3 Extended Request ID: zzzzzzzzzz; Proxy: null)",
        ),
        (
            "RequestId: 0a1b2c3d-0000-4000-8000-123456789abc Error",
            "RequestId: 12345678-ffff-1111-2222-123456789abc Error",
        ),
        ("2026-11-30T17:44:04.806Z it began", "2019-07-05 01:02:03+02:00 it began"),
        ("Task timed out after 3.02 seconds", "Task timed out after 60 seconds"),
        ("results/993034bb171dcafaf28c27824d46277be04a4193.csv", "results/" + "0" * 40 + ".csv"),
    ],
)  # fmt: skip
def test_what_differs_in_each_run_is_replaced(one: str, other: str) -> None:
    assert normalize(one, {}) == normalize(other, {})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("read 3 bytes", "read 4 bytes"),
        ("NoSuchKey", "AccessDenied"),
        ('{"sha256": "993034bb171dcafaf28c"}', '{"sha256": "0000000000000000aaaa"}'),
        ("a%20b.txt", "a+b.txt"),
    ],
)
def test_what_a_function_says_is_not_replaced(one: str, other: str) -> None:
    assert normalize(one, {}) != normalize(other, {})


def test_known_ids_are_replaced_by_their_labels() -> None:
    text = normalize("version AbC of job-77", {"AbC": "<version 1>", "77": "<job ID>"})

    assert text == "version <version 1> of job-<job ID>"
