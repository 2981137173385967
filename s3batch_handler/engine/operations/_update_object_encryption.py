"""``S3UpdateObjectEncryption``: give each object another KMS key, without writing it anew."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._classification import aws_error_code
from s3batch_handler.engine.operations._base import SUCCESSFUL, CannotRun

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.jobs._shapes import UpdateObjectEncryption


def update_object_encryption(asked: UpdateObjectEncryption, s3: Any) -> S3Operation:
    """Set the key, once it is known that S3 understands."""
    if asked.object_encryption is None:
        problem = "S3UpdateObjectEncryption: ObjectEncryption is needed"
        raise CannotRun(problem, code="InvalidRequest")
    encryption = asked.object_encryption.to_wire()
    is_understood = False

    def update(item: ObjectRef) -> Answer:
        nonlocal is_understood
        if not is_understood:
            _check_that_it_is_understood(s3, item.bucket, encryption)
            is_understood = True
        s3.update_object_encryption(**item.location, ObjectEncryption=encryption)
        return SUCCESSFUL

    return update


def _check_that_it_is_understood(s3: Any, bucket: str, encryption: dict[str, Any]) -> None:
    """Ask for an object that is not there: S3 refuses.

    An S3 that does not know the call takes it for an upload, as moto does, and would put the
    request in the object's place. Here it makes an object of its own, which is deleted.
    """
    place = {"Bucket": bucket, "Key": f"s3batch-handler-probe-{uuid.uuid4()}"}
    try:
        answer = s3.update_object_encryption(**place, ObjectEncryption=encryption)
    except Exception as error:
        # The latter is what S3 says of a missing object to those who may not list the bucket.
        if aws_error_code(error) not in ("NoSuchKey", "AccessDenied"):
            raise
        return
    version = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-version-id")
    s3.delete_object(**place, **({"VersionId": version} if version else {}))
    raise CannotRun(
        "S3UpdateObjectEncryption is not implemented here: "
        "this S3 takes UpdateObjectEncryption for an upload"
    )
