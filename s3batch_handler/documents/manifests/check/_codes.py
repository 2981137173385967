"""The codes of findings: severity, meaning, fix and source. docs/manifests.md has this table."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Severity(StrEnum):
    """Whether a job would fail."""

    ERROR = "error"
    WARNING = "warning"


class Code(NamedTuple):
    """What a code means.

    Attributes:
        severity: Its severity.
        meaning: What is wrong.
        fix: What to do.
        source: Why it is a problem: the page of AWS, or what the local engine does.
        fixed: Whether ``--fix`` repairs it.
    """

    severity: Severity
    meaning: str
    fix: str
    source: str
    fixed: bool = False


_TROUBLESHOOTING: Final = "S3 User Guide, Troubleshooting Batch Operations"
_MANIFEST: Final = "S3 User Guide, Specifying a manifest"
_LAMBDA: Final = "S3 User Guide, Invoke AWS Lambda function"
_KEYS: Final = "S3 User Guide, Creating object key names"
_VERSIONS: Final = "S3 User Guide, Retaining multiple versions of objects"
_BUCKETS: Final = "S3 User Guide, Bucket naming rules"
_INVENTORY: Final = "S3 User Guide, Amazon S3 Inventory"
_HERE: Final = "AWS documents no refusal"


def _error(meaning: str, fix: str, source: str, *, fixed: bool = False) -> Code:
    return Code(Severity.ERROR, meaning, fix, source, fixed)


def _warning(meaning: str, fix: str, source: str = _HERE, *, fixed: bool = False) -> Code:
    return Code(Severity.WARNING, meaning, fix, source, fixed)


CODES: Final = {
    # the whole file
    "ByteOrderMark": _error(
        "The file begins with a byte order mark, which S3 reads as data",
        "Save the file as UTF-8 without BOM",
        _TROUBLESHOOTING,
        fixed=True,
    ),
    "HeaderRow": _error(
        "The first line is a header row, which S3 reads as an object",
        "Remove the line, and name the columns in Manifest.Spec.Fields",
        _MANIFEST,
        fixed=True,
    ),
    "EmptyManifest": _error(
        "The manifest has no objects", "Add a line for each object", _TROUBLESHOOTING
    ),
    "Compressed": _error(
        "The file is compressed with gzip", "Decompress the file with gunzip", _TROUBLESHOOTING
    ),
    "NotCsv": _error(
        "The file, or a line, is not CSV",
        "Write plain CSV: cells with commas, quotes or line breaks in double quotes",
        _TROUBLESHOOTING,
    ),
    "NotUtf8": _error(
        "A line has bytes that are not UTF-8",
        "Save the file as UTF-8 without BOM",
        _TROUBLESHOOTING,
    ),
    "TooManyObjects": _error(
        "The manifest has more objects than a job of this operation may have",
        "Split the manifest: s3batch manifest split",
        "S3 User Guide, S3 Batch Operations",
    ),
    "StaleETag": _error(
        "The ETag of the job is not the ETag of the manifest",
        "Use the ETag that S3 returned when the manifest was uploaded",
        "S3 User Guide, Creating an S3 Batch Operations job",
    ),
    "EncryptedManifest": _error(
        "The manifest is encrypted with SSE-KMS, DSSE-KMS or SSE-C",
        "Upload the manifest with SSE-S3: --sse AES256",
        _MANIFEST,
    ),
    # lines
    "BlankLine": _error("A line is blank", "Remove the line", _TROUBLESHOOTING, fixed=True),
    "WrongColumnCount": _error(
        "A line has more or fewer columns than the manifest",
        "Write the same columns on every line, and URL-encode commas in keys as %2C",
        _TROUBLESHOOTING,
    ),
    "TrailingSpaces": _error(
        "A line ends with spaces or tabs", "Remove the spaces", _TROUBLESHOOTING, fixed=True
    ),
    "EmptyBucket": _error("The bucket is empty", "Write the name of the bucket", _MANIFEST),
    "InvalidBucketName": _error(
        "The bucket is not a valid bucket name",
        "Write only the name, without s3://, ARN or spaces",
        _BUCKETS,
        fixed=True,
    ),
    "EmptyKey": _error("The key is empty", "Write the URL-encoded key of the object", _MANIFEST),
    "InvalidEscape": _error(
        "The key has a % without two hexadecimal digits, or escapes that are not UTF-8",
        "URL-encode the key in UTF-8: a percent sign is %25",
        _TROUBLESHOOTING,
    ),
    "KeyTooLong": _error(
        "The decoded key has more than 1,024 bytes in UTF-8",
        "Correct the key: no object can have this key",
        _KEYS,
    ),
    "PayloadTooLong": _error(
        "The JSON in the key has more than 1,024 characters as it is written",
        "Shorten the JSON; its URL-encoded length counts",
        _LAMBDA,
    ),
    "EmptyVersionId": _error(
        "The version ID is empty",
        "Write null for an object without a version ID",
        _MANIFEST,
        fixed=True,
    ),
    "InvalidVersionId": _error(
        "The version ID has characters that no version ID has, or more than 1,024 bytes",
        "Write the version ID as S3 returns it, or null",
        _VERSIONS,
        fixed=True,
    ),
    "ObjectNotFound": _error(
        "S3 has no such object, or no such version of it (--head)",
        "Remove the line, or correct bucket, key and version ID",
        "S3 API Reference, HeadObject",
    ),
    # valid, but probably not intended
    "DoublyEncodedKey": _warning(
        "The key is probably URL-encoded twice: it decodes to a key with escapes that are UTF-8",
        "Encode keys once; --fix --decode-twice removes the second encoding",
    ),
    "AmbiguousPlus": _warning(
        "The key contains +, which some programs decode as a space and others as a plus",
        "Write %20 for a space and %2B for a plus: --fix --plus space, or --plus literal",
    ),
    "UnencodedCharacters": _warning(
        "The key contains characters that are not URL-encoded",
        "URL-encode the key",
        fixed=True,
    ),
    "UnencodedJson": _warning(
        "The key is JSON that is not URL-encoded", "URL-encode the JSON", _LAMBDA, fixed=True
    ),
    "SurroundingSpaces": _warning(
        "The key begins or ends with spaces", "Remove the spaces, or write them as %20"
    ),
    "LongKeyField": _warning(
        "The key has more than 1,024 characters as it is written, although its bytes are fewer",
        "Run a job with this object first: AWS does not say whether encoded characters count",
        _MANIFEST,
    ),
    "UnlikelyVersionId": _warning(
        "The version ID looks like a missing value, such as None or NULL",
        "Write null, in lower case, for an object without a version ID",
    ),
    "UnusualBucketName": _warning(
        "The bucket name is not valid for new buckets",
        "Check the name: 3 to 63 lower-case letters, digits, hyphens and dots",
        _BUCKETS,
    ),
    "AccessPoint": _warning(
        "The bucket is the ARN of an access point",
        "Use the name of the bucket: AWS does not document access points in manifests",
    ),
    "MixedBuckets": _warning(
        "The manifest has objects of several buckets",
        "Check that this is intended: AWS describes a manifest as a list for one bucket",
        _MANIFEST,
    ),
    "RepeatedHeader": _warning(
        "A line after the first one looks like a header row", "Remove the line if it is one"
    ),
    "Duplicate": _warning(
        "The object is also on an earlier line (--duplicates)",
        "Remove the line; otherwise the object has two tasks",
        fixed=True,
    ),
    "ObjectNotChecked": _warning(
        "S3 did not say whether the object exists (--head), for example for a missing permission",
        "Check the permission s3:GetObject (s3:GetObjectVersion), and s3:ListBucket",
        "S3 API Reference, HeadObject",
    ),
    # inventories
    "InvalidInventory": _error(
        "The inventory cannot be read: ORC, Parquet, or a missing or damaged file",
        "Use an inventory in CSV; s3batch manifest create converts ORC and Parquet",
        _INVENTORY,
    ),
    "DeleteMarker": _warning(
        "A line of the inventory is a delete marker, on which operations fail",
        "Create a manifest without delete markers: s3batch manifest create",
        _INVENTORY,
    ),
}
"""All codes. ``error``: AWS is documented to refuse it, or it cannot name an object."""
