"""``s3batch report redrive``: a manifest of the tasks that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._manifest_files import save_manifest
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._paths import (
    check_new_manifest,
    is_same_file,
)
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.report._filters import filter_options
from s3batch_handler.cli.report._location import find_report, location_argument, state_option
from s3batch_handler.cli.report._redrive_manifest import (
    manifest_options,
    open_original,
    redrive_manifest,
)
from s3batch_handler.cli.report._rerun import (
    is_of_local_job,
    rerun_words,
    run_words,
    submit_command,
)
from s3batch_handler.cli.terminal._facts import print_facts
from s3batch_handler.cli.terminal._output import (
    print_json,
    print_message,
    shell_command,
)
from s3batch_handler.documents.files._locations import is_s3_url

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.report._filters import RowFilter
    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@click.command(cls=Command)
@location_argument
@click.option(
    "--to",
    "target",
    metavar="FILE|s3://…",
    shell_complete=complete_files,
    required=True,
    help="New manifest; an existing one is replaced.",
)
@filter_options
@manifest_options("Manifest of the job, to check that the report belongs to it.")
@json_option
@state_option
@service_options
def redrive(
    *,
    services: AwsServices,
    location: str | None,
    state: Path | None,
    target: str,
    row_filter: RowFilter,
    manifest: str | None,
    fields: str | None,
    as_json: bool,
) -> None:
    r"""Write a manifest of the failed tasks, to run them again.

    The manifest has the keys and version IDs of the report.

    Examples:
        s3batch report redrive --to failed.csv
        s3batch report redrive job-… --code TemporaryFailure \
            --to s3://my-jobs/manifests/failed.csv
    """
    _check_target(target, manifest)
    s3 = S3OfServices(services)
    found = find_report(location, services=services, state=state)
    with (
        open_original(manifest, fields, s3) as entries,
        redrive_manifest(found, original=entries, is_selected=row_filter.predicate()) as (
            failed,
            left_out,
        ),
    ):
        upload = save_manifest(failed, target, s3)
        facts = {
            "manifest": target,
            "objects": failed.count,
            "fields": failed.fields,
            "etag": upload.etag or failed.md5(),
            "redrive_of": found.report.job_id or None,
            "left_out": left_out,
        }
    if as_json:
        print_json(facts)
        return
    print_facts({name: facts[name] for name in ("manifest", "objects", "fields", "etag")})
    selects_all = row_filter.is_empty
    print_message(f"next: {_next_command(found, failed, target, selects_all=selects_all)}")


def _check_target(target: str, original: str | None) -> None:
    check_new_manifest(target, "--to")
    if original is not None and (target == original or is_same_file(target, original)):
        raise InvalidArgument(f"--to {target}: this is the manifest of the job. Name another file")


def _next_command(
    found: FoundReport, manifest: PreparedManifest, target: str, *, selects_all: bool
) -> str:
    """Return the command that runs the tasks again, with what is known about their job."""
    words = rerun_words(found)
    moves_to_aws = is_s3_url(target) and is_of_local_job(found)
    if selects_all and words is not None and not moves_to_aws:
        return shell_command(words)
    if is_s3_url(target):
        return submit_command(found, target, manifest.fields or ())
    return shell_command(run_words(found, target))
