"""Find objects that are on several lines of a manifest, in temporary files."""

from __future__ import annotations

import heapq
import struct
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from s3batch_handler.documents.manifests._task_digest import task_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from s3batch_handler.documents.manifests._manifest import ManifestEntry


class Repeated(NamedTuple):
    """A line whose object is also on an earlier line, the first of them."""

    line: int
    first: int


class Duplicates:
    """Finds repeated objects by 16 bytes of a digest and 8 of the line, grouped in files.

    Each file has the digests with the same first byte, so it can be read into memory alone. One
    that is too large is divided again by the next byte.
    """

    def __init__(self) -> None:
        self._files = ExitStack()
        self._groups: dict[int, _Group] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, line: int, entry: ManifestEntry) -> None:
        """Add an entry with its line. Lines are added in their order."""
        digest = task_digest(entry)
        group = self._groups.get(digest[0])
        if group is None:
            group = self._groups[digest[0]] = _Group(self._files.enter_context(_temporary_file()))
        group.add(_RECORD.pack(digest, line))

    def found(self) -> Iterator[Repeated]:
        """Yield the repeated lines in their order."""
        runs: list[BinaryIO] = []
        pairs: list[Repeated] = []
        for group in self._groups.values():
            for repeated in _repeated(group, depth=1):
                pairs.append(repeated)
                if len(pairs) == _MAX_RUN:
                    runs.append(self._sorted_run(pairs))
                    pairs = []
        yield from heapq.merge(sorted(pairs), *map(_read_run, runs))

    def _sorted_run(self, pairs: list[Repeated]) -> BinaryIO:
        file = self._files.enter_context(_temporary_file())
        file.writelines(_PAIR.pack(*pair) for pair in sorted(pairs))
        return file


def _repeated(group: _Group, *, depth: int) -> Iterator[Repeated]:
    if group.size <= _MAX_GROUP or depth == _DIGEST:
        first: dict[bytes, int] = {}
        for record in group.records():
            digest, line = _RECORD.unpack(record)
            earlier = first.setdefault(digest, line)
            if earlier != line:
                yield Repeated(line, earlier)
        return
    with ExitStack() as files:
        parts: dict[int, _Group] = {}
        for record in group.records():
            part = parts.get(record[depth])
            if part is None:
                file = files.enter_context(_temporary_file())
                part = parts[record[depth]] = _Group(file)
            part.add(record)
        for part in parts.values():
            yield from _repeated(part, depth=depth + 1)


class _Group:
    """Records in a temporary file."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self._file = file

    def add(self, record: bytes) -> None:
        self._file.write(record)
        self.size += len(record)

    def records(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(_RECORD.size * 4096):
            for start in range(0, len(chunk), _RECORD.size):
                yield chunk[start : start + _RECORD.size]


def _temporary_file() -> BinaryIO:
    return cast("BinaryIO", tempfile.TemporaryFile(prefix="s3batch-duplicates-"))


def _read_run(file: BinaryIO) -> Iterator[Repeated]:
    file.seek(0)
    while chunk := file.read(_PAIR.size * 512):
        yield from (Repeated(*pair) for pair in _PAIR.iter_unpack(chunk))


_DIGEST: Final = 16
_RECORD: Final = struct.Struct(f"{_DIGEST}sQ")
_PAIR: Final = struct.Struct("QQ")
_MAX_GROUP: Final = 8 << 20  # bytes: about 350,000 lines
_MAX_RUN: Final = 500_000  # pairs
