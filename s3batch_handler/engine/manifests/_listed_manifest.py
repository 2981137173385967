"""A manifest of the parts of a complete listing."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from s3batch_handler.core._typing import override
from s3batch_handler.documents.files._hashing import HashingReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from s3batch_handler.documents.files._folder import Folder


@dataclass(slots=True)
class ListedManifest:
    """A manifest whose lines are in several files.

    Attributes:
        count: The number of lines.
        fields: The columns.
        parts: The files in the order of the lines.
        requests: The number of requests of the listing, by the name of the operation.
    """

    count: int
    fields: Sequence[str]
    parts: Sequence[Path]
    requests: Mapping[str, int]
    _md5: str = field(default="", init=False)

    def save(self, folder: Folder, name: str) -> None:
        """Write the manifest to a file of a folder, completely or not at all."""
        lines = HashingReader(cast("BinaryIO", _Concatenated(iter(self.parts))))
        folder.write(name, cast("BinaryIO", io.BufferedReader(lines, _BUFFER)))
        self._md5 = lines.md5.hexdigest()

    def md5(self) -> str:
        """Return the MD5 of the lines, which were saved."""
        return self._md5


class _Concatenated(io.RawIOBase):
    """Reads files one after the other."""

    def __init__(self, paths: Iterator[Path]) -> None:
        super().__init__()
        self._paths = paths
        self._file: io.BufferedReader | None = None

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        while True:
            if self._file is not None:
                if count := self._file.readinto(buffer):
                    return count
                self._file.close()
                self._file = None
            path = next(self._paths, None)
            if path is None:
                return 0
            self._file = path.open("rb")

    @override
    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


_BUFFER = 1 << 20
