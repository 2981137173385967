"""``s3batch report rows`` and ``s3batch report failed``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.report._filters import filter_options
from s3batch_handler.cli.report._location import location_argument, location_options
from s3batch_handler.cli.report._row_output import format_options, print_rows
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.documents.reports._rows import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.cli.report._filters import RowFilter
    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._rows import ReportRow


def _row_options(command: Callable[..., None]) -> Callable[..., None]:
    limit = click.option(
        "--limit", type=Integer(1), metavar="NUMBER", help="Maximum number of rows."
    )
    for decorator in (location_options, format_options, limit, filter_options, location_argument):
        command = decorator(command)
    return command


@click.command(cls=Command)
@click.option(
    "--status",
    type=click.Choice(TaskStatus, case_sensitive=False),
    metavar="succeeded|failed",
    help="Status of the tasks.  [default: both]",
)
@_row_options
def rows(*, status: TaskStatus | None, **options: Any) -> None:
    """Print the rows of a report, with decoded keys.

    Examples:
        s3batch report rows job-… --prefix 2024/ --format csv
    """
    _print(status, **options)


@click.command(cls=Command)
@_row_options
def failed(**options: Any) -> None:
    """Print the rows of the tasks that failed, with decoded keys.

    Examples:
        s3batch report failed --message "timed out"
        s3batch report failed --code PermanentFailure --json
    """
    _print(TaskStatus.FAILED, **options)


def _print(
    status: TaskStatus | None,
    *,
    find: Callable[[str | None], FoundReport],
    location: str | None,
    row_filter: RowFilter,
    limit: int | None,
    format_: str,
) -> None:
    report = find(location).report
    match status:
        case None:
            found = report.rows()
        case TaskStatus.SUCCEEDED:
            found = report.succeeded()
        case TaskStatus.FAILED:
            found = report.failed()
    selected = _reporting_none(islice(row_filter.select(found), limit))
    print_rows(selected, format_, with_status=status is not TaskStatus.FAILED)


def _reporting_none(rows: Iterator[ReportRow]) -> Iterator[ReportRow]:
    """Yield rows; print a message if there are none."""
    is_empty = True
    for row in rows:
        is_empty = False
        yield row
    if is_empty:
        print_message("no rows match")
