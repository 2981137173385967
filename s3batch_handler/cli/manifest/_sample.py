"""``s3batch manifest sample``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._sample_size import check_sample_size, count_of_sample
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.manifest._file_options import edit_options
from s3batch_handler.documents.manifests._sample import new_seed, random_sample

if TYPE_CHECKING:
    from s3batch_handler.cli.manifest._files import Source, Target


@click.command(cls=Command)
@edit_options("Manifest of the sample; an existing one is replaced.")
@click.argument("size", metavar="COUNT|PERCENT%", callback=check_sample_size)
@click.option(
    "--seed", type=int, metavar="NUMBER", help="Seed, to repeat a sample.  [default: a new seed]"
)
def sample(*, source: Source, target: Target, size: str, seed: int | None) -> None:
    """Write a random sample of the lines of a manifest, in their order.

    Each subset of this size has the same probability. If the manifest has fewer lines, the sample
    has all of them.

    Examples:
        s3batch manifest sample m.csv 100 --to canary.csv
        s3batch manifest sample m.csv 0.5% --to canary.csv
    """
    seed = new_seed() if seed is None else seed
    with source.prepared() as manifest:
        count = count_of_sample(size, manifest.count)
        entries = random_sample(manifest.entries(), manifest.count, size=count, seed=seed)
        facts = {"from": manifest.count, "seed": seed}
        target.write(entries, source=source.location, more_facts=lambda _: facts)
