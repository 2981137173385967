"""The parts of what S3 Control says about jobs: operations, manifests, reports.

The structures of the S3 Control API (2018-08-20) with our spelling of the names, ``function_arn``
for ``FunctionArn``; they turn into boto3's dicts and back without loss. The jobs themselves are in
``job.py``.

What is asked for is held to the limits of the service model, and each refusal names the member.
What AWS answers is not: it may know operations and storage classes that we have not heard of.
"""

# Without `from __future__ import annotations`: pydantic would compile each annotation anew at every
# start, which takes as long as all the rest of it.

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_pascal
from pydantic_core import core_schema
from typing_extensions import override

from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._model import Noun, ObjectRef
from s3batch_handler.core._sanitize import quoted, shown

if TYPE_CHECKING:
    from collections.abc import Sized

    from pydantic_core import CoreSchema

# ---------------------------------------------------------------- how shapes are held to the model


ANSWER: Final = {"answer": True}  # the validation context of what AWS says


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the service model, by its names: of how long a value is, or of a number itself."""

    min: int | None = None
    max: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> "CoreSchema":
        """Let pydantic check the limits after the type."""
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any, info: core_schema.ValidationInfo) -> Any:
        if info.context is not ANSWER:
            self._refuse_unless_allowed(value)
        return value

    def _refuse_unless_allowed(self, value: "int | Sized") -> None:
        size = value if isinstance(value, int) else len(value)
        unit = {int: "", str: " characters"}.get(type(value), " entries")
        if self.min is not None and size < self.min:
            raise ValueError(f"at least {self.min}{unit}, not {size}")
        if self.max is not None and size > self.max:
            raise ValueError(f"at most {self.max}{unit}, not {size}")
        if isinstance(value, str):
            if self.enum and value not in self.enum:
                raise ValueError(f"{quoted(value)} is none of {', '.join(self.enum)}")
            # S3 Control means the whole text, although few of its patterns say so.
            if self.pattern is not None and not re.fullmatch(self.pattern, value):
                raise ValueError(f"{quoted(value)} is not of the form {self.pattern}")


def _one_of(*values: str) -> Limits:
    return Limits(enum=values)


_SPELLING: Final = {  # where AWS's name is not ours in PascalCase
    "etag": "ETag",
    "content_md5": "ContentMD5",
    "dsse_kms": "DSSEKMS",
    "id": "ID",
    "not_sse": "NOTSSE",
    "sse_algorithm": "SSEAlgorithm",
    "sse_aws_kms_key_id": "SSEAwsKmsKeyId",
    "sse_c": "SSEC",
    "sse_kms": "SSEKMS",
    "sse_s3": "SSES3",
    "unmodified_since_constraint": "UnModifiedSinceConstraint",
}


class Shape(Noun):
    """A structure of S3 Control; what is ``None`` is left out on the wire."""

    model_config = ConfigDict(
        extra="allow",
        alias_generator=lambda name: _SPELLING.get(name) or to_pascal(name),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    @model_validator(mode="after")
    def _is_known(self, info: ValidationInfo) -> Self:
        if self.model_extra and info.context is not ANSWER:
            raise ValueError(f"S3 Control knows no {shown(', '.join(self.model_extra), 200)} here")
        return self

    @classmethod
    def of_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Read what AWS says."""
        return cls.model_validate(answer, context=ANSWER)

    def to_wire(self) -> dict[str, Any]:
        """Give it in AWS's names, as boto3 takes it."""
        wire: dict[str, Any] = _lists(self.model_dump(exclude_none=True))
        return wire


def _lists(value: Any) -> Any:
    """Make boto3's lists of our tuples."""
    if isinstance(value, dict):
        return {name: _lists(member) for name, member in value.items()}
    return [_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


class Choice(Shape):
    """A structure of which exactly one member is given."""

    @property
    def name(self) -> str:
        """AWS's name of the member that is given: ``LambdaInvoke``."""
        return next(iter(self.to_wire()), "")

    @property
    def chosen(self) -> Any:
        """The member that is given."""
        return next((member for _, member in self if member is not None), None)

    @model_validator(mode="after")
    def _is_one(self, info: ValidationInfo) -> Self:
        if len(given := self.to_wire()) != 1 and info.context is not ANSWER:
            raise ValueError(f"exactly one member is needed, not {len(given)}")
        return self


# ---------------------------------------------------------------- texts with limits

Text1024 = Annotated[str, Limits(1, 1024)]
AccountId = Annotated[str, Limits(max=64, pattern=r"^[0-9]{12}$")]
BucketArn = Annotated[str, Limits(1, 128, r"arn:[^:]+:s3:.*")]
KmsKeyId = Annotated[str, Limits(1, 2000)]
KmsKeyArn = Annotated[
    str, Limits(20, 2048, r"arn:aws[a-zA-Z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+")
]
StorageClass = Annotated[
    str,
    _one_of(
        "STANDARD",
        "STANDARD_IA",
        "ONEZONE_IA",
        "GLACIER",
        "INTELLIGENT_TIERING",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    ),
]
ChecksumAlgorithm = Annotated[
    str,
    _one_of(
        "CRC32",
        "CRC32C",
        "SHA1",
        "SHA256",
        "CRC64NVME",
        "SHA512",
        "MD5",
        "XXHASH64",
        "XXHASH3",
        "XXHASH128",
    ),
]
OnOrOff = Annotated[str, _one_of("ON", "OFF")]
RetentionMode = Annotated[str, _one_of("COMPLIANCE", "GOVERNANCE")]

# Letters, numbers and separators of any script (\p{L}\p{Z}\p{N} in the model) and _.:/=+-@
_TAG_TEXT: Final = r"[\w.:/=+\-@ \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"


def _read_tags(tags: object) -> object:
    """Make a dict of a tag set, ``[{"Key": …, "Value": …}, …]``."""
    if isinstance(tags, Mapping) or not isinstance(tags, (list, tuple)):
        return tags
    if not all(isinstance(tag, Mapping) and tag.keys() == {"Key", "Value"} for tag in tags):
        raise ValueError("each tag needs a Key and a Value, and nothing else")
    read = {tag["Key"]: tag["Value"] for tag in tags}
    if len(read) < len(tags):
        raise ValueError("a Key may be there only once")
    return read


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Give tags as AWS wants them: ``[{"Key": …, "Value": …}, …]``."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


TagKey = Annotated[str, Limits(1, 128, _TAG_TEXT)]
TagValue = Annotated[str, Limits(0, 256, _TAG_TEXT)]
Tags = Annotated[Mapping[TagKey, TagValue], BeforeValidator(_read_tags), PlainSerializer(tag_set)]
"""Key to value; a list of both on the wire."""


# ---------------------------------------------------------------- operations


class LambdaInvoke(Shape):
    """Call a Lambda function for each object.

    Attributes:
        function_arn: An ARN, partial ARN or name, each with or without ``:qualifier``.
        invocation_schema_version: ``"1.0"`` where it is not given.
        user_arguments: They need schema 2.0.
    """

    function_arn: (
        Annotated[
            str,
            Limits(
                1,
                1024,
                r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
                r"([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-[0-9]{1}:)?([0-9]{12}:)?(function:)?"
                r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?",
            ),
        ]
        | None
    ) = None
    invocation_schema_version: Annotated[str, Limits(1, 64)] | None = None
    user_arguments: (
        Annotated[
            Mapping[Annotated[str, Limits(1, 64)], Annotated[str, Limits(max=1024)]], Limits(1, 10)
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _can_be_invoked(self, info: ValidationInfo) -> Self:
        if info.context is ANSWER:
            return self
        if self.function_arn is None:
            raise ValueError("FunctionArn is needed")
        if self.invocation_schema_version not in (None, "1.0", "2.0"):
            raise ValueError("InvocationSchemaVersion must be 1.0 or 2.0")
        if self.user_arguments is not None and self.invocation_schema_version != "2.0":
            raise ValueError("UserArguments need an InvocationSchemaVersion of 2.0")
        return self


class Grantee(Shape):
    """Who gets a permission."""

    type_identifier: Annotated[str, _one_of("id", "emailAddress", "uri")] | None = None
    identifier: Text1024 | None = None
    display_name: Text1024 | None = None


class Grant(Shape):
    """Who may do what with an object."""

    grantee: Grantee | None = None
    permission: (
        Annotated[str, _one_of("FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP")] | None
    ) = None


CannedAcl = Annotated[
    str,
    _one_of(
        "private",
        "public-read",
        "public-read-write",
        "aws-exec-read",
        "authenticated-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ),
]


class ObjectMetadata(Shape):
    """What a copy gets in place of the metadata of the original."""

    cache_control: Text1024 | None = None
    content_disposition: Text1024 | None = None
    content_encoding: Text1024 | None = None
    content_language: Text1024 | None = None
    user_metadata: (
        Annotated[Mapping[Text1024, Annotated[str, Limits(max=1024)]], Limits(max=8192)] | None
    ) = None
    content_length: Annotated[int, Limits(0)] | None = None
    content_md5: Text1024 | None = None
    content_type: Text1024 | None = None
    http_expires_date: datetime | None = None
    requester_charged: bool | None = None
    sse_algorithm: Annotated[str, _one_of("AES256", "KMS")] | None = None


class EventHoldDuration(Shape):
    """How long an object stays locked after an event."""

    days: Annotated[int, Limits(1, 36500)] | None = None
    years: Annotated[int, Limits(1, 100)] | None = None


class PutObjectCopy(Shape):
    """Copy each object."""

    target_resource: Annotated[str, Limits(1, 128, r"arn:[^:]+:(s3|s3express):.*")] | None = None
    canned_access_control_list: CannedAcl | None = None
    access_control_grants: tuple[Grant, ...] | None = None
    metadata_directive: Annotated[str, _one_of("COPY", "REPLACE")] | None = None
    annotation_directive: Annotated[str, _one_of("COPY", "EXCLUDE")] | None = None
    modified_since_constraint: datetime | None = None
    new_object_metadata: ObjectMetadata | None = None
    new_object_tagging: Tags | None = None
    redirect_location: Annotated[str, Limits(1, 2048)] | None = None
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


class Owner(Shape):
    """Whose an object is."""

    id: Text1024 | None = None
    display_name: Text1024 | None = None


class AccessControlList(Shape):
    """Owner and grants."""

    owner: Owner
    grants: tuple[Grant, ...] | None = None


class AccessControlPolicy(Shape):
    """A list of grants, or one of the canned ones."""

    access_control_list: AccessControlList | None = None
    canned_access_control_list: CannedAcl | None = None


class PutObjectAcl(Shape):
    """Replace the access control list of each object."""

    access_control_policy: AccessControlPolicy | None = None


class PutObjectTagging(Shape):
    """Replace the tags of each object; no tags at all are allowed."""

    tag_set: Tags | None = None


class Nothing(Shape):
    """A structure without members: that it is there says it all."""


class InitiateRestoreObject(Shape):
    """Restore each object from Glacier."""

    expiration_in_days: Annotated[int, Limits(0)] | None = None
    glacier_job_tier: Annotated[str, _one_of("BULK", "STANDARD")] | None = None


class LegalHold(Shape):
    """Whether a legal hold is on an object."""

    status: OnOrOff


class PutObjectLegalHold(Shape):
    """Put a legal hold on each object, or take it off."""

    legal_hold: LegalHold


class Retention(Shape):
    """Until when an object cannot be deleted."""

    retain_until_date: datetime | None = None
    mode: RetentionMode | None = None
    event_hold: OnOrOff | None = None
    event_hold_duration: EventHoldDuration | None = None


class PutObjectRetention(Shape):
    """Set the retention of each object."""

    bypass_governance_retention: bool | None = None
    retention: Retention


class ComputeObjectChecksum(Shape):
    """Compute the checksum of each object."""

    checksum_algorithm: ChecksumAlgorithm | None = None
    checksum_type: Annotated[str, _one_of("FULL_OBJECT", "COMPOSITE")] | None = None


class UpdateSseKms(Shape):
    """The KMS key that an object is to be encrypted with."""

    kms_key_arn: KmsKeyArn = Field(validation_alias="KMSKeyArn", serialization_alias="KMSKeyArn")
    bucket_key_enabled: bool | None = None


class ObjectEncryption(Shape):
    """The encryption that an object is to have."""

    sse_kms: UpdateSseKms | None = None


class UpdateObjectEncryption(Shape):
    """Change the encryption of each object."""

    object_encryption: ObjectEncryption | None = None


class Operation(Choice):
    """What a job does with each object: one of these, or what AWS has thought of since.

    Which operations there are is known to botocore's service model. One that is not known here is
    let through, for AWS to do or for the engine to refuse.
    """

    lambda_invoke: LambdaInvoke | None = None
    s3_put_object_copy: PutObjectCopy | None = None
    s3_put_object_acl: PutObjectAcl | None = None
    s3_put_object_tagging: PutObjectTagging | None = None
    s3_delete_object_tagging: Nothing | None = None
    s3_initiate_restore_object: InitiateRestoreObject | None = None
    s3_put_object_legal_hold: PutObjectLegalHold | None = None
    s3_put_object_retention: PutObjectRetention | None = None
    s3_replicate_object: Nothing | None = None
    s3_compute_object_checksum: ComputeObjectChecksum | None = None
    s3_update_object_encryption: UpdateObjectEncryption | None = None

    @model_validator(mode="after")
    @override
    def _is_known(self) -> Self:
        return self


# ---------------------------------------------------------------- manifests and reports


class ManifestLocation(Shape):
    """Which object is the manifest.

    Attributes:
        etag: What S3 gave as its ETag, without quotes. Another one fails the job.
    """

    object_arn: Annotated[str, Limits(1, 2000, r"arn:[^:]+:s3:.*")]
    object_version_id: Annotated[str, Limits(1, 2000)] | None = None
    etag: Text1024

    @property
    def object(self) -> ObjectRef:
        """The manifest, as boto3 wants it.

        Raises:
            ValueError: The ARN names no object.
        """
        bucket, slash, key = self.object_arn.partition(
            "/object/" if ":accesspoint/" in self.object_arn else "/"
        )
        if not slash or not key:
            raise ValueError("names no object: it needs a bucket and a key")
        return ObjectRef(bucket=bucket_name(bucket), key=key, version_id=self.object_version_id)

    @model_validator(mode="after")
    def _names_an_object(self, info: ValidationInfo) -> Self:
        if info.context is not ANSWER:
            try:
                _ = self.object
            except ValueError as error:
                raise ValueError(f"ObjectArn {error}") from None
        return self


class ManifestSpec(Shape):
    """How the manifest is written.

    Attributes:
        fields: The columns of a CSV manifest.
    """

    format: Annotated[
        str, _one_of("S3BatchOperations_CSV_20180820", "S3InventoryReport_CSV_20161130")
    ]
    fields: tuple[Annotated[str, _one_of("Ignore", "Bucket", "Key", "VersionId")], ...] | None = (
        None
    )


class Manifest(Shape):
    """The list of the objects of a job."""

    spec: ManifestSpec
    location: ManifestLocation


class ManifestSseKms(Shape):
    """The KMS key that a generated manifest is encrypted with."""

    key_id: KmsKeyId


class ManifestEncryption(Shape):
    """How a generated manifest is encrypted."""

    sse_s3: Nothing | None = None
    sse_kms: ManifestSseKms | None = None


class ManifestOutputLocation(Shape):
    """Where a generated manifest is kept."""

    expected_manifest_bucket_owner: AccountId | None = None
    bucket: BucketArn
    manifest_prefix: Annotated[str, Limits(1, 512)] | None = None
    manifest_encryption: ManifestEncryption | None = None
    manifest_format: Annotated[str, _one_of("S3InventoryReport_CSV_20211130")]


class KeyNameConstraint(Shape):
    """Conditions on keys; each list accepts one string."""

    match_any_prefix: tuple[Text1024, ...] | None = None
    match_any_suffix: tuple[Text1024, ...] | None = None
    match_any_substring: tuple[Text1024, ...] | None = None

    @model_validator(mode="after")
    def _has_one_of_each(self, info: ValidationInfo) -> Self:
        """Check the limit that only the documentation in the service model states."""
        for name, strings in self.to_wire().items():
            if len(strings) > 1 and info.context is not ANSWER:
                raise ValueError(f"{name} takes one string, not {len(strings)}")
        return self


class FilterSseKms(Shape):
    """Encrypted with KMS, by any key or this one."""

    kms_key_arn: KmsKeyArn | None = None
    bucket_key_enabled: bool | None = None


class FilterDsseKms(Shape):
    """Encrypted twice with KMS, by any key or this one."""

    kms_key_arn: KmsKeyArn | None = None


class ObjectEncryptionFilter(Choice):
    """How objects are encrypted."""

    sse_s3: Nothing | None = None
    sse_kms: FilterSseKms | None = None
    dsse_kms: FilterDsseKms | None = None
    sse_c: Nothing | None = None
    not_sse: Nothing | None = None


class ManifestFilter(Shape):
    """Which objects a generated manifest has: those that meet all of this."""

    eligible_for_replication: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    object_replication_statuses: (
        tuple[Annotated[str, _one_of("COMPLETED", "FAILED", "REPLICA", "NONE")], ...] | None
    ) = None
    key_name_constraint: KeyNameConstraint | None = None
    object_size_greater_than_bytes: int | None = None
    object_size_less_than_bytes: int | None = None
    match_any_storage_class: tuple[StorageClass, ...] | None = None
    match_any_object_encryption: (
        Annotated[tuple[ObjectEncryptionFilter, ...], Limits(1, 1)] | None
    ) = None


class S3ManifestGenerator(Shape):
    """A manifest made by S3, of what is in a bucket."""

    expected_bucket_owner: AccountId | None = None
    source_bucket: BucketArn
    manifest_output_location: ManifestOutputLocation | None = None
    filter: ManifestFilter | None = None
    enable_manifest_output: bool


class ManifestGenerator(Choice):
    """How S3 makes the manifest."""

    s3_job_manifest_generator: S3ManifestGenerator | None = None


class GeneratedManifest(Shape):
    """Where the manifest lies that S3 has made."""

    format: str | None = None
    location: ManifestLocation | None = None


class Report(Shape):
    """Which completion report is wanted, and where."""

    bucket: BucketArn | None = None
    format: Annotated[str, _one_of("Report_CSV_20180820")] | None = None
    enabled: bool
    prefix: Annotated[str, Limits(1, 512)] | None = None
    report_scope: Annotated[str, _one_of("AllTasks", "FailedTasksOnly")] | None = None
    expected_bucket_owner: AccountId | None = None

    @model_validator(mode="after")
    def _has_a_place(self, info: ValidationInfo) -> Self:
        if self.enabled and self.bucket is None and info.context is not ANSWER:
            raise ValueError("Bucket is needed where Enabled is true")
        return self
