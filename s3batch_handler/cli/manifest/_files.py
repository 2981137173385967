"""The manifests that the commands of ``s3batch manifest`` read and write, with their options."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument, bad_input_exits_with_2
from s3batch_handler.cli._manifest_files import (
    check_no_fields,
    open_manifest,
    open_stream,
    save_manifest,
)
from s3batch_handler.cli._options import (
    endpoint_url_option,
    json_option,
    not_empty,
    profile_option,
    quiet_option,
)
from s3batch_handler.cli._paths import check_csv_manifest, check_file, check_s3_url
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.terminal._output import print_data, print_json
from s3batch_handler.cli.terminal._progress import report_listing, spinner
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.documents.manifests._inventory import read_inventory
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.engine.manifests._prepared import manifest_of_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest that a command reads.

    Attributes:
        location: A file, an ``s3://`` URL, ``-``, or the ``manifest.json`` of an inventory.
        fields: The columns of a CSV manifest; ``None``: as in its first line.
        s3: The S3 that has it.
        quiet: Print no progress.
    """

    location: str
    fields: str | None
    s3: HasClient
    quiet: bool = False

    def entries(self) -> Iterator[ManifestEntry]:
        """Yield the lines, and print their number from time to time."""
        return report_listing(self._entries(), quiet=self.quiet, verb="read")

    def _entries(self) -> Iterator[ManifestEntry]:
        self.check()
        if self.is_inventory:
            s3 = self.s3.client if is_s3_url(self.location) else None
            yield from read_inventory(self.location, s3=s3)
            return
        with open_stream(self.location, self.s3, option="FILE") as stream:
            yield from read_entries(stream, fields=self.columns, source=self.location)

    def check(self) -> None:
        """Check the location and the fields."""
        check_s3_url(self.location, "FILE")
        if self.is_inventory:
            check_no_fields(self.fields)

    @property
    def is_inventory(self) -> bool:
        return self.location.endswith(".json")

    @property
    def columns(self) -> list[str] | None:
        """Return the columns, as :func:`read_entries` takes them."""
        return self.fields.split(",") if self.fields else None

    @contextmanager
    def prepared(self) -> Iterator[PreparedManifest]:
        """Open the manifest to read it twice; it is checked up to its last line first."""
        with ExitStack() as stack:
            with spinner("Reading"):
                manifest = stack.enter_context(
                    open_manifest(self.location, self.fields, self.s3, save_as=None, option="FILE")
                )
            yield manifest


@dataclass(frozen=True, slots=True)
class Target:
    """The manifest that a command writes.

    Attributes:
        location: A file, or an ``s3://`` URL.
        s3: The S3 in which it is written.
        as_json: Print what was written as JSON.
    """

    location: str
    s3: HasClient
    as_json: bool

    def check(self, *sources: Source) -> None:
        """Check that the manifest can be written, and that it is not one that is read."""
        option = "--to"
        check_s3_url(self.location, option)
        check_csv_manifest(self.location, option)
        if not is_s3_url(self.location):
            check_file(Path(self.location), option)
        for source in sources:
            if self.location == source.location or is_same_file(self.location, source.location):
                raise InvalidArgument(
                    f"{option} {self.location}: this is the manifest that is read. "
                    "Name another file"
                )

    def write(
        self,
        entries: Iterable[ManifestEntry],
        *,
        source: str,
        doing: str = "Writing",
        more_facts: Callable[[int], dict[str, Any]] = lambda _: {},
    ) -> None:
        """Write a manifest of entries, completely or not at all, and print what was written.

        Args:
            entries: The lines.
            source: What is named in errors.
            doing: What a terminal shows meanwhile.
            more_facts: Returns other facts to print, given the number of lines.
        """
        # The facts are printed later: a spinner and data may use the same terminal.
        with spinner(doing), manifest_of_entries(entries, source=source) as manifest:
            save_manifest(manifest, self.location, self.s3)
            facts = {
                "manifest": self.location,
                "objects": manifest.count,
                "fields": manifest.fields,
                "etag": self._etag(manifest),
                **more_facts(manifest.count),
            }
        if self.as_json:
            print_json(facts)
        else:
            print_facts(facts)

    def _etag(self, manifest: PreparedManifest) -> str:
        """Return the ETag that S3 has, or would have after an upload in one request."""
        return etag_in_s3(self.location, self.s3) if is_s3_url(self.location) else manifest.md5()


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print facts as lines with a name and a value."""
    texts = {_title(name): _text(name, value) for name, value in facts.items()}
    width = max(map(len, texts))
    for name, text in texts.items():
        print_data(f"{name:{width}}  {escape_unprintable(text)}")


def _title(name: str) -> str:
    return "ETag" if name == "etag" else f"{name[0].upper()}{name[1:]}"


def _text(name: str, value: Any) -> str:
    if isinstance(value, int):
        return str(value) if name == "seed" else f"{value:,}"
    return value if isinstance(value, str) else ",".join(value)


def etag_in_s3(url: str, s3: HasClient) -> str:
    """Return the ETag of an object, without its quotes."""
    bucket, key = bucket_and_key(url)
    etag: str = s3.client.head_object(Bucket=bucket, Key=key)["ETag"]
    return etag.strip('"')


def is_same_file(target: str, source: str) -> bool:
    """Return whether two locations mean the same file on this machine."""
    return Path(target).exists() and Path(source).exists() and Path(target).samefile(source)


# ---------------------------------------------------------------- options


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
