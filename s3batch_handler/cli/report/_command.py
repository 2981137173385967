"""``s3batch report``: read completion reports, and do failed tasks again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._groups import OrderedGroup
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._output import print_data, print_json
from s3batch_handler.cli.report._location import location_argument, location_options
from s3batch_handler.cli.report._redrive import redrive
from s3batch_handler.cli.report._rows import failed, rows
from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.cli.report._location import FoundReport


@click.group(cls=OrderedGroup)
def report() -> None:
    """Read completion reports, and do failed tasks again.

    LOCATION is the folder of a report or its manifest.json, an s3:// URL of either, or a job ID.
    Without LOCATION, the latest report here is read: in this folder or in s3batch-reports.

    These commands exit with 0 although tasks have failed.
    """


@report.command()
@location_argument
@json_option
@location_options
def summary(
    *, find: Callable[[str | None], FoundReport], location: str | None, as_json: bool
) -> None:
    """Show how many tasks succeeded and failed, and why they failed."""
    found = find(location).report.summary()
    if as_json:
        print_json(found.to_json())
        return
    print_data(f"{found.succeeded:,} succeeded, {found.failed:,} failed")
    for group in found.failures:
        print_data(escape_unprintable(f"{group.count:>9,}  {group.error_code}: {group.message}"))


report.add_command(rows)
report.add_command(failed)
report.add_command(redrive)
