"""``s3batch report merge``: one report of a job and of its redrives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._paths import check_writable
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.report._location import find_report, state_option
from s3batch_handler.cli.report._redrive_manifest import (
    manifest_options,
    open_original,
    record_of,
)
from s3batch_handler.cli.terminal._output import print_data, print_json, print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import is_s3_url

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.documents.reports._merge import MergedReport


@click.command(cls=Command)
@click.argument(
    "locations", metavar="LOCATION...", nargs=-1, required=True, shell_complete=complete_reports
)
@click.option(
    "--to",
    "target",
    metavar="DIR|s3://…",
    shell_complete=complete_files,
    required=True,
    help="Folder for the merged report (job-<id>).",
)
@manifest_options("Manifest whose parts the jobs have run.")
@json_option
@state_option
@service_options
def merge(
    *,
    services: AwsServices,
    locations: tuple[str, ...],
    target: str,
    state: Path | None,
    manifest: str | None,
    fields: str | None,
    as_json: bool,
) -> None:
    r"""Merge the reports of a job and of its redrives, or of all parts of a job.

    The merged report has the latest row of every task, and the ID of the first job. The reports can
    be in any order. A report of another job is refused, and so is a missing part of run --part.

    With --manifest, the reports may be of jobs with any parts of a manifest, such as those of
    manifest split. Each line must have one row.

    Examples:
        s3batch report merge s3batch-reports/job-… \
            s3batch-reports/job-… --to merged
        s3batch report verify merged --manifest manifest.csv
    """
    from s3batch_handler.documents.reports._merge import merge_reports

    s3 = services.s3 if is_s3_url(target) else None
    if s3 is None:
        check_writable(Path(target), "--to")
    found = [find_report(location, services=services, state=state) for location in locations]
    records = {each.report.job_id: record_of(each, with_tags=True) for each in found}
    with open_original(manifest, fields, S3OfServices(services)) as entries:
        merged = merge_reports(
            [each.report for each in found],
            target,
            jobs={job_id: record for job_id, record in records.items() if job_id and record},
            manifest=entries,
            s3=s3,
        )
    for warning in merged.warnings:
        print_message(f"s3batch: {escape_unprintable(warning)}")
    _print(merged, as_json=as_json)


def _print(merged: MergedReport, *, as_json: bool) -> None:
    report = merged.report
    if as_json:
        print_json(
            {
                "job_id": report.job_id,
                "report": report.location,
                "total": merged.succeeded + merged.failed,
                "succeeded": merged.succeeded,
                "failed": merged.failed,
                "jobs": merged.jobs,
                "warnings": merged.warnings,
            }
        )
        return
    print_data(f"Report     {escape_unprintable(report.location)}")
    print_data(f"Succeeded  {merged.succeeded:,}")
    print_data(f"Failed     {merged.failed:,}")
    print_data(f"Jobs       {escape_unprintable(', '.join(merged.jobs))}")
