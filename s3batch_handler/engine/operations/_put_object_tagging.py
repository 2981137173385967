"""``S3PutObjectTagging``: replace the tags of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.operations._base import SUCCESSFUL, look_up
from s3batch_handler.engine.operations._delete_object_tagging import delete_object_tagging
from s3batch_handler.jobs._shapes import tag_set

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.jobs._shapes import PutObjectTagging


def put_object_tagging(asked: PutObjectTagging, s3: Any) -> S3Operation:
    """Put tags in the place of all there were; without any tag, take those off."""
    if not asked.tag_set:  # comes to the same, and moto breaks down at an empty set
        return delete_object_tagging(asked, s3)
    tagging = {"TagSet": tag_set(asked.tag_set)}

    def put(item: ObjectRef) -> Answer:
        look_up(s3, item)
        s3.put_object_tagging(**item.location, Tagging=tagging)
        return SUCCESSFUL

    return put
