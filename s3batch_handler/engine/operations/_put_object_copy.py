"""``S3PutObjectCopy``: copy each object into another bucket, or over itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from s3batch_handler.core._keys import bucket_name, is_directory_bucket
from s3batch_handler.engine.operations._base import (
    SUCCESSFUL,
    CannotRun,
    RefusedObject,
    given,
    grant_headers,
    look_up,
    refusal_of,
    refused_by_s3,
)

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer
    from s3batch_handler.engine.operations._base import S3Operation
    from s3batch_handler.jobs._shapes import PutObjectCopy

MAX_COPY_BYTES: Final = 5 * 1024**3
"""Of one CopyObject (S3 API reference). S3 Batch Operations copies nothing larger."""


def put_object_copy(asked: PutObjectCopy, s3: Any) -> S3Operation:
    """Copy with all that CopyObject has for it.

    Size and conditions are looked at here as well: an imitation of S3 may not care about them.
    """
    bucket, folder = _target(asked)
    conditions, arguments = _conditions(asked), _arguments(asked)

    def copy(item: ObjectRef) -> Answer:
        original = look_up(s3, item, **conditions)
        if original["ContentLength"] > MAX_COPY_BYTES:
            return refused_by_s3(400, "InvalidRequest", _TOO_LARGE)
        try:
            s3.copy_object(
                Bucket=bucket, Key=folder + item.key, CopySource=dict(item.location), **arguments
            )
        except Exception as error:
            refused = refusal_of(error)
            if refused.http_status != 501 or not is_directory_bucket(bucket):
                raise
            # S3 copies objects with tags to no directory bucket, but other objects (User Guide).
            return RefusedObject(501, refused.error_code, refused.reason, refused.details)
        return SUCCESSFUL

    return copy


_TOO_LARGE: Final = (
    "The specified copy source is larger than the maximum allowable size for a copy source: "
    f"{MAX_COPY_BYTES}"
)


def _target(asked: PutObjectCopy) -> tuple[str, str]:
    """Give the bucket, and what stands before the keys there."""
    if asked.target_resource is None:
        raise CannotRun("S3PutObjectCopy: TargetResource is needed", code="InvalidRequest")
    try:
        bucket = bucket_name(asked.target_resource)
    except ValueError as error:
        problem = f"S3PutObjectCopy: TargetResource {error}"
        raise CannotRun(problem, code="InvalidRequest") from error
    folder = asked.target_key_prefix or ""
    return bucket, f"{folder}/" if folder and not folder.endswith("/") else folder


def _conditions(asked: PutObjectCopy) -> dict[str, Any]:
    """Give what is asked of the originals."""
    return given(
        IfModifiedSince=asked.modified_since_constraint,
        IfUnmodifiedSince=asked.unmodified_since_constraint,
        RequestPayer="requester" if asked.requester_pays else None,
    )


def _arguments(asked: PutObjectCopy) -> dict[str, Any]:
    """Give what CopyObject is told, in boto3's names."""
    duration = asked.object_lock_event_hold_duration
    return given(
        ACL=asked.canned_access_control_list,
        AnnotationDirective=asked.annotation_directive,
        CopySourceIfModifiedSince=asked.modified_since_constraint,
        CopySourceIfUnmodifiedSince=asked.unmodified_since_constraint,
        WebsiteRedirectLocation=asked.redirect_location,
        RequestPayer="requester" if asked.requester_pays else None,
        StorageClass=asked.storage_class,
        ObjectLockLegalHoldStatus=asked.object_lock_legal_hold_status,
        ObjectLockMode=asked.object_lock_mode,
        ObjectLockRetainUntilDate=asked.object_lock_retain_until_date,
        ObjectLockEventHold=asked.object_lock_event_hold,
        ObjectLockEventHoldDurationDays=duration and duration.days,
        ObjectLockEventHoldDurationYears=duration and duration.years,
        SSEKMSKeyId=asked.sse_aws_kms_key_id,
        BucketKeyEnabled=asked.bucket_key_enabled,
        ChecksumAlgorithm=asked.checksum_algorithm,
        **_metadata(asked),
        **_tags(asked),
        **grant_headers(asked.access_control_grants or ()),
    )


def _metadata(asked: PutObjectCopy) -> dict[str, Any]:
    """Give metadata and encryption, which are asked for together.

    AWS has put the rest of the shape out of use.
    """
    algorithm = "aws:kms" if asked.sse_aws_kms_key_id is not None else None
    new = asked.new_object_metadata
    if new is None:
        return {"MetadataDirective": asked.metadata_directive, "ServerSideEncryption": algorithm}
    return {
        "MetadataDirective": asked.metadata_directive or "REPLACE",
        "CacheControl": new.cache_control,
        "ContentDisposition": new.content_disposition,
        "ContentEncoding": new.content_encoding,
        "ContentLanguage": new.content_language,
        "ContentType": new.content_type,
        "Expires": new.http_expires_date,
        "Metadata": dict(new.user_metadata or {}),
        "ServerSideEncryption": algorithm or _ENCRYPTION.get(new.sse_algorithm or ""),
    }


def _tags(asked: PutObjectCopy) -> dict[str, Any]:
    if asked.new_object_tagging is None:
        return {}
    return {"TaggingDirective": "REPLACE", "Tagging": urlencode(asked.new_object_tagging)}


_ENCRYPTION: Final = {"AES256": "AES256", "KMS": "aws:kms"}
