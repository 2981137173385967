"""Lines of a manifest that need no CSV reader: almost all lines of almost all manifests."""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from s3batch_handler.documents.files._csv_rows import MAX_LINE
from s3batch_handler.documents.manifests._manifest import (
    COLUMNS_BY_WIDTH,
    ManifestEntry,
    checked_fields,
    entries_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
        if start == 0 and (stop is None or stop == len(self.lines)):
            return self
        return PlainLines(self.first + start, self.lines[start:stop])


def read_lines(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> Iterator[PlainLines | ManifestEntry]:
    """Yield plain lines in blocks, and all other lines as entries, in their order.

    These are the entries that :func:`read_entries` yields. See there for arguments and errors.
    """
    return map(_split, _read(stream, fields, source))


def count_lines(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> Iterator[int]:
    """Check a manifest like :func:`read_lines`; yield how many lines each item has."""
    return map(_size, _read(stream, fields, source))


class _Block(NamedTuple):
    """Consecutive plain lines, each with a line break.

    Attributes:
        first: The number of the first one in the manifest, from 0.
        size: The number of lines.
    """

    first: int
    size: int
    data: bytes


def _split(item: _Block | ManifestEntry) -> PlainLines | ManifestEntry:
    if isinstance(item, ManifestEntry):
        return item
    lines = item.data.split(b"\n")
    lines.pop()
    return PlainLines(item.first, lines)


def _size(item: _Block | ManifestEntry) -> int:
    return 1 if isinstance(item, ManifestEntry) else item.size


def _read(
    stream: BinaryIO, fields: Sequence[str] | None, source: str
) -> Iterator[_Block | ManifestEntry]:
    columns = None if fields is None else checked_fields(fields, source)
    return _blocks_and_entries(stream, columns, source)


def _blocks_and_entries(
    stream: BinaryIO, columns: tuple[str, ...] | None, source: str
) -> Iterator[_Block | ManifestEntry]:
    blocks = _Blocks(stream)
    may_be_plain = columns is None or columns in COLUMNS_BY_WIDTH.values()
    number = 0
    for entry in entries_of(blocks, columns, source, skipped=lambda: blocks.skipped):
        yield entry  # the first line, and then those that are not plain
        number += 1
        width = 2 if entry.version_id is None else 3
        while may_be_plain and (block := blocks.plain_block(width)):
            yield _Block(number, *block)
            number += block[0]


class _Blocks:
    """The lines of a manifest, read one by one or, where they are plain, in blocks.

    Attributes:
        skipped: The number of lines that were read in blocks.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.skipped = 0
        self._stream = stream
        self._block = io.BytesIO()  # a block that is not plain
        self._lines = deque[bytes]()  # of a piece of it that is not plain

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._lines.popleft() if self._lines else self._block.readline()
        line = line or self._stream.readline(MAX_LINE)
        if not line:
            raise StopIteration
        return line

    def plain_block(self, width: int) -> tuple[int, bytes] | None:
        """Read a block, and return the number of its lines and the lines if all are plain.

        If not, it is read in pieces, so that a few odd lines cost little. ``None`` if a piece is
        not plain, whose lines are then read one by one, and at the end.
        """
        if self._lines:
            return None
        piece = self._read(self._block, _PIECE)
        if not piece:
            block = self._read(self._stream, _BLOCK)
            if (plain := _plain(block, width)) is not None:
                self.skipped += plain[0]
                return plain
            self._block = io.BytesIO(block)
            piece = self._read(self._block, _PIECE)
        plain = _plain(piece, width)
        if plain is None:
            self._lines.extend(io.BytesIO(piece))
        else:
            self.skipped += plain[0]
        return plain

    def _read(self, stream: BinaryIO, size: int) -> bytes:
        """Read bytes up to the end of a line."""
        return stream.read(size) + stream.readline(MAX_LINE)


_BLOCK: Final = 100_000  # bytes
_PIECE: Final = 4_000
_LONGEST: Final = 1 << 17  # bytes; the csv module refuses longer cells


def _plain(block: bytes, width: int) -> tuple[int, bytes] | None:
    """Return the number of lines of a block, and the lines, if each has ``width`` plain cells."""
    if not block or len(block) > _LONGEST:
        return None
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if not block.endswith(b"\n"):  # the last line of the manifest
        block += b"\n"
    # What is left without other bytes shows that each line has as many commas as the first one.
    left = block.translate(None, _OTHER_BYTES)
    count = len(left) // width
    if left != (b"," * (width - 1) + b"\n") * count or _has_empty_cell(block, width, count):
        return None
    return (count, block) if _is_utf8(block) else None


def _has_empty_cell(block: bytes, width: int, count: int) -> bool:
    """Return whether one of the cells is empty. It may also be a cell that only looks like it."""
    bucket = block[: block.index(b",") + 1]
    # The bucket of all lines is usually the same, and longer texts are found in less time.
    if len(bucket) > 1 and block.count(b"\n" + bucket) == count - 1:
        if width == 2:
            return bucket + b"\n" in block
        return bucket + b"," in block or b",\n" in block
    return block.startswith(b",") or b"\n," in block or b",," in block or b",\n" in block


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


_OTHER_BYTES: Final = bytes(byte for byte in range(256) if byte not in b'",\n\r\0')
