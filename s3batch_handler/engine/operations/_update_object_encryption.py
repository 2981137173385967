"""``S3UpdateObjectEncryption``: change the KMS key of each object without writing it again."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.engine.operations._base import SUCCESSFUL, CannotRun

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import UpdateObjectEncryption


def update_object_encryption(settings: UpdateObjectEncryption, store: Store) -> S3Operation:
    """Set the key, after a check that this S3 supports the call."""
    if settings.object_encryption is None:
        problem = "S3UpdateObjectEncryption: ObjectEncryption is missing"
        raise CannotRun(problem, code="InvalidRequest")
    encryption = settings.object_encryption.to_boto3()
    s3 = store.s3
    is_supported = False
    first_check = threading.Lock()  # tasks may run in several threads

    def update(item: ObjectRef) -> Answer:
        nonlocal is_supported
        with first_check:
            if not is_supported:
                _check_support(s3, item.bucket, encryption)
                is_supported = True
        s3.update_object_encryption(**item.location, ObjectEncryption=encryption)
        return SUCCESSFUL

    return update


def _check_support(s3: Any, bucket: str, encryption: dict[str, Any]) -> None:
    """Send the request for an object that does not exist, which S3 refuses.

    An S3 that does not support the call treats it as an upload, as moto does, and would overwrite
    the object with the request. Here it creates a new object, which is deleted.
    """
    place = {"Bucket": bucket, "Key": f"s3batch-handler-probe-{uuid.uuid4()}"}
    try:
        response = s3.update_object_encryption(**place, ObjectEncryption=encryption)
    except Exception as error:
        # AccessDenied: S3's error for a missing object without permission to list the bucket.
        if aws_error_code(error) not in ("NoSuchKey", "AccessDenied"):
            raise
        return
    version = response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-version-id")
    s3.delete_object(**place, **({"VersionId": version} if version else {}))
    raise CannotRun(
        "S3UpdateObjectEncryption is not implemented here: "
        "this S3 treats UpdateObjectEncryption as an upload"
    )
