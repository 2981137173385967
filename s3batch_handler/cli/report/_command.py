"""``s3batch report``: read completion reports, and do failed tasks again."""

from __future__ import annotations

import click

from s3batch_handler.cli._groups import OrderedGroup
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._output import print_data, print_json
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents._report import read_report


@click.group(cls=OrderedGroup)
def report() -> None:
    """Read completion reports, and do failed tasks again.

    These commands exit with 0 although tasks have failed.
    """


@report.command()
@click.argument("location", metavar="LOCATION")
@json_option
def summary(location: str, *, as_json: bool) -> None:
    """Show how many tasks succeeded and failed, and why they failed."""
    found = read_report(location).summary()
    if as_json:
        print_json(found.to_json())
        return
    print_data(f"{found.succeeded:,} succeeded, {found.failed:,} failed")
    for group in found.failures:
        print_data(escape_unprintable(f"{group.count:>9,}  {group.error_code}: {group.message}"))
