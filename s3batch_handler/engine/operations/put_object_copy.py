"""``S3PutObjectCopy``: copy each object into another bucket, or over itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from s3batch_handler.engine.operations.base import (
    SUCCESSFUL,
    CannotRun,
    grant_headers,
    look_up,
    refused,
)
from s3batch_handler.keys import bucket_name

if TYPE_CHECKING:
    from s3batch_handler.engine.environment import Answer
    from s3batch_handler.engine.operations.base import S3Operation
    from s3batch_handler.model import ObjectRef
    from s3batch_handler.shapes import ObjectMetadata, PutObjectCopy

MAX_COPY_BYTES: Final = 5 * 1024**3
"""Of one CopyObject (S3 API reference). S3 Batch Operations copies nothing larger."""


def put_object_copy(asked: PutObjectCopy, s3: Any) -> S3Operation:
    """Copy with all that CopyObject has for it.

    Size and conditions are looked at here as well: an imitation of S3 may not care about them.
    """
    if asked.target_resource is None:
        raise CannotRun("S3PutObjectCopy: TargetResource is needed", code="InvalidRequest")
    try:
        bucket = bucket_name(asked.target_resource)
    except ValueError as error:
        problem = f"S3PutObjectCopy: TargetResource {error}"
        raise CannotRun(problem, code="InvalidRequest") from error
    arguments = _arguments(asked)
    folder = asked.target_key_prefix or ""
    if folder and not folder.endswith("/"):
        folder += "/"

    def copy(item: ObjectRef) -> Answer:
        original = look_up(
            s3,
            item,
            modified_since=asked.modified_since_constraint,
            unmodified_since=asked.unmodified_since_constraint,
        )
        if original["ContentLength"] > MAX_COPY_BYTES:
            return refused(400, "InvalidRequest", _TOO_LARGE)
        s3.copy_object(
            Bucket=bucket, Key=folder + item.key, CopySource=dict(item.location), **arguments
        )
        return SUCCESSFUL

    return copy


_TOO_LARGE: Final = (
    "The specified copy source is larger than the maximum allowable size for a copy source: "
    f"{MAX_COPY_BYTES}"
)


def _arguments(asked: PutObjectCopy) -> dict[str, Any]:
    """Give what CopyObject is told of the copies, in boto3's names."""
    arguments: dict[str, Any] = {
        "ACL": asked.canned_access_control_list,
        "MetadataDirective": asked.metadata_directive,
        "AnnotationDirective": asked.annotation_directive,
        "CopySourceIfModifiedSince": asked.modified_since_constraint,
        "CopySourceIfUnmodifiedSince": asked.unmodified_since_constraint,
        "WebsiteRedirectLocation": asked.redirect_location,
        "RequestPayer": "requester" if asked.requester_pays else None,
        "StorageClass": asked.storage_class,
        "ObjectLockLegalHoldStatus": asked.object_lock_legal_hold_status,
        "ObjectLockMode": asked.object_lock_mode,
        "ObjectLockRetainUntilDate": asked.object_lock_retain_until_date,
        "ObjectLockEventHold": asked.object_lock_event_hold,
        "BucketKeyEnabled": asked.bucket_key_enabled,
        "ChecksumAlgorithm": asked.checksum_algorithm,
        **grant_headers(asked.access_control_grants or ()),
    }
    if asked.new_object_metadata is not None:
        arguments |= _metadata(asked.new_object_metadata)
        arguments["MetadataDirective"] = asked.metadata_directive or "REPLACE"
    if asked.new_object_tagging is not None:
        arguments["TaggingDirective"] = "REPLACE"
        arguments["Tagging"] = urlencode(asked.new_object_tagging)
    if asked.sse_aws_kms_key_id is not None:
        arguments["ServerSideEncryption"] = "aws:kms"
        arguments["SSEKMSKeyId"] = asked.sse_aws_kms_key_id
    if asked.object_lock_event_hold_duration is not None:
        arguments["ObjectLockEventHoldDurationDays"] = asked.object_lock_event_hold_duration.days
        arguments["ObjectLockEventHoldDurationYears"] = asked.object_lock_event_hold_duration.years
    return {name: value for name, value in arguments.items() if value is not None}


def _metadata(asked: ObjectMetadata) -> dict[str, Any]:
    """Give metadata in boto3's names; AWS has put the rest of the shape out of use."""
    return {
        "CacheControl": asked.cache_control,
        "ContentDisposition": asked.content_disposition,
        "ContentEncoding": asked.content_encoding,
        "ContentLanguage": asked.content_language,
        "ContentType": asked.content_type,
        "Expires": asked.http_expires_date,
        "Metadata": dict(asked.user_metadata or {}),
        "ServerSideEncryption": _ENCRYPTION.get(asked.sse_algorithm or ""),
    }


_ENCRYPTION: Final = {"AES256": "AES256", "KMS": "aws:kms"}
