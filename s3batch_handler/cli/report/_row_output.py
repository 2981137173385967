"""Print rows of a report as a table, CSV or JSON lines, without keeping them in memory."""

from __future__ import annotations

import csv
import io
import json
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli.terminal._console import shows_tables
from s3batch_handler.cli.terminal._failure_tables import code_of, object_name
from s3batch_handler.cli.terminal._job_style import FAILED, SUCCEEDED
from s3batch_handler.cli.terminal._output import print_lines
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.reports._failure_groups import failure_reason
from s3batch_handler.documents.reports._rows import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from s3batch_handler.documents.reports._rows import ReportRow

FIELDS: Final = (
    *("bucket", "key", "version_id", "status", "http_status", "error_code", "message"),
)


def print_rows(rows: Iterable[ReportRow], format_: str, *, with_status: bool = True) -> None:
    """Print rows in a format of :func:`format_options`; a table may omit their status."""
    if format_ == "table":
        print_lines(table_lines(rows, with_status=with_status))
    elif format_ == "jsonl":
        print_lines(json_lines(rows))
    else:
        print_lines(csv_lines(FIELDS, map(attrgetter(*FIELDS), rows)))


def format_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--format`` and ``--json`` to a command, which gets ``format_``."""
    add_format = click.option(
        "--format",
        "format_",
        type=click.Choice(["table", "csv", "jsonl"]),
        default="table",
        show_default=True,
        help="Output format; jsonl is JSON lines.",
    )
    add_json = click.option(
        "--json", "format_", flag_value="jsonl", help="Print JSON lines, as --format jsonl."
    )
    return add_format(add_json(command))


def json_lines(rows: Iterable[ReportRow]) -> Iterator[str]:
    """Yield each row as a JSON object in ASCII, which no terminal interprets."""
    for row in rows:
        yield json.dumps({name: getattr(row, name) for name in FIELDS})


def csv_lines(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield a header and each row as CSV. In a terminal, control characters are escaped."""
    is_terminal = shows_tables()
    for row in chain([names], rows):
        values = ["" if value is None else str(value) for value in row]
        yield csv_line(map(escape_unprintable, values) if is_terminal else values)


def csv_line(values: Iterable[Any]) -> str:
    """Return a line of CSV, without a line break at its end."""
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow(values)
    return target.getvalue()


# ---------------------------------------------------------------- tables


def table_lines(rows: Iterable[ReportRow], *, with_status: bool = True) -> Iterator[str]:
    """Yield the lines of a table of rows, for people."""
    columns = [
        Column("STATUS", style_of=_STYLES.get) if with_status else None,
        Column("CODE"),
        Column("OBJECT", keeps_end=True),
        Column("MESSAGE"),
    ]
    return lines_of_table(
        [column for column in columns if column is not None],
        (_cells(row)[0 if with_status else 1 :] for row in rows),
    )


_STYLES: Final = {TaskStatus.SUCCEEDED.value: SUCCEEDED, TaskStatus.FAILED.value: FAILED}


def _cells(row: ReportRow) -> tuple[str, ...]:
    return row.status, code_of(row), object_name(row), failure_reason(row.message)
