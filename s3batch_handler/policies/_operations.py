"""The permissions that the operations of S3 Batch Operations need on the objects.

Sources: S3 User Guide, "Granting permissions for Batch Operations" and "Configuring an IAM role for
S3 Batch Replication"; the API reference of the calls that S3 makes for each object (CopyObject,
PutObjectRetention, UpdateObjectEncryption, …), which lists their permissions. The samples of the
guide have two actions on ``bucket/*`` that IAM defines for buckets, so that they allow nothing:
``s3:GetBucketLocation``, which is left out, and ``s3:GetBucketObjectLockConfiguration``, which is
allowed on the bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.policies._resources import (
    IncompleteJob,
    Place,
    key_account,
    key_resource,
)
from s3batch_handler.policies._statements import allow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._statements import Statement


def operation_statements(job: JobAccess) -> Iterator[Statement]:
    """Yield the statements for the role of a job that its operation needs.

    Raises:
        IncompleteJob: The operation is not known, or the job does not name the objects.
    """
    if job.operation not in _OPERATIONS:
        raise IncompleteJob(
            f"the permissions of the operation {job.operation} are not known: "
            "write the policy by hand"
        )
    yield from _OPERATIONS[job.operation](job)


def _invoke(job: JobAccess) -> Iterator[Statement]:
    # For directory buckets, too: "Using Batch Operations with directory buckets" in the guide asks
    # for s3express:CreateSession for copies only; a function needs it for its own calls.
    # A policy for the function's ARN does not allow a call by a version or an alias, and the
    # reverse (Lambda Developer Guide, "Fine-tuning the Resources and Conditions sections").
    if job.function is not None:
        yield allow("InvokeFunction", "lambda:InvokeFunction", job.function.arn)


def _copy(job: JobAccess) -> Iterator[Statement]:
    target = Place.parse(job.settings.get("TargetResource") or "")
    target = target._replace(prefix=job.settings.get("TargetKeyPrefix") or "")
    general = [place for place in job.sources if not place.is_directory_bucket]
    copies_annotations = (  # CopyObject in the API reference: COPY is the default
        general
        and not target.is_directory_bucket
        and job.settings.get("AnnotationDirective") != "EXCLUDE"
    )
    if general:
        reads = ["GetObject", "GetObjectAcl", "GetObjectTagging"]
        reads += ["GetObjectAnnotation"] if copies_annotations else []
        buckets = [place.bucket_arn(job.home) for place in general]
        yield allow("DistinguishMissingFromForbidden", "s3:ListBucket", buckets)
        yield _on_objects(job, "ReadObjects", reads, general)
    for place in job.sources:
        if place.is_directory_bucket:
            # CopyObject in the API reference allows this mode for the source.
            yield allow(
                "ReadFromDirectoryBucket",
                "s3express:CreateSession",
                place.bucket_arn(job.home),
                {"StringEquals": {"s3express:SessionMode": "ReadOnly"}},
            )
    # CopyObject in the API reference requires both actions for directory buckets. It does not say
    # which service calls KMS for them.
    both = ["kms:Decrypt", "kms:GenerateDataKey"]
    via_s3 = not any(place.is_directory_bucket for place in (target, *job.sources))
    actions = ["kms:Decrypt"] if len(general) == len(job.sources) else both
    source_key = job.options.source_key
    yield from _key_statements(job, "DecryptObjects", actions, source_key, via_s3=via_s3)
    key = job.settings.get("SSEAwsKmsKeyId") or job.options.target_key
    if target.is_directory_bucket:
        yield allow(
            "WriteToDirectoryBucket", "s3express:CreateSession", target.bucket_arn(job.home)
        )
        yield from _key_statements(job, "EncryptCopies", both, key, via_s3=via_s3)
    else:
        writes = [f"s3:{action}" for action in _writes_of_copy(job)]
        writes += ["s3:PutObjectAnnotation"] if copies_annotations else []
        yield allow("WriteCopies", writes, target.objects_arn(job.home))
        actions = ["kms:GenerateDataKey"]
        yield from _key_statements(job, "EncryptCopies", actions, key, via_s3=via_s3)


def _writes_of_copy(job: JobAccess) -> Iterator[str]:
    yield from ("PutObject", "PutObjectTagging")
    settings = job.settings
    if settings.get("CannedAccessControlList") or settings.get("AccessControlGrants"):
        yield "PutObjectAcl"
    if settings.get("ObjectLockLegalHoldStatus"):
        yield "PutObjectLegalHold"
    if any(name in settings for name in _RETENTION_OF_COPY):
        yield "PutObjectRetention"


_RETENTION_OF_COPY: Final = (
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockEventHold",
    "ObjectLockEventHoldDuration",
)


def _one_call(sid: str, action: str) -> Callable[[JobAccess], Iterator[Statement]]:
    """Create the statements of an operation that makes one call for each object."""
    return lambda job: iter([_on_objects(job, sid, [action])])


def _legal_hold(job: JobAccess) -> Iterator[Statement]:
    yield _object_lock(job)
    yield _on_objects(job, "SetLegalHolds", ["PutObjectLegalHold"])


def _retention(job: JobAccess) -> Iterator[Statement]:
    yield _object_lock(job)
    actions = ["PutObjectRetention"]
    if job.settings.get("BypassGovernanceRetention"):
        actions.append("BypassGovernanceRetention")
    yield _on_objects(job, "SetRetentions", actions)


def _object_lock(job: JobAccess) -> Statement:
    """Allow S3 to check that the buckets have Object Lock, as it does before the first task.

    Raises:
        IncompleteJob: Only access points are known.
    """
    buckets = [place.bucket_arn(job.home) for place in _without_access_points(job)]
    return allow("CheckObjectLock", "s3:GetBucketObjectLockConfiguration", buckets)


def _replicate(job: JobAccess) -> Iterator[Statement]:
    # The role of the replication configuration copies the objects, not the role of the job.
    # IAM defines the action for the objects of buckets only.
    places = _without_access_points(job)
    yield _on_objects(job, "ReplicateObjects", ["InitiateReplication"], places)


def _without_access_points(job: JobAccess) -> list[Place]:
    """Return the buckets of the objects.

    Raises:
        IncompleteJob: Only access points are known.
    """
    places = [place for place in job.sources if not place.is_access_point]
    if not places:
        raise IncompleteJob(
            f"{job.operation} needs a permission on the bucket behind the access point: "
            "pass --bucket NAME, too"
        )
    return places


def _checksum(job: JobAccess) -> Iterator[Statement]:
    yield _on_objects(job, "ReadObjects", ["GetObject", "RestoreObject"])
    yield from _key_statements(job, "DecryptObjects", ["kms:Decrypt"], job.options.source_key)


def _update_encryption(job: JobAccess) -> Iterator[Statement]:
    yield _on_objects(job, "UpdateEncryption", ["UpdateObjectEncryption"])
    encryption = job.settings.get("ObjectEncryption") or {}
    key = (encryption.get("SSEKMS") or encryption.get("SSE-KMS") or {}).get("KMSKeyArn")
    actions = ["Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"]
    yield from _key_statements(job, "ReEncrypt", [f"kms:{action}" for action in actions], key)
    yield from _key_statements(
        job, "ReEncryptFromOldKey", ["kms:Decrypt", "kms:ReEncryptFrom"], job.options.source_key
    )
    account = key_account(key or "", job.home)
    if account != job.home.account:  # the API reference requires it, for a key of the organization
        yield allow(
            "CheckAccountOfKey",
            "organizations:DescribeAccount",
            f"arn:{job.home.partition}:organizations::*:account/o-*/{account}",
        )


_OPERATIONS: Final[dict[str, Callable[[JobAccess], Iterator[Statement]]]] = {
    "LambdaInvoke": _invoke,
    "S3PutObjectCopy": _copy,
    "S3PutObjectAcl": _one_call("ReplaceAcls", "PutObjectAcl"),
    "S3PutObjectTagging": _one_call("ReplaceTags", "PutObjectTagging"),
    "S3DeleteObjectTagging": _one_call("DeleteTags", "DeleteObjectTagging"),
    "S3InitiateRestoreObject": _one_call("RestoreObjects", "RestoreObject"),
    "S3PutObjectLegalHold": _legal_hold,
    "S3PutObjectRetention": _retention,
    "S3ReplicateObject": _replicate,
    "S3ComputeObjectChecksum": _checksum,
    "S3UpdateObjectEncryption": _update_encryption,
}


# ---------------------------------------------------------------- statements


def _on_objects(
    job: JobAccess, sid: str, actions: Iterable[str], places: Iterable[Place] | None = None
) -> Statement:
    """Allow actions on the objects, and on their versions if the manifest has versions.

    Raises:
        IncompleteJob: A bucket is a directory bucket, which supports copies and functions only.
    """
    places = job.sources if places is None else [*places]
    for place in places:
        if place.is_directory_bucket:
            raise IncompleteJob(
                f"{job.operation} does not support directory buckets, as {place.bucket}: "
                "name another bucket"
            )
    names = [*actions]
    if job.has_versions:
        names += [VERSION_ACTIONS[name] for name in names if name in VERSION_ACTIONS]
    resources = [place.objects_arn(job.home) for place in places]
    return allow(sid, [f"s3:{name}" for name in names], resources)


VERSION_ACTIONS: Final = {
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectTagging": "GetObjectVersionTagging",
    "GetObjectAnnotation": "GetObjectVersionAnnotation",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
}
"""The actions on versions; the other actions are the same for objects and versions."""


def _key_statements(
    job: JobAccess, sid: str, actions: Iterable[str], key: str | None, *, via_s3: bool = True
) -> Iterator[Statement]:
    if key:
        resource, conditions = key_resource(key, job.home, via_s3=via_s3)
        yield allow(sid, actions, resource, conditions)
