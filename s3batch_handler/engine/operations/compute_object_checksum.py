"""``S3ComputeObjectChecksum``: compute the checksum of what is stored, for the report alone.

S3 has no call for it that a client could make, so each object is read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from s3batch_handler.engine.operations.base import CannotRun, refusal_of
from s3batch_handler.model import Outcome, ResultCode

if TYPE_CHECKING:
    from s3batch_handler.engine.answers import Answer
    from s3batch_handler.engine.operations.base import S3Operation
    from s3batch_handler.model import ObjectRef
    from s3batch_handler.shapes import ComputeObjectChecksum


def compute_object_checksum(asked: ComputeObjectChecksum, s3: Any) -> S3Operation:
    """Compute a full object's checksum, or that of the checksums of its parts.

    By default it is CRC64NVME, as in S3 itself, of the full object.
    """
    algorithm = asked.checksum_algorithm or "CRC64NVME"
    kind = asked.checksum_type or "FULL_OBJECT"
    if algorithm not in _ALGORITHMS:
        raise CannotRun(f"S3ComputeObjectChecksum with {algorithm} is not implemented here")
    if kind == "COMPOSITE" and algorithm == "CRC64NVME":
        problem = "S3ComputeObjectChecksum: CRC64NVME is for full objects only"
        raise CannotRun(problem, code="InvalidRequest")
    checksum = _composite if kind == "COMPOSITE" else _full

    def compute(item: ObjectRef) -> Answer:
        try:
            etag, digest, parts = checksum(s3, item, _ALGORITHMS[algorithm])
        except Exception as error:  # noqa: BLE001  told in a form of its own
            refused = refusal_of(error)
            if refused.code is ResultCode.TEMPORARY_FAILURE:
                return refused
            details = {"failureMessage": refused.reason, "errorCode": refused.error_code}
            return Outcome(refused.code, f"error details: {_to_json(details)}")
        message = {
            "checksum_base64": base64.b64encode(digest).decode() + parts,
            "etag": etag,
            "checksumAlgorithm": algorithm,
            "checksumType": kind,
            "checksum_hex": digest.hex().upper() + parts,
        }
        return Outcome(ResultCode.SUCCEEDED, _to_json(message).replace("=", r"\u003d"))

    return compute


_to_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def _full(s3: Any, item: ObjectRef, new: _New) -> tuple[str, bytes, str]:
    """Give ETag and checksum of an object."""
    answer = s3.get_object(**item.location)
    with closing(answer["Body"]) as body:
        return answer["ETag"].strip('"'), _digest(body, answer["ContentLength"], new), ""


def _composite(s3: Any, item: ObjectRef, new: _New) -> tuple[str, bytes, str]:
    """Give ETag and checksum of the checksums of an object's parts, and how many those are."""
    together, number, count = new(), 0, 1
    answer = s3.get_object(**item.location)
    with closing(answer["Body"]) as body:
        while number < count:
            number += 1
            part = s3.head_object(**item.location, PartNumber=number)
            count = part.get("PartsCount", 1)
            together.update(_digest(body, part["ContentLength"], new))
    return answer["ETag"].strip('"'), together.digest(), f"-{count}"


def _digest(body: Any, size: int, new: _New) -> bytes:
    """Compute the checksum of the next ``size`` bytes."""
    checksum = new()
    while size > 0:
        chunk = body.read(min(size, _CHUNK))
        checksum.update(chunk)
        size -= len(chunk) or size  # no more to come: the client tells of what is missing
    return checksum.digest()


_CHUNK: Final = 1 << 20


# ---------------------------------------------------------------- algorithms


class _Checksum(Protocol):
    """As in :mod:`hashlib`."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _ReflectedCrc:
    """A CRC that Python's library does not have: byte by byte, some megabytes in a second.

    ``polynomial`` is written from its lowest power on, the highest left away.
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


_New: TypeAlias = Callable[[], _Checksum]

_ALGORITHMS: Final[dict[str, _New]] = {
    "CRC32": _Crc32,
    "CRC32C": lambda: _ReflectedCrc(0x82F63B78, 4),
    "CRC64NVME": lambda: _ReflectedCrc(0x9A6C9329AC4BC9B5, 8),
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
}
