"""``S3PutObjectCopy``: copy each object to another bucket, or onto itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from s3batch_handler.core._keys import bucket_name, is_directory_bucket
from s3batch_handler.core._model import Outcome
from s3batch_handler.engine.operations._base import (
    SUCCESSFUL,
    CannotRun,
    UnsupportedObject,
    error_of_s3,
    grant_headers,
    look_up,
    service_error,
    without_none,
)
from s3batch_handler.engine.operations._copy_in_parts import Copied, copy_in_parts
from s3batch_handler.engine.operations._ignored_arguments import (
    set_ignored_arguments,
    with_tags_of,
)

if TYPE_CHECKING:
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._answer import Answer, ServiceError
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import PutObjectCopy

MAX_COPY_BYTES: Final = 5 * 1024**3
"""The limit of CopyObject (S3 API reference), and of S3 Batch Operations."""


def put_object_copy(settings: PutObjectCopy, store: Store) -> S3Operation:
    """Copy with all parameters of CopyObject.

    If S3 is an imitation, size and conditions are also checked here. Otherwise an object over 5 GB
    is copied in parts, if S3 refuses to copy it.
    """
    s3 = store.s3
    bucket, folder = _target(settings)
    conditions, arguments = _conditions(settings), _arguments(settings)

    def copy(item: ObjectRef) -> Answer:
        target, chosen = {"Bucket": bucket, "Key": folder + item.key}, arguments
        if store.is_imitation or conditions:
            original = look_up(s3, item, **conditions)
            if store.is_imitation and original["ContentLength"] > MAX_COPY_BYTES:
                return error_of_s3(400, "InvalidRequest", _TOO_LARGE)
        if not store.is_imitation and arguments.get("MetadataDirective") == "REPLACE":
            chosen = with_tags_of(s3, item, arguments)
        try:
            response = s3.copy_object(**target, CopySource=dict(item.location), **chosen)
        except Exception as error:
            failure = service_error(error)
            if failure.http_status == 501 and is_directory_bucket(bucket):
                # S3 cannot copy objects with tags to a directory bucket (User Guide).
                return UnsupportedObject(501, failure.error_code, failure.reason, failure.details)
            if store.is_imitation or not _is_too_large(s3, item, failure, conditions):
                raise
            chosen = with_tags_of(s3, item, arguments)
            copied = copy_in_parts(store, item, target, chosen)
        else:
            copied = Copied(SUCCESSFUL, response.get("VersionId"))
        if not store.is_imitation and isinstance(copied.answer, Outcome):
            set_ignored_arguments(s3, target, copied.version_id, chosen)
        return copied.answer

    return copy


def _is_too_large(
    s3: Any, item: ObjectRef, failure: ServiceError, conditions: dict[str, Any]
) -> bool:
    """Return whether S3 may have refused a copy because of the size of the object."""
    if failure.http_status not in (400, 413) and failure.error_code != "EntityTooLarge":
        return False
    size: int = look_up(s3, item, **conditions)["ContentLength"]
    return size > MAX_COPY_BYTES


_TOO_LARGE: Final = (
    "The specified copy source is larger than the maximum allowable size for a copy source: "
    f"{MAX_COPY_BYTES}"
)


def _target(settings: PutObjectCopy) -> tuple[str, str]:
    """Return the target bucket and the prefix of the keys in it."""
    if settings.target_resource is None:
        raise CannotRun("S3PutObjectCopy: TargetResource is missing", code="InvalidRequest")
    try:
        bucket = bucket_name(settings.target_resource)
    except ValueError as error:
        problem = f"S3PutObjectCopy: TargetResource {error}"
        raise CannotRun(problem, code="InvalidRequest") from error
    folder = settings.target_key_prefix or ""
    return bucket, f"{folder}/" if folder and not folder.endswith("/") else folder


def _conditions(settings: PutObjectCopy) -> dict[str, Any]:
    """Return the conditions for the original objects."""
    return without_none(
        IfModifiedSince=settings.modified_since_constraint,
        IfUnmodifiedSince=settings.unmodified_since_constraint,
        RequestPayer="requester" if settings.requester_pays else None,
    )


def _arguments(settings: PutObjectCopy) -> dict[str, Any]:
    """Return the other parameters of boto3's ``copy_object``."""
    duration = settings.object_lock_event_hold_duration
    return without_none(
        ACL=settings.canned_access_control_list,
        AnnotationDirective=settings.annotation_directive,
        CopySourceIfModifiedSince=settings.modified_since_constraint,
        CopySourceIfUnmodifiedSince=settings.unmodified_since_constraint,
        WebsiteRedirectLocation=settings.redirect_location,
        RequestPayer="requester" if settings.requester_pays else None,
        StorageClass=settings.storage_class,
        ObjectLockLegalHoldStatus=settings.object_lock_legal_hold_status,
        ObjectLockMode=settings.object_lock_mode,
        ObjectLockRetainUntilDate=settings.object_lock_retain_until_date,
        ObjectLockEventHold=settings.object_lock_event_hold,
        ObjectLockEventHoldDurationDays=duration and duration.days,
        ObjectLockEventHoldDurationYears=duration and duration.years,
        SSEKMSKeyId=settings.sse_aws_kms_key_id,
        BucketKeyEnabled=settings.bucket_key_enabled,
        ChecksumAlgorithm=settings.checksum_algorithm,
        **_metadata(settings),
        **_tags(settings),
        **grant_headers(settings.access_control_grants or ()),
    )


def _metadata(settings: PutObjectCopy) -> dict[str, Any]:
    """Return metadata and encryption, which one shape contains.

    The other members of the shape are deprecated.
    """
    algorithm = "aws:kms" if settings.sse_aws_kms_key_id is not None else None
    new = settings.new_object_metadata
    if new is None:
        return {"MetadataDirective": settings.metadata_directive, "ServerSideEncryption": algorithm}
    return {
        "MetadataDirective": settings.metadata_directive or "REPLACE",
        "CacheControl": new.cache_control,
        "ContentDisposition": new.content_disposition,
        "ContentEncoding": new.content_encoding,
        "ContentLanguage": new.content_language,
        "ContentType": new.content_type,
        "Expires": new.http_expires_date,
        "Metadata": dict(new.user_metadata or {}),
        "ServerSideEncryption": algorithm or _ENCRYPTION.get(new.sse_algorithm or ""),
    }


def _tags(settings: PutObjectCopy) -> dict[str, Any]:
    if settings.new_object_tagging is None:
        return {}
    return {"TaggingDirective": "REPLACE", "Tagging": urlencode(settings.new_object_tagging)}


_ENCRYPTION: Final = {"AES256": "AES256", "KMS": "aws:kms"}
