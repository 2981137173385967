"""``s3batch report verify``: whether a report is complete and undamaged."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.report._location import find_report, location_argument, state_option
from s3batch_handler.cli.report._redrive_manifest import (
    manifest_options,
    open_original,
    record_of,
)
from s3batch_handler.cli.terminal._console import print_rich, printable, safe_text
from s3batch_handler.cli.terminal._job_style import FAILED, MUTED, SUCCEEDED
from s3batch_handler.cli.terminal._output import print_json
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.documents.reports._check import report_checks

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.cli.job._aws_services import AwsServices


@click.command(cls=Command)
@location_argument
@manifest_options("Manifest of the job, to check that each line has one row.")
@json_option
@state_option
@service_options
def verify(
    *,
    services: AwsServices,
    location: str | None,
    state: Path | None,
    manifest: str | None,
    fields: str | None,
    as_json: bool,
) -> None:
    """Check that a report is complete and undamaged.

    The MD5s of all files are checked, and the counts of the job: of job.json beside the report, or
    of DescribeJob if LOCATION is a job ID. Exit code 1: something is wrong.

    Examples:
        s3batch report verify
        s3batch report verify job-… --manifest manifest.csv
    """
    found = find_report(location, services=services, state=state)
    record = record_of(found)
    problems: list[str] = []
    passed: list[str] = []
    with open_original(manifest, fields, S3OfServices(services)) as entries:
        for check in report_checks(found.report, manifest=entries, job=record):
            with spinner(f"checking: {check.what}"):
                found_here = check.problems()
            if not as_json:
                _print_check(check.what, found_here)
            problems += found_here
            if not found_here:
                passed.append(check.what)
            elif check.must_pass:
                break
    if not problems and record is None and not as_json:
        print_rich(safe_text("- Counts of the job: not known; pass its job ID", MUTED))
    if as_json:
        report = found.report.location
        print_json({"ok": not problems, "report": report, "checked": passed, "problems": problems})
    sys.exit(1 if problems else 0)


def _print_check(what: str, problems: list[str]) -> None:
    mark, style = ("✗", FAILED) if problems else ("✓", SUCCEEDED)
    print_rich(safe_text(f"{printable(mark)} ", style).append_text(safe_text(what)))
    for problem in problems:
        print_rich(safe_text(f"  {problem}"))
