"""Lists of the objects in a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._model import ObjectRef
from s3batch_handler.jobs.listing._filter import ObjectFilter
from s3batch_handler.jobs.listing._tags import tags_of_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def list_objects(
    s3: Any,
    bucket: str,
    prefix: str = "",
    *,
    version_ids: bool = False,
    where: ObjectFilter | None = None,
) -> Iterator[ObjectRef]:
    """Yield the latest version of each object whose key begins with ``prefix``.

    Args:
        s3: An S3 client.
        bucket: The name of the bucket.
        prefix: The beginning of the keys.
        version_ids: Include version IDs; ``"null"`` is the version from before versioning. This
            lists older versions, too, and requires the permission ``s3:ListBucketVersions``.
        where: Conditions on the objects. A condition on tags sends a request for each object that
            meets the others.
    """
    where = where or ObjectFilter()
    is_selected = where.predicate()
    for item in list_bucket(s3, all_versions=version_ids, Bucket=bucket, Prefix=prefix):
        if not item.get("IsLatest", True) or not is_selected(item):
            continue
        if where.tags and not where.has_tags(tags_of_object(s3, item, Bucket=bucket)):
            continue
        yield ObjectRef(bucket=bucket, key=item["Key"], version_id=item.get("VersionId"))


def list_bucket(s3: Any, *, all_versions: bool, **arguments: str) -> Iterator[Mapping[str, Any]]:
    """Yield S3's descriptions of objects, or of all their versions without delete markers.

    Args:
        s3: An S3 client.
        all_versions: List older versions, too.
        arguments: Parameters of boto3's ListObjectsV2 and ListObjectVersions, such as ``Bucket``.
    """
    call = "list_object_versions" if all_versions else "list_objects_v2"
    for page in s3.get_paginator(call).paginate(**arguments):
        yield from page.get("Versions" if all_versions else "Contents", ())
