"""``s3batch manifest show``."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._manifest_files import open_stream
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.manifest._file_options import source_options
from s3batch_handler.cli.terminal._facts import print_facts
from s3batch_handler.cli.terminal._output import print_data, print_json, print_lines
from s3batch_handler.cli.terminal._progress import report_listing
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.documents.files._hashing import HashingReader
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.documents.manifests._summary import ManifestSummary, object_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.cli.manifest._files import Source
    from s3batch_handler.documents.manifests._manifest import ManifestEntry


@click.command(cls=Command)
@click.option(
    "--head",
    type=Integer(0),
    metavar="NUMBER",
    default=10,
    show_default=True,
    help="Number of the first objects to print.",
)
@click.option("--lines", is_flag=True, help="Print all objects as JSON lines, and nothing else.")
@source_options
def show(*, source: Source, s3: HasClient, as_json: bool, head: int, lines: bool) -> None:
    """Show what a manifest contains: its objects, buckets, version IDs, size and ETag.

    The ETag is the MD5 of the file, which is its ETag in S3 if it is uploaded in one request. Keys
    are printed decoded.

    Examples:
        s3batch manifest show manifest.csv
        s3batch manifest show manifest.csv --lines | jq .key
    """
    source.check()
    if lines:
        print_lines(json_lines(source.entries()))
        return
    summary = ManifestSummary()
    with HashingReader(open_stream(source.location, s3, option="FILE")) as content:
        if source.is_inventory:
            summary.add(source.entries(), head=head)
            while content.read(1 << 20):
                pass
        else:
            stream = io.BufferedReader(content, 1 << 18)
            entries = read_entries(stream, fields=source.columns, source=source.location)
            summary.add(report_listing(entries, quiet=source.quiet, verb="read"), head=head)
        facts = _facts(source, summary, content)
    if as_json:
        print_json({**facts, "head": [*object_facts(summary.first)]})
    else:
        _print(facts, summary)


def _facts(source: Source, summary: ManifestSummary, content: HashingReader) -> dict[str, Any]:
    return {
        "manifest": source.location,
        "objects": summary.objects,
        "fields": source.columns or summary.fields,
        "buckets": dict(summary.buckets.most_common()),
        "other_buckets": summary.other_buckets,
        "with_version_id": summary.with_version_id,
        "without_version_id": summary.objects - summary.with_version_id,
        "json_keys": summary.json_keys,
        "bytes": content.count,
        "etag": content.md5.hexdigest(),
    }


def _print(facts: dict[str, Any], summary: ManifestSummary) -> None:
    objects, versions = summary.objects, summary.with_version_id
    buckets = summary.buckets.most_common()
    print_facts(
        {
            "manifest": facts["manifest"],
            "objects": objects,
            "fields": facts["fields"],
            "version IDs": "all" if 0 < versions == objects else versions or "none",
            "JSON keys": summary.json_keys or "none",
            "bytes": facts["bytes"],
            "etag": facts["etag"],
            "buckets": len(buckets) if not summary.other_buckets else f"over {len(buckets):,}",
        }
    )
    print_data("")
    shown = buckets[:_SHOWN_BUCKETS]
    rows = [(name, f"{count:,}") for name, count in shown]
    rest = objects - sum(count for _, count in shown)
    if rest:
        rows.append(("other buckets", f"{rest:,}"))
    print_lines(lines_of_table([Column("BUCKET"), Column("OBJECTS", may_be_cut=False)], rows))
    if summary.first:
        print_data("")
        print_lines(table_lines(summary.first))


_SHOWN_BUCKETS: Final = 20


def json_lines(entries: Iterable[ManifestEntry], **more: str) -> Iterator[str]:
    """Yield the object of each line as JSON in ASCII, which no terminal interprets."""
    return (json.dumps({**more, **facts}) for facts in object_facts(entries))


def table_lines(entries: Iterable[ManifestEntry]) -> Iterator[str]:
    """Yield the lines of a table of objects, with decoded keys."""
    columns = [Column("BUCKET"), Column("KEY", keeps_end=True), Column("VERSION ID")]
    rows = ([value or "" for value in facts.values()] for facts in object_facts(entries))
    return lines_of_table(columns, rows)
