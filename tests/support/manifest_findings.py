"""A manifest for each code of ``s3batch manifest check``, and what is expected."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.documents.manifests.check._manifest_check import check_manifest

if TYPE_CHECKING:
    from s3batch_handler.documents import Finding

JSON: Final = "%7B%22a%22:%22" + "x" * 1012 + "%22%7D"

# The code, the number of its line, the manifest.
EXAMPLES: Final[list[tuple[str, int | None, bytes]]] = [
    ("ByteOrderMark", 1, b"\xef\xbb\xbfphotos,a\n"),
    ("HeaderRow", 1, b"Bucket,Key\nphotos,a\n"),
    ("HeaderRow", 1, b"s3_bucket,object key,Version ID\nphotos,a,null\n"),
    ("EmptyManifest", None, b""),
    ("EmptyManifest", None, b"Bucket,Key\n"),
    ("Compressed", 1, b"\x1f\x8b\x08\x00abc"),
    ("NotCsv", 1, b"PK\x03\x04abc"),
    ("NotCsv", 1, b"PAR1\x15\x04abc"),
    ("NotCsv", 2, b'photos,a\nphotos,"b"c\nphotos,d\n'),
    ("NotCsv", 2, b'photos,a\nphotos,"b\n'),
    ("NotUtf8", 2, b"photos,a\nphotos,\xfc\n"),
    ("NotUtf8", 1, "photos,a\n".encode("utf-16")),
    ("BlankLine", 2, b"photos,a\n\nphotos,b\n"),
    ("BlankLine", 2, b"photos,a\n  \nphotos,b\n"),
    ("BlankLine", 3, b"photos,a\r\nphotos,b\r\n\r\n"),
    ("WrongColumnCount", 2, b"photos,a\nphotos,b,c\n"),
    ("WrongColumnCount", 2, b"photos,a,null\nphotos,b\n"),
    ("WrongColumnCount", 1, b"a.jpg\n"),
    ("TrailingSpaces", 2, b"photos,a\nphotos,b \n"),
    ("TrailingSpaces", 2, b'photos,a\nphotos,"b" \n'),
    ("EmptyBucket", 2, b"photos,a\n,b\n"),
    ("InvalidBucketName", 1, b"s3://photos,a\n"),
    ("InvalidBucketName", 1, b"arn:aws:s3:::photos,a\n"),
    ("EmptyKey", 2, b"photos,a\nphotos,\n"),
    ("InvalidEscape", 2, b"photos,a\nphotos,100%.txt\n"),
    ("InvalidEscape", 2, b"photos,a\nphotos,%FF\n"),
    ("KeyTooLong", 2, b"photos,a\nphotos," + b"x" * 1025 + b"\n"),
    ("KeyTooLong", 2, b"photos,a\nphotos," + b"%C3%BC" * 513 + b"\n"),
    ("PayloadTooLong", 2, b"photos,a\nphotos," + JSON.encode() + b"\n"),
    ("EmptyVersionId", 2, b"photos,a,null\nphotos,b,\n"),
    ("InvalidVersionId", 2, b"photos,a,null\nphotos,b,\\N\n"),
    ("DoublyEncodedKey", 2, b"photos,a\nphotos,b%2520c\n"),
    ("AmbiguousPlus", 2, b"photos,a\nphotos,b+c\n"),
    ("UnencodedCharacters", 2, b"photos,a\nphotos,b c\n"),
    ("UnencodedCharacters", 2, "photos,a\nphotos,ü\n".encode()),
    ("UnencodedCharacters", 2, b'photos,a\nphotos,"b,c"\n'),
    ("UnencodedJson", 2, b'photos,a\nphotos,{"b":1}\n'),
    ("SurroundingSpaces", 2, b"photos,a\nphotos, b\n"),
    ("LongKeyField", 2, b"photos,a\nphotos," + b"%C3%BC" * 200 + b"\n"),
    ("UnlikelyVersionId", 2, b"photos,a,null\nphotos,b,None\n"),
    ("UnusualBucketName", 1, b"My_Photos,a\n"),
    ("AccessPoint", 1, b"arn:aws:s3:eu-west-1:123456789012:accesspoint/readers,a\n"),
    ("MixedBuckets", 2, b"photos,a\nvideos,a\n"),
    ("RepeatedHeader", 2, b"photos,a\nBucket,Key\n"),
    ("Duplicate", 3, b"photos,a%2Fb\nphotos,c\nphotos,a/b\n"),
]


def findings(content: bytes, **options: Any) -> list[Finding]:
    """Return what a check of a manifest finds, duplicates included."""
    options = {"duplicates": True, **options}
    return list(check_manifest(io.BytesIO(content), **options))
