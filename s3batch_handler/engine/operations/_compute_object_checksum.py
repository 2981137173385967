"""``S3ComputeObjectChecksum``: compute the checksum of each object, for the report.

S3's API has no call for it, so each object is read.
"""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import ServiceError
from s3batch_handler.engine.invoke._call_threads import Stopped
from s3batch_handler.engine.operations._base import CannotRun, service_error
from s3batch_handler.engine.operations._checksums import checksum_algorithm

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.engine.operations._checksums import NewChecksum
    from s3batch_handler.jobs._operations import ComputeObjectChecksum


def compute_object_checksum(settings: ComputeObjectChecksum, store: Store) -> S3Operation:
    """Compute the checksum of the full object, or of the checksums of its parts.

    Default: CRC64NVME of the full object, as in S3.
    """
    algorithm = settings.checksum_algorithm or "CRC64NVME"
    kind = settings.checksum_type or "FULL_OBJECT"
    new = checksum_algorithm(algorithm)
    if kind == "COMPOSITE" and algorithm == "CRC64NVME":
        problem = "S3ComputeObjectChecksum: CRC64NVME supports FULL_OBJECT only, not COMPOSITE"
        raise CannotRun(problem, code="InvalidRequest")
    checksum = _composite if kind == "COMPOSITE" else _full

    def compute(item: ObjectRef) -> Answer:
        try:
            etag, digest, parts = checksum(store.s3, item, new)
        except Stopped:
            raise
        except Exception as error:  # reported in the form of checksum jobs
            return _failed(service_error(error))
        message = {
            "checksum_base64": base64.b64encode(digest).decode() + parts,
            "etag": etag,
            "checksumAlgorithm": algorithm,
            "checksumType": kind,
            "checksum_hex": digest.hex().upper() + parts,
        }
        return Outcome(ResultCode.SUCCEEDED, _to_json(message).replace("=", r"\u003d"))

    return compute


def _failed(error: ServiceError) -> ServiceError:
    """Return a failure as AWS reports it: like a function's, with S3's HTTP status in the message.

    The User Guide has rows with the statuses 400, 404 and 500, each with a task's UUID.
    """
    details = {
        "failureMessage": f"Task {uuid.uuid4()} failed: {error.error_code}: {error.reason}",
        "errorCode": str(error.http_status),
    }
    return ServiceError(
        200,
        ResultCode.PERMANENT_FAILURE.value,
        f"error details: {_to_json(details)}",
        code=error.code,
    )


_to_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def _full(s3: Any, item: ObjectRef, new: NewChecksum) -> tuple[str, bytes, str]:
    """Return ETag and checksum of an object."""
    response = s3.get_object(**item.location)
    with closing(response["Body"]) as body:
        return response["ETag"].strip('"'), _digest(body, response["ContentLength"], new), ""


def _composite(s3: Any, item: ObjectRef, new: NewChecksum) -> tuple[str, bytes, str]:
    """Return ETag, checksum of the checksums of an object's parts, and the number of parts."""
    composite, number, count = new(), 0, 1
    response = s3.get_object(**item.location)
    with closing(response["Body"]) as body:
        while number < count:
            number += 1
            part = s3.head_object(**item.location, PartNumber=number)
            count = part.get("PartsCount", 1)
            composite.update(_digest(body, part["ContentLength"], new))
    return response["ETag"].strip('"'), composite.digest(), f"-{count}"


def _digest(body: Any, size: int, new: NewChecksum) -> bytes:
    """Compute the checksum of the next ``size`` bytes."""
    checksum = new()
    while size > 0:
        chunk = body.read(min(size, _CHUNK))
        checksum.update(chunk)
        size -= len(chunk) or size  # the stream has ended: the client reports missing bytes
    return bytes(checksum.digest())


_CHUNK: Final = 1 << 20
