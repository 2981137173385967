"""``S3PutObjectLegalHold``: set or remove the legal hold of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.operations._base import SUCCESSFUL, look_up

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.jobs._operations import PutObjectLegalHold


def put_object_legal_hold(settings: PutObjectLegalHold, s3: Any) -> S3Operation:
    """Set or remove the legal hold."""
    hold = settings.legal_hold.to_boto3()

    def put(item: ObjectRef) -> Answer:
        look_up(s3, item)
        s3.put_object_legal_hold(**item.location, LegalHold=hold)
        return SUCCESSFUL

    return put
