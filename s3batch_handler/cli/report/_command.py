"""``s3batch report``: read completion reports, and run failed tasks again."""

from __future__ import annotations

import click

from s3batch_handler.cli.help._classes import Group
from s3batch_handler.cli.report._html import html
from s3batch_handler.cli.report._merge import merge
from s3batch_handler.cli.report._query import query
from s3batch_handler.cli.report._redrive import redrive
from s3batch_handler.cli.report._rows import failed, rows
from s3batch_handler.cli.report._summary import summary
from s3batch_handler.cli.report._verify import verify


@click.group(cls=Group)
def report() -> None:
    """Read completion reports, and run failed tasks again.

    LOCATION is the folder of a report or its manifest.json, an s3:// URL of either, or a job ID.
    Without LOCATION, the latest report here is read: in this folder or in s3batch-reports.

    Exit code 0, also if tasks have failed; 1: the report cannot be read, or verify found a problem.
    """


report.add_command(summary)
report.add_command(rows)
report.add_command(failed)
report.add_command(query)
report.add_command(html)
report.add_command(redrive)
report.add_command(verify)
report.add_command(merge)
