"""The checksum algorithms of S3.

CRC32C and CRC64NVME are fast with ``awscrt``, and slow without it. The XXHASH family needs
``xxhash`` or ``awscrt``.
"""

from __future__ import annotations

import hashlib
import importlib
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from s3batch_handler.engine.operations._base import CannotRun


class _Crc:
    """A CRC by a library function that takes the previous value."""

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _ReflectedCrc:
    """A CRC in pure Python, at a few megabytes per second, if no library has it.

    ``polynomial`` starts with the lowest power and omits the highest.
    """

    def __init__(self, polynomial: int, size: int) -> None:
        self._table = [_shifted(byte, polynomial) for byte in range(256)]
        self._size = size
        self._mask = self._value = (1 << 8 * size) - 1

    def update(self, data: bytes, /) -> None:
        value, table = self._value, self._table
        for byte in data:
            value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._mask).to_bytes(self._size, "big")


def _shifted(value: int, polynomial: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return value


class _CrtHash:
    """A hash of ``awscrt`` with the interface of :mod:`hashlib`."""

    def __init__(self, new: Callable[[], Any]) -> None:
        self._hash = new()

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


NewChecksum: TypeAlias = Callable[[], Any]
"""Creates a checksum with the interface of :mod:`hashlib`."""


def checksum_algorithm(name: str) -> NewChecksum:
    """Return the constructor of a checksum, by S3's name of the algorithm.

    Raises:
        CannotRun: A package is missing, or the algorithm is not implemented.
    """
    if name in _ALGORITHMS:
        return _ALGORITHMS[name]
    crt = _optional("awscrt.checksums")
    if name in _CRCS:
        function, polynomial, size = _CRCS[name]
        if hasattr(crt, function):
            return partial(_Crc, getattr(crt, function), size)
        return partial(_ReflectedCrc, polynomial, size)
    if name in _XXHASHES:
        of_xxhash, of_crt = _XXHASHES[name]
        new: NewChecksum | None = getattr(_optional("xxhash"), of_xxhash, None)
        if new is not None:
            return new
        if hasattr(crt, "XXHash"):
            return partial(_CrtHash, getattr(crt.XXHash, of_crt))
        problem = f'{name} needs the package xxhash: pip install "s3batch-handler[local]"'
        raise CannotRun(f"S3ComputeObjectChecksum: {problem}")
    raise CannotRun(f"S3ComputeObjectChecksum with {name} is not implemented here")


def _optional(module: str) -> Any:
    """Import an optional module; return ``None`` if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


_ALGORITHMS: Final[dict[str, NewChecksum]] = {
    "CRC32": partial(_Crc, zlib.crc32, 4),
    "MD5": partial(hashlib.md5, usedforsecurity=False),
    "SHA1": partial(hashlib.sha1, usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
}

# Name in awscrt, polynomial, number of bytes.
_CRCS: Final = {
    "CRC32C": ("crc32c", 0x82F63B78, 4),
    "CRC64NVME": ("crc64nvme", 0x9A6C9329AC4BC9B5, 8),
}

# Names in xxhash and in awscrt, as botocore's httpchecksum maps them.
_XXHASHES: Final = {
    "XXHASH64": ("xxh64", "new_xxhash64"),
    "XXHASH3": ("xxh3_64", "new_xxhash3_64"),
    "XXHASH128": ("xxh3_128", "new_xxhash3_128"),
}
