"""``s3batch manifest check``: what is wrong with a manifest, and a repaired copy of it."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._options import (
    endpoint_url_option,
    json_option,
    profile_option,
    quiet_option,
)
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.manifest._findings import FindingSummary, json_line
from s3batch_handler.cli.manifest._source import ManifestSource
from s3batch_handler.cli.terminal._output import print_lines
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck

if TYPE_CHECKING:
    from typing import BinaryIO


@click.command(cls=Command)
@click.argument("location", metavar="FILE|s3://…|-", shell_complete=complete_files)
@click.option("--fields", metavar="NAMES", help="Columns.  [default: as in the first line]")
@click.option(
    "--operation",
    type=Choice([*MAX_OBJECTS]),
    default="LambdaInvoke",
    show_default=True,
    metavar="NAME",
    help="Operation of the job, for its limits.",
)
@click.option("--duplicates", is_flag=True, help="Find objects that are on several lines.")
@profile_option
@click.option("--region", metavar="NAME", help="AWS Region of the bucket.")
@endpoint_url_option("S3 endpoint to use instead of AWS.")
@json_option
@quiet_option
def check(
    *,
    location: str,
    fields: str | None,
    operation: str,
    duplicates: bool,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Find everything in a manifest that would fail a job or a task.

    An error is what AWS is documented to refuse, or what cannot name an object; a warning is valid
    but probably not intended. Exit code 1: there is an error.

    Examples:
        s3batch manifest check manifest.csv
        s3batch manifest check s3://my-jobs/photos.csv --json
    """
    source = ManifestSource(location, RemoteS3(**connection))
    options = {"operation": operation, "duplicates": duplicates}
    summary = FindingSummary()
    with source.open() as stream:
        manifest = _manifest_check(stream, fields, options)
        findings = summary.counting(source.reading(manifest.findings()))
        if as_json:
            print_lines(map(json_line, findings))
        else:
            with nullcontext() if quiet else spinner(f"checking {location}"):
                deque(findings, maxlen=0)
            summary.print(location, manifest.objects)
    sys.exit(1 if summary.errors else 0)


def _manifest_check(stream: BinaryIO, fields: str | None, options: dict[str, Any]) -> ManifestCheck:
    try:
        return ManifestCheck(stream, fields=fields.split(",") if fields else None, **options)
    except ManifestError as error:
        raise InvalidArgument(f"Option --{error}") from error
