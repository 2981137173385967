"""A manifest of the parts of a complete listing."""

from __future__ import annotations

import hashlib
import io
import os
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, cast

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from s3batch_handler.documents.files._folder import Folder


@dataclass(frozen=True, slots=True)
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

    def save(self, folder: Folder, name: str) -> None:
        """Write the manifest to a file of a folder, completely or not at all."""
        with self._open() as stream:
            folder.write(name, stream)

    def md5(self) -> str:
        """Return the MD5 of the lines."""
        digest = hashlib.md5(usedforsecurity=False)
        with self._open() as stream:
            while block := stream.read(_BUFFER):
                digest.update(block)
        return digest.hexdigest()

    def _open(self) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(_Concatenated(self.parts), _BUFFER))


class _Concatenated(io.RawIOBase):
    """Reads files one after the other.

    It can seek, because boto3 then knows the size: otherwise all parts of an upload have 8 MB, and
    S3's maximum of 10,000 parts limits a manifest to 80 GB.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._paths = paths
        self._ends = [*accumulate(path.stat().st_size for path in paths)]
        self._position = 0
        self._file: io.BufferedReader | None = None

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        size = self._ends[-1] if self._ends else 0
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: size}[whence]
        self._position = start + offset
        self._close_file()
        return self._position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        while True:
            if self._file is None:
                number = bisect_right(self._ends, self._position)
                if number == len(self._paths):
                    return 0
                self._file = self._paths[number].open("rb")
                begin = self._ends[number - 1] if number else 0
                self._file.seek(self._position - begin)
            if count := self._file.readinto(buffer):
                self._position += count
                return count
            self._close_file()

    @override
    def close(self) -> None:
        self._close_file()
        super().close()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


_BUFFER = 1 << 20
