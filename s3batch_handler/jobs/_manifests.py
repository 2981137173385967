"""The manifest of a job, or how S3 generates it, as CreateJob and DescribeJob spell them."""

# Without `from __future__ import annotations`: pydantic would compile each annotation at every
# start, which takes most of the time of an import.

from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import ValidationInfo, model_validator

from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.jobs._structures import (
    LENIENT,
    AccountId,
    BucketArn,
    Constraints,
    EmptyStructure,
    KmsKeyArn,
    KmsKeyId,
    StorageClass,
    Structure,
    TaggedUnion,
    Text1024,
    enum,
)

CSV_MANIFEST: Final = "S3BatchOperations_CSV_20180820"
INVENTORY_MANIFEST: Final = "S3InventoryReport_CSV_20161130"
"""The formats of manifests."""


class ManifestLocation(Structure):
    """The object that contains the manifest.

    Attributes:
        etag: The ETag of the object, without quotes. If it differs, the job fails.
    """

    object_arn: Annotated[str, Constraints(1, 2000, r"arn:[^:]+:s3:.*")]
    object_version_id: Annotated[str, Constraints(1, 2000)] | None = None
    etag: Text1024

    @property
    def object(self) -> ObjectRef:
        """Return the object as bucket, key and version ID.

        Raises:
            ValueError: The ARN is not that of an object.
        """
        bucket, slash, key = self.object_arn.partition(
            "/object/" if ":accesspoint/" in self.object_arn else "/"
        )
        if not slash or not key:
            raise ValueError("must contain a bucket and a key")
        return ObjectRef(bucket=bucket_name(bucket), key=key, version_id=self.object_version_id)

    @model_validator(mode="after")
    def _names_an_object(self, info: ValidationInfo) -> Self:
        if info.context is not LENIENT:
            try:
                _ = self.object
            except ValueError as error:
                raise ValueError(f"ObjectArn {error}") from None
        return self


class ManifestSpec(Structure):
    """The format of a manifest.

    Attributes:
        fields: The columns of a CSV manifest.
    """

    format: Annotated[str, enum(CSV_MANIFEST, INVENTORY_MANIFEST)]
    fields: tuple[Annotated[str, enum("Ignore", "Bucket", "Key", "VersionId")], ...] | None = None


class Manifest(Structure):
    """The list of the objects of a job."""

    spec: ManifestSpec
    location: ManifestLocation


class ManifestSseKms(Structure):
    """The KMS key of a generated manifest."""

    key_id: KmsKeyId


class ManifestEncryption(Structure):
    """The encryption of a generated manifest."""

    sse_s3: EmptyStructure | None = None
    sse_kms: ManifestSseKms | None = None


class ManifestOutputLocation(Structure):
    """The location of a generated manifest."""

    expected_manifest_bucket_owner: AccountId | None = None
    bucket: BucketArn
    manifest_prefix: Annotated[str, Constraints(1, 512)] | None = None
    manifest_encryption: ManifestEncryption | None = None
    manifest_format: Annotated[str, enum("S3InventoryReport_CSV_20211130")]


class KeyNameConstraint(Structure):
    """Conditions on keys; each list accepts one string."""

    match_any_prefix: tuple[Text1024, ...] | None = None
    match_any_suffix: tuple[Text1024, ...] | None = None
    match_any_substring: tuple[Text1024, ...] | None = None

    @model_validator(mode="after")
    def _has_one_of_each(self, info: ValidationInfo) -> Self:
        """Check a constraint that the service model states in its documentation only."""
        for name, strings in self.to_boto3().items():
            if len(strings) > 1 and info.context is not LENIENT:
                raise ValueError(f"{name} must have one string, got {len(strings)}")
        return self


class FilterSseKms(Structure):
    """Encryption with KMS, with any key or this one."""

    kms_key_arn: KmsKeyArn | None = None
    bucket_key_enabled: bool | None = None


class FilterDsseKms(Structure):
    """Dual-layer encryption with KMS, with any key or this one."""

    kms_key_arn: KmsKeyArn | None = None


class ObjectEncryptionFilter(TaggedUnion):
    """The encryption of objects."""

    sse_s3: EmptyStructure | None = None
    sse_kms: FilterSseKms | None = None
    dsse_kms: FilterDsseKms | None = None
    sse_c: EmptyStructure | None = None
    not_sse: EmptyStructure | None = None


class ManifestFilter(Structure):
    """Conditions on the objects of a generated manifest, which must all be met."""

    eligible_for_replication: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    object_replication_statuses: (
        tuple[Annotated[str, enum("COMPLETED", "FAILED", "REPLICA", "NONE")], ...] | None
    ) = None
    key_name_constraint: KeyNameConstraint | None = None
    object_size_greater_than_bytes: int | None = None
    object_size_less_than_bytes: int | None = None
    match_any_storage_class: tuple[StorageClass, ...] | None = None
    match_any_object_encryption: (
        Annotated[tuple[ObjectEncryptionFilter, ...], Constraints(1, 1)] | None
    ) = None


class S3ManifestGenerator(Structure):
    """A manifest that S3 generates from the objects in a bucket."""

    expected_bucket_owner: AccountId | None = None
    source_bucket: BucketArn
    manifest_output_location: ManifestOutputLocation | None = None
    filter: ManifestFilter | None = None
    enable_manifest_output: bool


class ManifestGenerator(TaggedUnion):
    """The way in which S3 generates the manifest."""

    s3_job_manifest_generator: S3ManifestGenerator | None = None


class GeneratedManifest(Structure):
    """The location of the manifest that S3 generated."""

    format: str | None = None
    location: ManifestLocation | None = None
