"""``S3PutObjectTagging``: replace the tags of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.engine.operations._base import call_for_each
from s3batch_handler.engine.operations._delete_object_tagging import delete_object_tagging
from s3batch_handler.jobs._structures import tag_set

if TYPE_CHECKING:
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import PutObjectTagging


def put_object_tagging(settings: PutObjectTagging, store: Store) -> S3Operation:
    """Replace all tags; without new tags, remove them."""
    if not settings.tag_set:  # the same result, and moto fails with an empty set
        return delete_object_tagging(settings, store)
    return call_for_each(store, "put_object_tagging", Tagging={"TagSet": tag_set(settings.tag_set)})
