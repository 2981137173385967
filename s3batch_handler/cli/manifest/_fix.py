"""The repaired copy of ``s3batch manifest check --fix``."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._paths import check_new_manifest, is_same_file
from s3batch_handler.cli.manifest._source import temporary_file
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.documents.manifests.check._fix import write_repaired

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from s3batch_handler.cli.manifest._source import ManifestSource
    from s3batch_handler.documents.manifests.check._fix import Repair
    from s3batch_handler.documents.manifests.check._row_fix import FixOptions


class RepairedCopy(NamedTuple):
    """A repaired manifest in a temporary file, and its columns."""

    stream: BinaryIO
    fields: Sequence[str] | None


def check_fix_options(*, fix: bool, to: str | None, others: Mapping[str, object]) -> None:
    """Check that ``--fix`` and ``--to`` are given together, and the others with them."""
    if fix and to is None:
        raise click.UsageError(
            "Option --fix needs --to FILE: the repaired copy is another file, so nothing is lost."
        )
    if not fix:
        for name, value in {"--to": to, **others}.items():
            if value:
                raise click.UsageError(f"Option {name} is for --fix only.")


@contextmanager
def repaired_copy(
    source: ManifestSource,
    to: str,
    fields: Sequence[str] | None,
    options: FixOptions,
    *,
    quiet: bool,
) -> Iterator[RepairedCopy | None]:
    """Yield a repaired copy of a manifest, and save it afterwards, completely or not at all.

    ``None`` is yielded if no line is left: nothing is saved.

    Raises:
        InvalidArgument: The copy cannot have this place, or the manifest cannot be read.
    """
    _check_target(source, to)
    with temporary_file() as file:
        text = f"repairing {source.location}"
        with source.open() as stream, nullcontext() if quiet else spinner(text):
            repair = _repaired(stream, file, fields, options)
        if file.tell() == 0:
            yield None
            print_message("s3batch: no copy is written: no line names an object")
            return
        file.seek(0)
        yield RepairedCopy(file, repair.fields or fields)
        file.seek(0)
        _save(source, file, to)
    if not quiet:
        _print_repair(repair, to)


def _repaired(
    stream: BinaryIO, file: BinaryIO, fields: Sequence[str] | None, options: FixOptions
) -> Repair:
    try:
        return write_repaired(stream, file, fields=fields, options=options)
    except ManifestError as error:
        raise InvalidArgument(f"Option --{error}") from error


def _check_target(source: ManifestSource, to: str) -> None:
    if source.is_inventory:
        raise InvalidArgument(
            f"{source.location}: an inventory is not repaired. s3batch manifest create {to} "
            f"--inventory {source.location} writes a manifest of it"
        )
    check_new_manifest(to, "--to")
    if to == source.location or is_same_file(to, source.location):
        raise InvalidArgument(
            f"--to {to}: this is the manifest itself. Name another file: nothing is overwritten"
        )


def _save(source: ManifestSource, file: BinaryIO, to: str) -> None:
    if is_s3_url(to):
        bucket, name = bucket_and_key(to)
        folder = open_folder(f"s3://{bucket}", s3=source.s3.client)
    else:
        path = Path(to).resolve()  # replace the target of a link, not the link
        folder, name = open_folder(path.parent), path.name
    folder.write(name, file)


def _print_repair(repair: Repair, to: str) -> None:
    """Print what was repaired, and the columns of the copy."""
    changes = [f"{number:,} {code}" for code, number in repair.fixed.items()]
    if changes:
        print_message(f"s3batch: repaired: {', '.join(changes)}")
    else:
        print_message("s3batch: nothing had to be repaired")
    columns = ",".join(repair.fields or ())
    print_message(f"s3batch: written: {escape_unprintable(to)} (fields {columns})")
