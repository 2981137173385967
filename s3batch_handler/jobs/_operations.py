"""The operations of S3 Batch Operations, as CreateJob and DescribeJob spell them."""

# Without `from __future__ import annotations`: pydantic would compile each annotation at every
# start, which takes most of the time of an import.

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator

from s3batch_handler.core._typing import override
from s3batch_handler.jobs._structures import (
    LENIENT,
    ChecksumAlgorithm,
    Constraints,
    EmptyStructure,
    KmsKeyArn,
    KmsKeyId,
    OnOrOff,
    RetentionMode,
    StorageClass,
    Structure,
    TaggedUnion,
    Tags,
    Text1024,
    enum,
)


class LambdaInvoke(Structure):
    """Invoke a Lambda function for each object.

    Attributes:
        function_arn: An ARN, partial ARN or name, each with or without ``:qualifier``.
        invocation_schema_version: ``"1.0"`` or ``"2.0"``; ``None`` means ``"1.0"``.
        user_arguments: Requires schema version 2.0.
    """

    function_arn: (
        Annotated[
            str,
            Constraints(
                1,
                1024,
                r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
                r"([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-[0-9]{1}:)?([0-9]{12}:)?(function:)?"
                r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?",
            ),
        ]
        | None
    ) = None
    invocation_schema_version: Annotated[str, Constraints(1, 64)] | None = None
    user_arguments: (
        Annotated[
            Mapping[Annotated[str, Constraints(1, 64)], Annotated[str, Constraints(max=1024)]],
            Constraints(1, 10),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _can_be_invoked(self, info: ValidationInfo) -> Self:
        if info.context is LENIENT:
            return self
        if self.function_arn is None:
            raise ValueError("FunctionArn is required")
        if self.invocation_schema_version not in (None, "1.0", "2.0"):
            raise ValueError("InvocationSchemaVersion must be 1.0 or 2.0")
        if self.user_arguments is not None and self.invocation_schema_version != "2.0":
            raise ValueError("UserArguments require InvocationSchemaVersion 2.0")
        return self


class Grantee(Structure):
    """The receiver of a permission."""

    type_identifier: Annotated[str, enum("id", "emailAddress", "uri")] | None = None
    identifier: Text1024 | None = None
    display_name: Text1024 | None = None


class Grant(Structure):
    """A permission on an object, and its receiver."""

    grantee: Grantee | None = None
    permission: (
        Annotated[str, enum("FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP")] | None
    ) = None


CannedAcl = Annotated[
    str,
    enum(
        "private",
        "public-read",
        "public-read-write",
        "aws-exec-read",
        "authenticated-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ),
]


class ObjectMetadata(Structure):
    """Metadata that replaces the metadata of the original in a copy."""

    cache_control: Text1024 | None = None
    content_disposition: Text1024 | None = None
    content_encoding: Text1024 | None = None
    content_language: Text1024 | None = None
    user_metadata: (
        Annotated[Mapping[Text1024, Annotated[str, Constraints(max=1024)]], Constraints(max=8192)]
        | None
    ) = None
    content_length: Annotated[int, Constraints(0)] | None = None
    content_md5: Text1024 | None = None
    content_type: Text1024 | None = None
    http_expires_date: datetime | None = None
    requester_charged: bool | None = None
    sse_algorithm: Annotated[str, enum("AES256", "KMS")] | None = None


class EventHoldDuration(Structure):
    """The time for which an object remains locked after an event."""

    days: Annotated[int, Constraints(1, 36500)] | None = None
    years: Annotated[int, Constraints(1, 100)] | None = None


class PutObjectCopy(Structure):
    """Copy each object."""

    target_resource: Annotated[str, Constraints(1, 128, r"arn:[^:]+:(s3|s3express):.*")] | None = (
        None
    )
    canned_access_control_list: CannedAcl | None = None
    access_control_grants: tuple[Grant, ...] | None = None
    metadata_directive: Annotated[str, enum("COPY", "REPLACE")] | None = None
    annotation_directive: Annotated[str, enum("COPY", "EXCLUDE")] | None = None
    modified_since_constraint: datetime | None = None
    new_object_metadata: ObjectMetadata | None = None
    new_object_tagging: Tags | None = None
    redirect_location: Annotated[str, Constraints(1, 2048)] | None = None
    requester_pays: bool | None = None
    storage_class: StorageClass | None = None
    unmodified_since_constraint: datetime | None = None
    sse_aws_kms_key_id: KmsKeyId | None = None
    target_key_prefix: Text1024 | None = None
    object_lock_legal_hold_status: OnOrOff | None = None
    object_lock_mode: RetentionMode | None = None
    object_lock_retain_until_date: datetime | None = None
    bucket_key_enabled: bool | None = None
    checksum_algorithm: ChecksumAlgorithm | None = None
    object_lock_event_hold: OnOrOff | None = None
    object_lock_event_hold_duration: EventHoldDuration | None = None


class Owner(Structure):
    """The owner of an object."""

    id: Text1024 | None = None
    display_name: Text1024 | None = None


class AccessControlList(Structure):
    """Owner and grants."""

    owner: Owner
    grants: tuple[Grant, ...] | None = None


class AccessControlPolicy(Structure):
    """An access control list, or the name of a canned one."""

    access_control_list: AccessControlList | None = None
    canned_access_control_list: CannedAcl | None = None


class PutObjectAcl(Structure):
    """Replace the access control list of each object."""

    access_control_policy: AccessControlPolicy | None = None


class PutObjectTagging(Structure):
    """Replace the tags of each object; an empty tag set is valid."""

    tag_set: Tags | None = None


class InitiateRestoreObject(Structure):
    """Restore each object from Glacier."""

    expiration_in_days: Annotated[int, Constraints(0)] | None = None
    glacier_job_tier: Annotated[str, enum("BULK", "STANDARD")] | None = None


class LegalHold(Structure):
    """The status of a legal hold."""

    status: OnOrOff


class PutObjectLegalHold(Structure):
    """Set or remove the legal hold of each object."""

    legal_hold: LegalHold


class Retention(Structure):
    """The time until which an object cannot be deleted."""

    retain_until_date: datetime | None = None
    mode: RetentionMode | None = None
    event_hold: OnOrOff | None = None
    event_hold_duration: EventHoldDuration | None = None


class PutObjectRetention(Structure):
    """Set the retention of each object."""

    bypass_governance_retention: bool | None = None
    retention: Retention


class ComputeObjectChecksum(Structure):
    """Compute the checksum of each object."""

    checksum_algorithm: ChecksumAlgorithm | None = None
    checksum_type: Annotated[str, enum("FULL_OBJECT", "COMPOSITE")] | None = None


class UpdateSseKms(Structure):
    """The KMS key of an encryption."""

    kms_key_arn: KmsKeyArn = Field(validation_alias="KMSKeyArn", serialization_alias="KMSKeyArn")
    bucket_key_enabled: bool | None = None


class ObjectEncryption(Structure):
    """The new encryption of an object."""

    sse_kms: UpdateSseKms | None = None


class UpdateObjectEncryption(Structure):
    """Change the encryption of each object."""

    object_encryption: ObjectEncryption | None = None


class Operation(TaggedUnion):
    """The operation of a job.

    An operation that is not in this list passes validation: AWS may support it, and the local
    engine rejects it.
    """

    lambda_invoke: LambdaInvoke | None = None
    s3_put_object_copy: PutObjectCopy | None = None
    s3_put_object_acl: PutObjectAcl | None = None
    s3_put_object_tagging: PutObjectTagging | None = None
    s3_delete_object_tagging: EmptyStructure | None = None
    s3_initiate_restore_object: InitiateRestoreObject | None = None
    s3_put_object_legal_hold: PutObjectLegalHold | None = None
    s3_put_object_retention: PutObjectRetention | None = None
    s3_replicate_object: EmptyStructure | None = None
    s3_compute_object_checksum: ComputeObjectChecksum | None = None
    s3_update_object_encryption: UpdateObjectEncryption | None = None

    @model_validator(mode="after")
    @override
    def _is_known(self) -> Self:
        return self
