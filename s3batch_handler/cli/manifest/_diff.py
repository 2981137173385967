"""``s3batch manifest diff``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._options import not_empty
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.manifest._file_options import (
    connection_options,
    fields_option,
    target_option,
)
from s3batch_handler.cli.manifest._files import Source, Target
from s3batch_handler.cli.manifest._show import json_lines
from s3batch_handler.cli.terminal._output import print_data, print_json, print_lines
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.manifests._order import difference
from s3batch_handler.documents.manifests._summary import object_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.documents.manifests._order import Difference


@click.command(cls=Command)
@click.argument("a", metavar="A", type=not_empty, shell_complete=complete_files)
@click.argument("b", metavar="B", type=not_empty, shell_complete=complete_files)
@click.option(
    "--only", type=click.Choice(["a", "b"]), help="Manifest whose lines to write to --to."
)
@target_option("With --only: manifest to write.", required=False)
@click.option("--lines", is_flag=True, help="Print all differences as JSON lines.")
@click.option(
    "--head",
    type=Integer(0),
    metavar="NUMBER",
    default=10,
    show_default=True,
    help="Number of differences to print from each manifest.",
)
@fields_option
@click.option("--fields-b", metavar="NAMES", help="Columns of B.  [default: those of --fields]")
@connection_options
def diff(
    *,
    a: str,
    b: str,
    only: str | None,
    target: str | None,
    lines: bool,
    head: int,
    fields: str | None,
    fields_b: str | None,
    s3: HasClient,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Compare the objects of two manifests.

    A and B are files, s3:// URLs or inventories; one of them may be "-" for standard input. Order
    and spelling do not matter: bucket, decoded key and version ID are compared. An object that is
    on two lines of one manifest has to be on two lines of the other one, too. The exit code is 0 if
    there is no difference, or if --to was written; otherwise it is 1. Manifests may be larger than
    the memory; the command needs the extra "report" (DuckDB).

    Examples:
        s3batch manifest diff monday.csv tuesday.csv
        s3batch manifest diff monday.csv tuesday.csv \
            --only b --to new.csv
    """
    if (only is None) != (target is None):
        raise click.UsageError("Options --only and --to need each other.")
    if target is not None and lines:
        raise click.UsageError("Options --to and --lines exclude each other.")
    first = Source(a, fields, s3, quiet)
    second = Source(b, fields_b or (None if b.endswith(".json") else fields), s3, quiet)
    for source in (first, second):
        source.check()
    if first.is_same_stream(second):
        raise InvalidArgument(
            f"{a} and {b} are the same stream, which can be read once. Name a file for one of them"
        )
    written = None if target is None else Target(target, s3, as_json)
    if written is not None:
        written.check(first, second)
    with ExitStack() as stack:
        with spinner("Comparing"):
            found = stack.enter_context(difference(first.entries(), second.entries()))
        if written is not None and only is not None:
            _write(found, only, written, source=b if only == "b" else a)
            return
        if lines:
            print_lines(_json_lines(found))
        else:
            _print(found, {"a": a, "b": b}, head, as_json=as_json)
    sys.exit(1 if found.a.objects or found.b.objects else 0)


def _write(found: Difference, side: str, target: Target, *, source: str) -> None:
    if not found.side(side).objects:
        raise S3BatchError(f"no line is only in {source}, so nothing was written")
    target.write(found.entries(side), source=source)


def _json_lines(found: Difference) -> Iterator[str]:
    for side in ("a", "b"):
        yield from json_lines(found.entries(side), only_in=side)


def _print(found: Difference, names: dict[str, str], head: int, *, as_json: bool) -> None:
    first = {
        side: [*object_facts(islice(found.entries(side), head))] if head else [] for side in names
    }
    counts = {side: found.side(side).objects for side in names}
    in_both = found.a.total - found.a.objects
    if as_json:
        facts: dict[str, Any] = {f"only_in_{side}": count for side, count in counts.items()}
        examples = {f"head_{side}": objects for side, objects in first.items()}
        print_json({**names, **facts, "in_both": in_both, **examples})
        return
    labels = {side: f"Only in {escape_unprintable(name)}" for side, name in names.items()}
    width = max(map(len, labels.values()))
    for side, label in labels.items():
        print_data(f"{label:{width}}  {counts[side]:,}")
    print_data(f"{'In both':{width}}  {in_both:,}")
    for side, mark in (("a", "-"), ("b", "+")):
        print_lines(f"{mark} {_object_text(each)}" for each in first[side])
        if counts[side] > len(first[side]) > 0:
            print_data(f"{mark} … {counts[side] - len(first[side]):,} more")


def _object_text(each: dict[str, str | None]) -> str:
    version = f" ({each['version_id']})" if each["version_id"] else ""
    return escape_unprintable(f"{each['bucket']}/{each['key']}{version}")
