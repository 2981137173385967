"""``S3ComputeObjectChecksum``: compute the checksum of what is stored, for the report alone.

S3 has no call for it that a client could make, so each object is read.
"""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import Refused
from s3batch_handler.engine.operations._base import CannotRun, refusal_of
from s3batch_handler.engine.operations._checksums import checksum_algorithm

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.engine.operations._checksums import NewChecksum
    from s3batch_handler.jobs._shapes import ComputeObjectChecksum


def compute_object_checksum(asked: ComputeObjectChecksum, s3: Any) -> S3Operation:
    """Compute a full object's checksum, or that of the checksums of its parts.

    By default it is CRC64NVME, as in S3 itself, of the full object.
    """
    algorithm = asked.checksum_algorithm or "CRC64NVME"
    kind = asked.checksum_type or "FULL_OBJECT"
    new = checksum_algorithm(algorithm)
    if kind == "COMPOSITE" and algorithm == "CRC64NVME":
        problem = "S3ComputeObjectChecksum: CRC64NVME is for full objects only"
        raise CannotRun(problem, code="InvalidRequest")
    checksum = _composite if kind == "COMPOSITE" else _full

    def compute(item: ObjectRef) -> Answer:
        try:
            etag, digest, parts = checksum(s3, item, new)
        except Exception as error:  # noqa: BLE001  reported in the form of checksum jobs
            return _failed(refusal_of(error))
        message = {
            "checksum_base64": base64.b64encode(digest).decode() + parts,
            "etag": etag,
            "checksumAlgorithm": algorithm,
            "checksumType": kind,
            "checksum_hex": digest.hex().upper() + parts,
        }
        return Outcome(ResultCode.SUCCEEDED, _to_json(message).replace("=", r"\u003d"))

    return compute


def _failed(refused: Refused) -> Refused:
    """Return a failure as AWS reports it: like a function's, with S3's HTTP status in the message.

    The User Guide has rows with the statuses 400, 404 and 500, each with a task's UUID.
    """
    details = {
        "failureMessage": f"Task {uuid.uuid4()} failed: {refused.error_code}: {refused.reason}",
        "errorCode": str(refused.http_status),
    }
    return Refused(
        200,
        ResultCode.PERMANENT_FAILURE.value,
        f"error details: {_to_json(details)}",
        code=refused.code,
    )


_to_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def _full(s3: Any, item: ObjectRef, new: NewChecksum) -> tuple[str, bytes, str]:
    """Give ETag and checksum of an object."""
    answer = s3.get_object(**item.location)
    with closing(answer["Body"]) as body:
        return answer["ETag"].strip('"'), _digest(body, answer["ContentLength"], new), ""


def _composite(s3: Any, item: ObjectRef, new: NewChecksum) -> tuple[str, bytes, str]:
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


def _digest(body: Any, size: int, new: NewChecksum) -> bytes:
    """Compute the checksum of the next ``size`` bytes."""
    checksum = new()
    while size > 0:
        chunk = body.read(min(size, _CHUNK))
        checksum.update(chunk)
        size -= len(chunk) or size  # no more to come: the client tells of what is missing
    return checksum.digest()


_CHUNK: Final = 1 << 20
