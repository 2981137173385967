"""``S3DeleteObjectTagging``: remove all tags of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.engine.operations._base import call_for_each

if TYPE_CHECKING:
    from s3batch_handler.engine.operations._base import S3Operation, Store


def delete_object_tagging(_: object, store: Store) -> S3Operation:
    """Remove the tags; the operation has no parameters."""
    return call_for_each(store, "delete_object_tagging")
