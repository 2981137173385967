"""``s3batch manifest check``: print the problems of a manifest, and write a repaired copy."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import click

from s3batch_handler.cli._completers import complete_files
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
from s3batch_handler.cli.manifest._checked import CheckedManifest, check_options
from s3batch_handler.cli.manifest._file_options import source_argument
from s3batch_handler.cli.manifest._findings import SHOWN, FindingSummary, json_line
from s3batch_handler.cli.manifest._fix import check_fix_options, repaired_copy
from s3batch_handler.cli.manifest._source import ManifestSource
from s3batch_handler.cli.terminal._output import print_lines
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.documents.manifests.check._objects import REQUESTS_AT_ONCE
from s3batch_handler.documents.manifests.check._row_fix import FixOptions

if TYPE_CHECKING:
    from s3batch_handler.cli.manifest._checked import CheckOptions


@click.command(cls=Command)
@source_argument
@check_options
@click.option("--fix", is_flag=True, help="Write a repaired copy to --to.")
@click.option(
    "--to",
    metavar="FILE|s3://…",
    type=not_empty,
    shell_complete=complete_files,
    help="Location of the repaired copy.",
)
@click.option(
    "--plus",
    type=Choice(["space", "literal"]),
    metavar="space|literal",
    help="With --fix: meaning of + in keys.",
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
    options: CheckOptions,
    fix: bool,
    to: str | None,
    plus: Literal["space", "literal"] | None,
    decode_twice: bool,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Find everything in a manifest that would fail a job or a task.

    An error is something that AWS is documented to refuse, or that cannot name an object. A
    warning is something valid that is probably not intended. FILE may be the manifest.json of an
    inventory. Exit code 1: there is an error.

    Examples:
        s3batch manifest check manifest.csv
        s3batch manifest check s3://my-jobs/m.csv --head 1000
        s3batch manifest check manifest.csv --fix --to fixed.csv
    """
    check_fix_options(fix=fix, to=to, others={"--plus": plus, "--decode-twice": decode_twice})
    summary = FindingSummary()
    with ExitStack() as files:
        s3 = RemoteS3(**connection, connections=REQUESTS_AT_ONCE)
        source = files.enter_context(ManifestSource(location, s3))
        copy = None
        if to is not None:
            fixes = FixOptions(plus, decode_twice=decode_twice, duplicates=options.duplicates)
            copy = files.enter_context(
                repaired_copy(source, to, options.columns, fixes, quiet=quiet)
            )
        details = None if as_json else SHOWN
        manifest = CheckedManifest(source, copy, options, details=details, quiet=quiet)
        findings = summary.counting(source.reading(manifest.findings()))
        if as_json:
            print_lines(map(json_line, findings))
        else:
            with nullcontext() if quiet else spinner(f"checking {location}"):
                deque(findings, maxlen=0)
            summary.add_counted(manifest.counted)
            summary.print(location if copy is None else to or location, manifest.objects)
    sys.exit(1 if summary.errors else 0)
