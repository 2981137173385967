"""What ``s3batch smoke`` asks before it creates anything in AWS."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli.smoke._objects import OBJECTS
from s3batch_handler.cli.smoke._report_rows import raw_rows
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._sanitize import escape_unprintable, safe_line
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.estimates._prices import read_prices

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.smoke._job import Observed
    from s3batch_handler.cli.smoke._places import Places
    from s3batch_handler.cli.smoke._smoke_options import SmokeOptions


def confirm_costs(options: SmokeOptions, places: Places, services: AwsServices) -> None:
    """Print what the command creates and what it costs, and ask whether to continue."""
    objects = counted(len(OBJECTS), "object")
    folders = ", ".join(f"s3://{bucket}/{prefix}" for bucket, prefix in places.folders())
    text = (
        f"This creates {objects} and one job in account {services.account_id}, {services.region}. "
        f"S3 charges {_job_price(services.region)} for the job; objects, requests and invocations "
        f"cost less than 0.01 USD. {'Kept' if options.keep else 'Removed at the end'}: {folders}"
    )
    if not options.quiet or not options.yes:
        print_message(escape_unprintable(text))
    if not options.yes:
        click.confirm("Continue?", abort=True, err=True)


def _job_price(region: str) -> str:
    """Return the price of a job in a Region, or else in the main Region of the price list."""
    here = read_prices(region)
    if here.prices["job"].usd is not None:
        return f"{here.prices['job'].usd} USD ({here.date})"
    main = read_prices()
    return f"about {main.prices['job'].usd} USD (as in {main.region}, {main.date})"


def confirm_failures(local: Observed, options: SmokeOptions) -> None:
    """Ask before a job in AWS whose tasks all fail: it would show little."""
    rows = [*raw_rows(local)]
    if not rows or any(TaskStatus.FAILED not in row.cells for row in rows):
        return
    (message, _), *_others = Counter(row.cells[-1] for row in rows).most_common()
    print_message(
        f"s3batch: WARNING: all tasks failed on this machine, most of them with: "
        f"{safe_line(message, 300)}. Check --arguments, --output and --env-file"
    )
    if not options.yes:
        click.confirm("Continue?", abort=True, err=True)
