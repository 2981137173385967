"""``s3batch report query``: SQL on the rows of a report."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.report._location import location_argument, location_options
from s3batch_handler.cli.report._row_output import csv_lines, format_options
from s3batch_handler.cli.terminal._output import print_lines
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from s3batch_handler.cli.report._location import FoundReport


@click.command(cls=Command)
@click.argument("sql", metavar="SQL")
@location_argument
@format_options
@location_options
def query(
    *, find: Callable[[str | None], FoundReport], sql: str, location: str | None, format_: str
) -> None:
    r"""Run a SQL query on a report, and print the result.

    The extra [report] installs DuckDB, which runs it.

    SQL is one SELECT statement on the table report, which has the columns bucket, key (decoded),
    version_id, status, http_status, error_code and message.

    Examples:
        s3batch report query \
            "SELECT error_code, count(*) FROM report GROUP BY 1"
        s3batch report query --json \
            "FROM report WHERE key LIKE '%.tif'" job-…
    """
    if location is not None and _LIKE_SQL.match(location):
        raise InvalidArgument("LOCATION comes after the query: s3batch report query SQL LOCATION")
    result = find(location).report.query(sql)
    match format_:
        case "jsonl":
            lines = _json_lines(result.columns, result.rows)
        case "csv":
            lines = csv_lines(result.columns, result.rows)
        case _:
            columns = [Column(name) for name in result.columns]
            lines = lines_of_table(columns, (tuple(map(_text, row)) for row in result.rows))
    print_lines(lines)


_LIKE_SQL: Final = re.compile(r"\s*(?:select|from|with|describe|summarize)\s", re.IGNORECASE)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _json_lines(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    for row in rows:
        values = map(_json_value, row)
        yield json.dumps(dict(zip(columns, values, strict=True)), default=str)


def _json_value(value: Any) -> Any:
    """Return a value that JSON can represent: DuckDB has decimals, and numbers that are not."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (list, tuple)):
        return [*map(_json_value, value)]
    if isinstance(value, dict):
        return {str(name): _json_value(member) for name, member in value.items()}
    return value
