"""The tags of objects: a listing does not contain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._aws_errors import aws_error_code

if TYPE_CHECKING:
    from collections.abc import Mapping


def tags_of_object(s3: Any, found: Mapping[str, Any], **bucket: str) -> dict[str, str]:
    """Return the tags of an object; none if it was deleted meanwhile.

    Args:
        s3: An S3 client.
        found: The object, as a listing describes it.
        bucket: Parameters of boto3's GetObjectTagging, such as ``Bucket``.
    """
    try:
        response = s3.get_object_tagging(**bucket, **location_of(found))
    except Exception as error:
        if aws_error_code(error) in GONE:
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in response["TagSet"]}


GONE: Final = ("404", "NoSuchKey", "NoSuchVersion")


def location_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the ``Key``, and the ``VersionId`` if it is needed, of an object of a listing."""
    version = found.get("VersionId")
    if version is None or (version == "null" and found["IsLatest"]):
        return {"Key": found["Key"]}  # a bucket without versioning may not accept "null"
    return {"Key": found["Key"], "VersionId": version}
