"""``s3batch manifest sample``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.manifest._files import edit_options
from s3batch_handler.documents.manifests._sample import new_seed, random_sample

if TYPE_CHECKING:
    from s3batch_handler.cli.manifest._files import Source, Target


def _size(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """Check a number of objects, or a percentage of them."""
    number = _NUMBER.fullmatch(value)
    percentage = _PERCENTAGE.fullmatch(value)
    if number is not None and int(value) >= 1:
        return value
    if percentage is not None and 0 < float(percentage[1]) <= 100:
        return value
    raise click.BadParameter(
        f"{value!r} is not a sample size: write a number of objects (100), or a percentage (5%)"
    )


_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_PERCENTAGE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%")


@click.command(cls=Command)
@edit_options("Manifest of the sample; an existing one is replaced.")
@click.argument("size", metavar="COUNT|PERCENT%", callback=_size)
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
        count = _count(size, manifest.count)
        entries = random_sample(manifest.entries(), manifest.count, size=count, seed=seed)
        facts = {"from": manifest.count, "seed": seed}
        target.write(entries, source=source.location, more_facts=lambda _: facts)


def _count(size: str, total: int) -> int:
    """Return the number of objects of a sample: at least one."""
    if not size.endswith("%"):
        return int(size)
    return max(1, round(total * float(size.removesuffix("%")) / 100))
