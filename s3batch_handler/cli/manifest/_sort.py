"""``s3batch manifest sort`` and ``s3batch manifest dedupe``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.manifest._file_options import edit_options
from s3batch_handler.documents.manifests._order import (
    distinct_entries,
    shuffled_entries,
    sorted_entries,
)
from s3batch_handler.documents.manifests._sample import new_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.cli.manifest._files import Source, Target
    from s3batch_handler.documents.manifests._manifest import ManifestEntry


@click.command(cls=Command)
@edit_options("Sorted manifest; an existing one is replaced.")
@click.option("--shuffle", is_flag=True, help="Write the lines in a random order.")
@click.option("--seed", type=int, metavar="NUMBER", help="Seed of --shuffle.  [default: a new one]")
def sort(*, source: Source, target: Target, shuffle: bool, seed: int | None) -> None:
    r"""Sort a manifest by bucket, key and version ID.

    Decoded keys are compared as bytes, as S3 sorts its listings. With --shuffle, the lines get a
    random order: the requests of a job are then spread over all prefixes of a bucket. A manifest
    may be larger than the memory; the command needs the extra "report" (DuckDB).

    Examples:
        s3batch manifest sort manifest.csv --to sorted.csv
        s3batch manifest sort manifest.csv --to mixed.csv \
            --shuffle --seed 1
    """
    if seed is not None and not shuffle:
        raise click.UsageError("Option --seed needs --shuffle.")
    if not shuffle:
        entries = sorted_entries(source.entries())
        target.write(entries, source=source.location, doing="Sorting")
        return
    seed = new_seed() if seed is None else seed
    target.write(
        shuffled_entries(source.entries(), seed=seed),
        source=source.location,
        doing="Shuffling",
        more_facts=lambda _: {"seed": seed},
    )


@click.command(cls=Command)
@edit_options("Manifest to write; an existing one is replaced.")
def dedupe(*, source: Source, target: Target) -> None:
    """Remove the lines whose object is on an earlier line.

    An object is a bucket, a decoded key and a version ID: "a%20b" and "a+b" are the same key. The
    first line of each object is kept as it is, in the order of the manifest. A manifest may be
    larger than the memory; the command needs the extra "report" (DuckDB).

    Examples:
        s3batch manifest dedupe manifest.csv --to once.csv
    """
    entries = CountedEntries(source.entries())
    target.write(
        distinct_entries(entries),
        source=source.location,
        doing="Looking for repeated lines",
        more_facts=lambda kept: {"removed": entries.count - kept},
    )


class CountedEntries:
    """Entries that are counted as they are read.

    Attributes:
        count: The number of entries that were read.
    """

    def __init__(self, entries: Iterable[ManifestEntry]) -> None:
        self.count = 0
        self._entries = entries

    def __iter__(self) -> Iterator[ManifestEntry]:
        for entry in self._entries:
            self.count += 1
            yield entry
