"""The manifests that the commands of ``s3batch manifest`` read and write."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._manifest_files import (
    check_no_fields,
    open_manifest,
    open_stream,
    save_manifest,
)
from s3batch_handler.cli._paths import (
    check_new_manifest,
    check_s3_url,
    is_same_file,
)
from s3batch_handler.cli.terminal._facts import print_facts
from s3batch_handler.cli.terminal._output import print_json
from s3batch_handler.cli.terminal._progress import ProgressMessages, report_listing, spinner
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.manifests._inventory import read_inventory
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.engine.manifests._prepared import manifest_of_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._report import Report
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

    def is_same_stream(self, other: Source) -> bool:
        """Return whether both are the same pipe, which cannot be read twice."""
        if self.location == other.location == "-":
            return True
        streams = [_stream_status(each.location) for each in (self, other)]
        return None not in streams and streams[0] == streams[1]

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
                opening = open_manifest(
                    self.location,
                    self.fields,
                    self.s3,
                    save_as=None,
                    option="FILE",
                    on_progress=None if self.quiet else ProgressMessages("read"),
                )
                manifest = stack.enter_context(opening)
            yield manifest


def _stream_status(location: str) -> tuple[int, int] | None:
    """Return what identifies a pipe; ``None`` for everything else."""
    try:
        status = os.fstat(0) if location == "-" else Path(location).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISFIFO(status.st_mode) else None


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
        check_new_manifest(self.location, option)
        for source in sources:
            if self.location == source.location or is_same_file(self.location, source.location):
                raise InvalidArgument(
                    f"{option} {self.location}: this is the manifest that is read. "
                    "Name another file"
                )

    def check_outside_of(self, report: Report) -> None:
        """Check that the manifest does not replace a file of a report."""
        if is_s3_url(self.location) or is_s3_url(report.location):
            is_inside = self.location.startswith(report.location.rpartition("/")[0] + "/")
        else:
            folder = Path(report.location).resolve().parent
            is_inside = Path(self.location).resolve().is_relative_to(folder)
        if is_inside:
            raise InvalidArgument(
                f"--to {self.location}: this is in the folder of the report. Name another file"
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
            with missing_bucket_is_wrong(self.location):
                upload = save_manifest(manifest, self.location, self.s3)
            facts = {
                "manifest": self.location,
                "objects": manifest.count,
                "fields": manifest.fields,
                "etag": upload.etag or manifest.md5(),
                **more_facts(manifest.count),
            }
        if self.as_json:
            print_json(facts)
        else:
            print_facts(facts)


@contextmanager
def missing_bucket_is_wrong(url: str) -> Iterator[None]:
    """Turn the error that the bucket of ``--to`` does not exist into a wrong argument."""
    try:
        yield
    except Exception as error:
        if aws_error_code(error) != "NoSuchBucket":
            raise
        raise InvalidArgument(f"--to {url}: there is no such bucket. Check its name") from error
