"""Split a manifest into one part for each bucket."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from s3batch_handler.documents.manifests._manifest import EntryWriter, ManifestInfo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from s3batch_handler.documents.manifests._manifest import ManifestEntry


class ManifestPart(NamedTuple):
    """A part of a manifest that was split.

    Attributes:
        name: The name of its file.
        info: What CreateJob requires about it.
    """

    name: str
    info: ManifestInfo


def write_by_bucket(
    entries: Iterable[ManifestEntry], folder: Path, stem: str
) -> list[ManifestPart]:
    """Write the lines of each bucket to a file of a folder; return the parts by name."""
    files = _OpenFiles()
    taken: set[str] = set()
    writers: dict[str, tuple[str, EntryWriter]] = {}
    try:
        for entry in entries:
            if entry.bucket not in writers:
                name = _name_of_bucket(entry.bucket, stem, taken)
                taken.add(name.lower())  # some file systems ignore case
                writers[entry.bucket] = name, EntryWriter(files.open(folder / name))
            name, writer = writers[entry.bucket]
            writer.target = files.open(folder / name)
            writer.write(entry)
    finally:
        files.close()
    parts = [ManifestPart(name, writer.info()) for name, writer in writers.values()]
    return sorted(parts, key=lambda part: part.name)


def _name_of_bucket(bucket: str, stem: str, taken: set[str]) -> str:
    """Return a name that is not one of ``taken``, which are in lower case.

    The bucket may be the ARN of an access point, with slashes and colons.
    """
    plain = f"{stem}-{_NOT_IN_NAMES.sub('-', bucket)[-_LONGEST_NAME:]}"
    names = (f"{plain}{'' if number == 1 else f'-{number}'}.csv" for number in range(1, 1 << 30))
    return next(name for name in names if name.lower() not in taken)


_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST_NAME: Final = 100  # characters; file systems accept 255


class _OpenFiles:
    """Files to append to, of which only some are open: a process may not open thousands."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, BinaryIO] = OrderedDict()

    def open(self, path: Path) -> BinaryIO:
        if path in self._files:
            self._files.move_to_end(path)
        else:
            if len(self._files) == _MAX_OPEN:
                self._files.popitem(last=False)[1].close()
            self._files[path] = path.open("ab")
        return self._files[path]

    def close(self) -> None:
        for file in self._files.values():
            file.close()


_MAX_OPEN: Final = 64
