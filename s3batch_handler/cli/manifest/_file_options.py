"""Options for the manifests that the commands of ``s3batch manifest`` read and write."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import bad_input_exits_with_2
from s3batch_handler.cli._options import (
    endpoint_url_option,
    json_option,
    not_empty,
    profile_option,
    quiet_option,
)
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.manifest._files import Source, Target

if TYPE_CHECKING:
    from collections.abc import Callable

source_argument: Callable[[Any], Any] = click.argument(
    "location", metavar="FILE|s3://…|-", type=not_empty, shell_complete=complete_files
)

fields_option: Callable[[Any], Any] = click.option(
    "--fields", metavar="NAMES", help="Columns of the manifest.  [default: as in its first line]"
)


def target_option(text: str, *, required: bool = True) -> Callable[[Any], Any]:
    """Create ``--to`` for a manifest; ``text`` is its help."""
    return click.option(
        "--to",
        "target",
        metavar="FILE|s3://…",
        type=not_empty,
        shell_complete=complete_files,
        required=required,
        help=text,
    )


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for S3, ``--json`` and ``--quiet``. The command gets ``s3``.

    Bad input ends the command with exit code 2.
    """

    @profile_option
    @click.option("--region", metavar="NAME", help="AWS Region of the bucket.")
    @endpoint_url_option("S3 endpoint to use instead of AWS.")
    @json_option
    @quiet_option
    @wraps(command)
    def with_s3(
        *, endpoint_url: str | None, profile: str | None, region: str | None, **options: Any
    ) -> None:
        with bad_input_exits_with_2():
            command(s3=RemoteS3(endpoint_url, profile=profile, region=region), **options)

    decorated: Callable[..., None] = with_s3
    return decorated


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the manifest that is read, and the options of :func:`connection_options`.

    The command gets ``source``, ``s3`` and ``as_json``.
    """

    @source_argument
    @fields_option
    @connection_options
    @wraps(command)
    def with_source(
        *, location: str, fields: str | None, s3: RemoteS3, quiet: bool, **options: Any
    ) -> None:
        command(source=Source(location, fields, s3, quiet), s3=s3, **options)

    decorated: Callable[..., None] = with_source
    return decorated


def edit_options(text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the manifest that is read, and the one that is written, with ``text`` as its help.

    The command gets ``source`` and ``target``, both checked.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_files(
            *, source: Source, target: str, s3: RemoteS3, as_json: bool, **options: Any
        ) -> None:
            written = Target(target, s3, as_json)
            source.check()
            written.check(source)
            command(source=source, target=written, **options)

        decorated: Callable[..., None] = target_option(text)(source_options(with_files))
        return decorated

    return decorate
