"""The options of ``s3batch manifest create``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._option_rules import options_as
from s3batch_handler.cli._options import (
    bucket_option,
    json_option,
    named,
    not_empty,
    quiet_option,
    source_option,
)
from s3batch_handler.cli._paths import check_new_manifest
from s3batch_handler.cli._units import PointInTime, point_in_time, size
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.jobs.listing._filter import ObjectFilter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOptions:
    """The options of the command line, by their names."""

    location: str
    bucket: str | None
    keys: str | None
    null: bool
    objects: str | None
    payload: bool
    source: Path | None
    inventory: str | None
    from_report: str | None
    failed: bool
    succeeded: bool
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    min_size: int | None
    max_size: int | None
    newer_than: PointInTime | None
    older_than: PointInTime | None
    storage_classes: tuple[str, ...]
    object_tags: dict[str, str]
    versions: str | None
    version_ids: bool
    concurrency: int
    resume: bool
    as_json: bool
    quiet: bool

    def where(self, now: datetime | None = None) -> ObjectFilter:
        """Return the conditions on the objects, apart from their versions.

        Args:
            now: The time for which ages are given, by default the present.
        """
        now = now or datetime.now(UTC)
        return ObjectFilter(
            prefixes=self.prefixes,
            suffixes=self.suffixes,
            include=self.include,
            exclude=self.exclude,
            min_size=self.min_size,
            max_size=self.max_size,
            newer_than=self.newer_than and self.newer_than.at(now),
            older_than=self.older_than and self.older_than.at(now),
            storage_classes=tuple(name.upper() for name in self.storage_classes),
            tags=tuple(self.object_tags.items()),
        )

    @property
    def selected_versions(self) -> str | None:
        """Return which versions are listed; ``None`` without version IDs."""
        return self.versions or ("latest" if self.version_ids else None)

    @property
    def of_listing(self) -> dict[str, Any]:
        """Return the options that decide what is listed, as JSON values."""
        return {
            "bucket": self.bucket,
            "prefix": [*self.prefixes],
            "suffix": [*self.suffixes],
            "include": [*self.include],
            "exclude": [*self.exclude],
            "min_size": self.min_size,
            "max_size": self.max_size,
            "newer_than": self.newer_than and self.newer_than.text,
            "older_than": self.older_than and self.older_than.text,
            "storage_class": [*self.storage_classes],
            "tag": self.object_tags,
            "versions": self.selected_versions,
        }

    @property
    def lists_a_bucket(self) -> bool:
        """Return whether the source is a listing."""
        others = (self.keys, self.objects, self.source, self.inventory, self.from_report)
        return all(each is None for each in others)

    @property
    def source_name(self) -> str:
        """Return the name of the source for error messages."""
        if self.lists_a_bucket:
            return " ".join(f"s3://{self.bucket}/{prefix}" for prefix in self.prefixes or ("",))
        if "-" in (self.keys, self.objects):
            return "standard input"
        return str(self.keys or self.objects or self.source or self.inventory or self.from_report)

    def check(self) -> None:
        """Check the values of the options before any work."""
        check_new_manifest(self.location, "manifest")
        for prefix in filter(is_s3_url, self.prefixes):
            raise click.UsageError(
                f"Option --prefix has the value {prefix}: write the beginning of the keys, without "
                "s3:// and the bucket."
            )
        where = self.where()
        if None not in (where.min_size, where.max_size) and where.min_size > where.max_size:  # type: ignore[operator]
            raise click.UsageError("--min-size is more than --max-size: no object has such a size.")
        if where.newer_than and where.older_than and where.newer_than >= where.older_than:
            raise click.UsageError(
                "--newer-than is not before --older-than: no object has such a time."
            )


def _several(option: str, name: str, metavar: str, text: str) -> Callable[..., None]:
    return click.option(option, name, metavar=metavar, multiple=True, help=text)


def _tags(
    _context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    return named(pairs)


create_options: Callable[[Callable[..., None]], Callable[..., None]] = options_as(
    CreateOptions,
    click.argument("location", metavar="FILE|s3://…", shell_complete=complete_files),
    bucket_option("Bucket to list, or bucket of the keys of another source."),
    click.option(
        "--keys",
        metavar="FILE|-",
        type=not_empty,
        shell_complete=complete_files,
        help="File with one key or s3:// URL per line, not encoded.",
    ),
    click.option("--null", "-0", is_flag=True, help="Keys end with NUL, as with find -print0."),
    click.option(
        "--objects",
        metavar="FILE|-",
        type=not_empty,
        shell_complete=complete_files,
        help="File of JSON lines with key, bucket and version_id.",
    ),
    click.option("--payload", is_flag=True, help="Use each JSON object as the key."),
    source_option,
    click.option(
        "--inventory",
        metavar="LOCATION",
        type=not_empty,
        shell_complete=complete_files,
        help="manifest.json of an S3 Inventory: CSV, ORC or Parquet.",
    ),
    click.option(
        "--from-report",
        metavar="LOCATION",
        shell_complete=complete_reports,
        help="Report or job ID: the objects of its tasks.",
    ),
    click.option("--failed", is_flag=True, help="Only the tasks that failed."),
    click.option("--succeeded", is_flag=True, help="Only the tasks that succeeded."),
    _several("--prefix", "prefixes", "TEXT", "Prefix of the keys; repeat for more."),
    _several("--suffix", "suffixes", "TEXT", "End of the keys; repeat for more."),
    _several("--include", "include", "GLOB", "Pattern of the keys; repeat for more."),
    _several("--exclude", "exclude", "GLOB", "Pattern of keys to leave out."),
    click.option("--min-size", type=size, metavar="SIZE", help="Smallest size, such as 5MB."),
    click.option("--max-size", type=size, metavar="SIZE", help="Largest size."),
    click.option(
        "--newer-than", type=point_in_time, metavar="TIME", help="Date, or age such as 7d."
    ),
    click.option(
        "--older-than", type=point_in_time, metavar="TIME", help="Date, or age such as 12h."
    ),
    _several("--storage-class", "storage_classes", "NAME", "Storage class; repeat for more."),
    click.option(
        "--tag",
        "object_tags",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_tags,
        help="Tag of the objects; sends one request for each object.",
    ),
    click.option(
        "--versions",
        type=click.Choice(["latest", "all", "noncurrent"]),
        metavar="WHICH",
        help="Versions to list, with IDs: latest, all or noncurrent.",
    ),
    click.option("--version-ids", is_flag=True, help="The same as --versions latest."),
    click.option(
        "--concurrency",
        type=Integer(1, 256),
        metavar="NUMBER",
        default=8,
        show_default=True,
        help="Parallel requests.",
    ),
    click.option("--resume", is_flag=True, help="Continue an interrupted listing."),
    json_option,
    quiet_option,
)
