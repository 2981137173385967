"""Split a manifest into parts that are manifests."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files._file_names import shortened
from s3batch_handler.documents.files._whole_folder import whole_folder
from s3batch_handler.documents.manifests._manifest import (
    ManifestInfo,
    line_of_entry,
    read_entries,
    write_entries,
)
from s3batch_handler.documents.manifests._split_by_bucket import ManifestPart, write_by_bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from s3batch_handler.documents.manifests._manifest import ManifestEntry


def split_manifest(
    source: str | Path,
    target: str | Path,
    *,
    parts: int | None = None,
    max_objects: int | None = None,
    max_bytes: int | None = None,
    by_bucket: bool = False,
    fields: Sequence[str] | None = None,
) -> list[ManifestPart]:
    """Split a CSV manifest into parts that are manifests: each line is in one part, in order.

    The parts are named after the manifest: ``photos-0001-of-0004.csv``; with ``by_bucket``,
    ``photos-BUCKET.csv``. The folder gets all parts, or none if there is an error.

    Args:
        source: The path of the manifest.
        target: A new folder, or an empty one.
        parts: The number of parts, whose numbers of lines differ by one at most.
        max_objects: The most lines of a part; the parts are as few and as equal as possible.
        max_bytes: The most bytes of a part.
        by_bucket: Write one part for each bucket.
        fields: The columns of the manifest  [default: as in its first line].

    Raises:
        FileExistsError: The folder has files.
        ManifestError: A line is not valid, or there are fewer lines than parts.
        ValueError: Not exactly one of the four ways to split is chosen, or a number is too small.
    """
    path = Path(source)

    def entries() -> Iterator[ManifestEntry]:
        with path.open("rb") as stream:
            yield from read_entries(stream, fields=fields, source=str(path))

    way = Split(parts=parts, max_objects=max_objects, max_bytes=max_bytes, by_bucket=by_bucket)
    with whole_folder(Path(target)) as folder:
        return way.write(entries, folder, stem=path.stem, source=str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A way to split a manifest: see :func:`split_manifest`."""

    parts: int | None = None
    max_objects: int | None = None
    max_bytes: int | None = None
    by_bucket: bool = False

    def __post_init__(self) -> None:
        numbers = [self.parts, self.max_objects, self.max_bytes]
        given = [number for number in numbers if number is not None]
        if len(given) + self.by_bucket != 1:
            raise ValueError("pass one of parts, max_objects, max_bytes and by_bucket")
        if given and given[0] < 1:
            raise ValueError(f"{given[0]} is too small: pass at least 1")

    def write(
        self,
        entries: Callable[[], Iterable[ManifestEntry]],
        folder: Path,
        *,
        stem: str,
        source: str,
        count: int | None = None,
    ) -> list[ManifestPart]:
        """Write the parts to an empty folder.

        Args:
            entries: Returns the lines; it is called twice if ``count`` is needed and not known.
            folder: The folder; after an error some parts may be in it.
            stem: The beginning of the names.
            source: The name of the manifest in errors.
            count: The number of lines, if it is known.

        Raises:
            ManifestError: A line is not valid, there are fewer lines than parts, or the number of
                lines has changed.
        """
        stem = shortened(stem, _LONGEST_STEM)
        if self.by_bucket:
            written = write_by_bucket(entries(), folder, stem)
        elif self.max_bytes is not None:
            written = _write_numbered(_by_bytes(entries(), self.max_bytes, source), folder, stem)
        else:
            if count is None:
                count = sum(1 for _ in entries())
            written = _write_numbered(
                _by_count(entries(), self._sizes(count, source)), folder, stem
            )
            if sum(part.info.count for part in written) != count:
                raise ManifestError("changed while it was split", source=source)
        if not written:
            raise _empty(source)
        return written

    def _sizes(self, count: int, source: str) -> Iterator[int]:
        """Yield the numbers of lines of the parts."""
        if not count:
            raise _empty(source)
        parts = self.parts or -(-count // (self.max_objects or 1))
        if parts > count:
            raise ManifestError(
                f"the manifest has too few lines for {parts:,} parts: {count:,}. Pass a smaller "
                "number of parts",
                source=source,
            )
        size, larger = divmod(count, parts)
        return (size + (number < larger) for number in range(parts))


def _empty(source: str) -> ManifestError:
    return ManifestError("the manifest is empty: there is nothing to split", source=source)


def _by_count(
    entries: Iterable[ManifestEntry], sizes: Iterable[int]
) -> Iterator[Iterator[ManifestEntry]]:
    """Yield parts of consecutive lines; the lines after the last part follow as one more part."""
    rest = iter(entries)
    for size in sizes:
        yield islice(rest, size)
    for line in rest:  # the manifest has changed
        yield chain([line], rest)


def _by_bytes(
    entries: Iterable[ManifestEntry], limit: int, source: str
) -> Iterator[Iterator[ManifestEntry]]:
    """Yield parts of consecutive lines that have at most ``limit`` bytes."""
    number = size = line = 0

    def part_of(entry: ManifestEntry) -> int:
        nonlocal number, size, line
        line += 1
        length = len(line_of_entry(entry))
        if size + length > limit:
            number += 1
            size = 0
            length = len(line_of_entry(entry, first=True))
            if length > limit:
                problem = f"has {length:,} bytes, but a part may only have {limit:,}"
                raise ManifestError(f"object {line:,} {problem}", source=source)
        size += length
        return number

    return (part for _, part in groupby(entries, part_of))


def _write_numbered(
    parts: Iterable[Iterable[ManifestEntry]], folder: Path, stem: str
) -> list[ManifestPart]:
    infos: list[ManifestInfo] = []
    for number, part in enumerate(parts, 1):
        with (folder / f"{number}.part").open("xb") as target:
            infos.append(write_entries(target, part))
    digits = max(_MIN_DIGITS, len(str(len(infos))))  # so that the names sort like the parts
    written: list[ManifestPart] = []
    for number, info in enumerate(infos, 1):
        name = f"{stem}-{number:0{digits}}-of-{len(infos):0{digits}}.csv"
        (folder / f"{number}.part").rename(folder / name)
        written.append(ManifestPart(name, info))
    return written


_MIN_DIGITS: Final = 4
_LONGEST_STEM: Final = 120  # bytes; with a bucket of 100, the names have less than 255
