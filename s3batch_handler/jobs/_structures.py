"""Base classes and common types for the structures of the S3 Control API (2018-08-20).

Members have Python names (``function_arn`` for ``FunctionArn``), and structures convert to boto3's
dictionaries and back without loss.

Requests are validated against the constraints of the service model. Responses of AWS are not: they
may contain operations and storage classes that are newer than this package.
"""

# Without `from __future__ import annotations`: pydantic would compile each annotation at every
# start, which takes most of the time of an import.

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_pascal
from pydantic_core import core_schema

from s3batch_handler.core._sanitize import safe_line, short_repr
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

    from pydantic.fields import FieldInfo
    from pydantic_core import CoreSchema

# ---------------------------------------------------------------- validation

LENIENT: Final = {"lenient": True}
"""Validation context of responses of AWS: constraints are not checked."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints of the service model on a number, or on the length and the form of a value."""

    min: int | None = None
    max: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> "CoreSchema":
        """Check the constraints after the type."""
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, source: "CoreSchema", handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the constraints to the JSON Schema of the type."""
        schema = handler(source)
        suffix = {"string": "Length", "array": "Items", "object": "Properties"}.get(
            schema.get("type", ""), "imum"
        )
        limits = {f"min{suffix}": self.min, f"max{suffix}": self.max}
        schema |= {name: limit for name, limit in limits.items() if limit is not None}
        if self.enum:
            schema["enum"] = list(self.enum)
        if self.pattern is not None and r"\w" not in self.pattern:  # \w is another one in editors
            schema["pattern"] = f"^(?:{self.pattern.strip('^$')})$"
        return schema

    def _check(self, value: Any, info: core_schema.ValidationInfo) -> Any:
        if info.context is not LENIENT:
            self._raise_if_violated_by(value)
        return value

    def _raise_if_violated_by(self, value: "int | Sized") -> None:
        size = value if isinstance(value, int) else len(value)
        subject = {int: "", str: "length "}.get(type(value), "number of entries ")
        if self.min is not None and size < self.min:
            raise ValueError(f"{subject}must be at least {self.min}, got {size}")
        if self.max is not None and size > self.max:
            raise ValueError(f"{subject}must be at most {self.max}, got {size}")
        if isinstance(value, str):
            if self.enum and value not in self.enum:
                raise ValueError(f"must be one of {', '.join(self.enum)}; got {short_repr(value)}")
            # S3 Control matches the whole text, although few of its patterns say so.
            if self.pattern is not None and not re.fullmatch(self.pattern, value):
                raise ValueError(f"must match {self.pattern}; got {short_repr(value)}")


def enum(*values: str) -> Constraints:
    return Constraints(enum=values)


_SPELLING: Final = {  # AWS names that are not the Python name in PascalCase
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


class Structure(BaseModel):
    """A structure of S3 Control; members that are ``None`` are not sent."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        defer_build=True,  # most programs need few of the structures
        alias_generator=lambda name: _SPELLING.get(name) or to_pascal(name),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    @model_validator(mode="after")
    def _is_known(self, info: ValidationInfo) -> Self:
        if self.model_extra and info.context is not LENIENT:
            names = safe_line(", ".join(self.model_extra), 200)
            raise ValueError(f"S3 Control does not accept {names} here")
        return self

    @override
    def __repr_args__(self) -> "Iterable[tuple[str | None, Any]]":
        """Return the members that :func:`repr` shows: those that have a value."""
        members = super().__repr_args__()
        return [member for member in members if member[1] not in (None, (), {})]

    @classmethod
    def fields_by_name(cls) -> "dict[str, FieldInfo]":
        """Return the fields by AWS's names."""
        return {str(field.validation_alias): field for field in cls.model_fields.values()}

    @classmethod
    def from_aws(cls, response: Mapping[str, Any]) -> Self:
        """Read a part of a response, without checking constraints."""
        return cls.model_validate(response, context=LENIENT)

    def to_boto3(self) -> dict[str, Any]:
        """Return the structure as a dictionary for boto3, with AWS's names."""
        members: dict[str, Any] = _with_lists(self.model_dump(exclude_none=True))
        return members


def _with_lists(value: Any) -> Any:
    """Convert tuples to lists, which boto3 requires."""
    if isinstance(value, dict):
        return {name: _with_lists(member) for name, member in value.items()}
    return [_with_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


class TaggedUnion(Structure):
    """A structure with exactly one member."""

    @property
    def name(self) -> str:
        """Return the AWS name of the member, for example ``LambdaInvoke``."""
        return next(iter(self.to_boto3()), "")

    @property
    def chosen(self) -> Any:
        """Return the member."""
        return next((member for _, member in self if member is not None), None)

    @model_validator(mode="after")
    def _is_one(self, info: ValidationInfo) -> Self:
        if len(given := self.to_boto3()) != 1 and info.context is not LENIENT:
            raise ValueError(f"must have exactly one member, got {len(given)}")
        return self


class EmptyStructure(Structure):
    """A structure without members."""


# ---------------------------------------------------------------- common types

Text1024 = Annotated[str, Constraints(1, 1024)]
AccountId = Annotated[str, Constraints(max=64, pattern=r"^[0-9]{12}$")]
BucketArn = Annotated[str, Constraints(1, 128, r"arn:[^:]+:s3:.*")]
KmsKeyId = Annotated[str, Constraints(1, 2000)]
KmsKeyArn = Annotated[
    str, Constraints(20, 2048, r"arn:aws[a-zA-Z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+")
]
StorageClass = Annotated[
    str,
    enum(
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
    enum(
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
OnOrOff = Annotated[str, enum("ON", "OFF")]
RetentionMode = Annotated[str, enum("COMPLIANCE", "GOVERNANCE")]

# Letters, numbers and separators of any script (\p{L}\p{Z}\p{N} in the model) and _.:/=+-@
_TAG_TEXT: Final = r"[\w.:/=+\-@ \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"


def _read_tags(tags: object) -> object:
    """Convert a tag set, ``[{"Key": …, "Value": …}, …]``, to a dictionary."""
    if isinstance(tags, Mapping) or not isinstance(tags, (list, tuple)):
        return tags
    if not all(isinstance(tag, Mapping) and tag.keys() == {"Key", "Value"} for tag in tags):
        raise ValueError("each tag must have a Key and a Value, and nothing else")
    read = {tag["Key"]: tag["Value"] for tag in tags}
    if len(read) < len(tags):
        raise ValueError("each Key must be unique")
    return read


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Convert tags to a tag set of AWS: ``[{"Key": …, "Value": …}, …]``."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


TagKey = Annotated[str, Constraints(1, 128, _TAG_TEXT)]
TagValue = Annotated[str, Constraints(0, 256, _TAG_TEXT)]
Tags = Annotated[Mapping[TagKey, TagValue], BeforeValidator(_read_tags), PlainSerializer(tag_set)]
"""Tags as a mapping of keys to values; boto3 gets a tag set."""
