"""A reader that computes the MD5 of what it reads."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from typing_extensions import Buffer


class HashingReader(io.RawIOBase):
    """Reads from ``source``; counts the bytes and computes their MD5."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self.count = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._source = source

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        chunk = self._source.read(len(view))
        view[: len(chunk)] = chunk
        self.count += len(chunk)
        self.md5.update(chunk)
        return len(chunk)

    @override
    def close(self) -> None:
        self._source.close()
        super().close()
