"""Lines of a manifest that need no CSV reader: almost all lines of almost all manifests."""

from __future__ import annotations

from dataclasses import dataclass

from s3batch_handler.documents.manifests._manifest import ManifestEntry


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Consecutive lines of a manifest, each with a bucket, a key and perhaps a version ID.

    They are UTF-8, and have no quotes and no empty cells, so a report repeats them byte for byte.

    Attributes:
        first: The number of the first one in the manifest, from 0.
        lines: The lines, without line breaks.
    """

    first: int
    lines: list[bytes]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.lines)

    def entry(self, index: int) -> ManifestEntry:
        """Return one of the lines as an entry."""
        bucket, key, *version = self.lines[index].decode().split(",")
        return ManifestEntry(bucket, key, version[0] if version else None)

    def part(self, start: int, stop: int | None = None) -> PlainLines:
        """Return some of the lines."""
        return PlainLines(self.first + start, self.lines[start:stop])
