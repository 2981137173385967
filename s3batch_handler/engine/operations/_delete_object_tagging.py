"""``S3DeleteObjectTagging``: remove all tags of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.operations._base import SUCCESSFUL, look_up

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation


def delete_object_tagging(_: object, s3: Any) -> S3Operation:
    """Remove the tags; the operation has no parameters."""

    def delete(item: ObjectRef) -> Answer:
        look_up(s3, item)
        s3.delete_object_tagging(**item.location)
        return SUCCESSFUL

    return delete
