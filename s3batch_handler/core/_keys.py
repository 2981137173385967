"""How S3 Batch Operations spells keys and buckets, and what they are called in boto3.

Keys stand URL-encoded in manifests, events and reports. Which of the two URL encodings is not the
same everywhere: AWS's manifest pages show ``%20`` for a space while inventories write ``+``, and
AWS's current samples decode with ``unquote_plus``. So we read both, and write what both ways of
reading turn back into the same key.
"""

from __future__ import annotations

import functools
import re
from codecs import escape_decode
from urllib.parse import quote, unquote_to_bytes


def decode_key(encoded: str) -> str:
    """Give the key that ``encoded`` stands for: ``year%202024/a%2Bb.jpg`` → ``year 2024/a+b.jpg``.

    Bytes that are no UTF-8 come back as lone surrogates, as with :func:`os.fsdecode`, so that
    nothing is lost: see :func:`is_utf8`. A ``%`` that begins no escape stands for itself.
    """
    if "+" in encoded:
        encoded = encoded.replace("+", " ")
    if "%" not in encoded:
        return encoded
    if "\\" not in encoded:
        try:
            # %41 is \x41 to the decoder of bytes literals: C code, and a key is decoded for every
            # task. urllib takes eight times as long, and "unicode_escape" three times. Python's
            # documentation does not name it, but pickle is made with it.
            return escape_decode(encoded.replace("%", "\\x"))[0].decode()
        except ValueError:
            pass  # no UTF-8, or a % that begins no escape
    raw = unquote_to_bytes(encoded.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogateescape")


def encode_key(key: str) -> str:
    """Encode a key for a manifest or an event; slashes stay.

    A space becomes ``%20`` and a plus ``%2B``: ``unquote`` and ``unquote_plus`` both read it back.

    Raises:
        UnicodeEncodeError: Half of a surrogate pair is in it, which stands for no byte.
    """
    return quote(key, safe="/", errors="surrogateescape")


def is_utf8(key: str) -> bool:
    """Tell whether a decoded key can be the name of an object: S3's keys are UTF-8."""
    if key.isascii():
        return True
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


@functools.lru_cache(maxsize=64)  # one task after the other is about the same bucket
def bucket_name(arn: str) -> str:
    """Give what boto3 takes as ``Bucket`` for the ARN of a bucket, in any partition.

    ========================================================  ===================================
    ``arn:aws:s3:::photos``                                   ``photos``
    ``arn:aws:::photos``, ``arn:aws:s3:eu-west-1:1…:photos``  ``photos``: AWS's samples have both
    ``arn:aws:s3express:…:bucket/a--use1-az4--x-s3``          ``a--use1-az4--x-s3``
    ``arn:aws:s3express:…:/bucket/a--use1-az4--x-s3``         likewise, as the service model has it
    ``arn:aws:s3:eu-west-1:1…:accesspoint/readers``           the ARN itself, as boto3 takes it
    ``photos``                                                ``photos``
    ========================================================  ===================================

    Raises:
        ValueError: It names no bucket.
    """
    if _ACCESS_POINT.match(arn):
        return arn
    directory_bucket = _DIRECTORY_BUCKET.match(arn)
    if directory_bucket is not None:
        return directory_bucket[1]
    name = arn.rpartition(":")[2] if arn.startswith("arn:") else arn
    if not name or "/" in name:
        raise ValueError("names no bucket")
    return name


def is_directory_bucket(bucket: str) -> bool:
    """Return whether a name is that of a directory bucket (S3 Express One Zone)."""
    return bucket.endswith("--x-s3")


# boto3 knows access points by their ARN, except for those of directory buckets.
_ACCESS_POINT = re.compile(r"arn:[^:]+:(?!s3express:)[^:]+:[^:]*:[^:]*:(?:.+[:/])?accesspoint[:/].")
_DIRECTORY_BUCKET = re.compile(r"arn:[^:]+:s3express:[^:]*:[^:]*:/?(?:bucket|accesspoint)/([^/]+)$")
