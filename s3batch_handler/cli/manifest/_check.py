"""``s3batch manifest check``: what is wrong with a manifest, and a repaired copy of it."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._options import (
    endpoint_url_option,
    json_option,
    not_empty,
    profile_option,
    quiet_option,
)
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.manifest._findings import FindingSummary, json_line
from s3batch_handler.cli.manifest._fix import check_fix_options, repaired_copy
from s3batch_handler.cli.manifest._source import ManifestSource
from s3batch_handler.cli.terminal._output import print_lines
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck
from s3batch_handler.documents.manifests.check._row_fix import FixOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
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
@click.option("--fix", is_flag=True, help="Write a repaired copy: --to names it.")
@click.option(
    "--to",
    metavar="FILE|s3://…",
    type=not_empty,
    shell_complete=complete_files,
    help="Place of the repaired copy.",
)
@click.option(
    "--plus",
    type=Choice(["space", "literal"]),
    metavar="space|literal",
    help="With --fix: what + in a key is.",
)
@click.option("--decode-twice", is_flag=True, help="With --fix: decode doubly encoded keys once.")
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
    fix: bool,
    to: str | None,
    plus: Literal["space", "literal"] | None,
    decode_twice: bool,
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
        s3batch manifest check manifest.csv --fix --to fixed.csv
    """
    names: Sequence[str] | None = fields.split(",") if fields else None
    check_fix_options(fix=fix, to=to, others={"--plus": plus, "--decode-twice": decode_twice})
    with ExitStack() as files:
        source = files.enter_context(ManifestSource(location, RemoteS3(**connection)))
        copy = None
        if to is not None:
            options = FixOptions(plus, decode_twice=decode_twice, duplicates=duplicates)
            copy = files.enter_context(repaired_copy(source, to, names, options, quiet=quiet))
        if copy is None:
            stream = files.enter_context(source.open())
        else:
            stream, names, location = copy.stream, copy.fields, to or location
        manifest = _manifest_check(stream, names, operation=operation, duplicates=duplicates)
        summary = FindingSummary()
        findings = summary.counting(source.reading(manifest.findings()))
        if as_json:
            print_lines(map(json_line, findings))
        else:
            with nullcontext() if quiet else spinner(f"checking {location}"):
                deque(findings, maxlen=0)
            summary.print(location, manifest.objects)
    sys.exit(1 if summary.errors else 0)


def _manifest_check(
    stream: BinaryIO, fields: Sequence[str] | None, **options: Any
) -> ManifestCheck:
    try:
        return ManifestCheck(stream, fields=fields, **options)
    except ManifestError as error:
        raise InvalidArgument(f"Option --{error}") from error
