"""Keys and buckets: how S3 Batch Operations writes them, and how boto3 does.

Keys are URL-encoded in manifests, events and reports, in either of two encodings: AWS's manifest
pages show ``%20`` for a space, inventories write ``+``, and AWS's current samples decode with
``unquote_plus``. This module decodes both, and encodes keys so that both decoders read them.
"""

from __future__ import annotations

import functools
from codecs import escape_decode

from s3batch_handler.core._typing import Final


def decode_key(encoded: str) -> str:
    """Decode a URL-encoded key: ``year%202024/a%2Bb.jpg`` → ``year 2024/a+b.jpg``.

    Bytes that are not valid UTF-8 become lone surrogates, as in :func:`os.fsdecode`, so that
    nothing is lost; see :func:`is_utf8`. A ``%`` without two hexadecimal digits is kept.
    """
    if "+" in encoded:
        encoded = encoded.replace("+", " ")
    if "%" not in encoded:
        return encoded
    if "\\" not in encoded:
        try:
            # The decoder of bytes literals, for which %41 is \x41, is C code: urllib takes eight
            # times as long. Python's documentation does not name it, but pickle uses it.
            return escape_decode(encoded.replace("%", "\\x"))[0].decode()
        except ValueError:
            pass  # not valid UTF-8, or a % without two hexadecimal digits
    from urllib.parse import unquote_to_bytes  # a slow import, rarely needed

    raw = unquote_to_bytes(encoded.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogateescape")


def encode_key(key: str) -> str:
    """Encode a key for a manifest or an event, except its slashes.

    A space becomes ``%20`` and a plus ``%2B``, so that ``unquote`` and ``unquote_plus`` both
    decode the key.

    Raises:
        UnicodeEncodeError: The key contains a lone surrogate that does not represent a byte.
    """
    from urllib.parse import quote  # a slow import, not needed in Lambda

    return quote(key, safe="/", errors="surrogateescape")


def is_utf8(key: str) -> bool:
    """Return whether a decoded key is valid UTF-8, as the keys of S3 are."""
    if key.isascii():
        return True
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable_key(key: str) -> str:
    """Return a key that is not valid UTF-8 as it is in the manifest, or escaped."""
    try:
        return encode_key(key)
    except UnicodeEncodeError:
        return ascii(key)


@functools.lru_cache(maxsize=64)  # most tasks of a job have the same bucket
def bucket_name(arn: str) -> str:
    """Return the ``Bucket`` argument of boto3 for the ARN of a bucket, in any partition.

    ========================================================  ===================================
    ``arn:aws:s3:::photos``                                   ``photos``
    ``arn:aws:::photos``, ``arn:aws:s3:eu-west-1:1…:photos``  ``photos``; AWS's samples have both
    ``arn:aws:s3express:…:bucket/a--use1-az4--x-s3``          ``a--use1-az4--x-s3``
    ``arn:aws:s3express:…:/bucket/a--use1-az4--x-s3``         the same: the service model's form
    ``arn:aws:s3:eu-west-1:1…:accesspoint/readers``           the ARN itself, which boto3 accepts
    ``photos``                                                ``photos``
    ========================================================  ===================================

    Raises:
        ValueError: The text does not name a bucket.
    """
    name = arn
    if arn.startswith("arn:"):
        import re  # events of schema 2.0 have names

        if re.match(_ACCESS_POINT, arn):
            return arn
        directory_bucket = re.match(_DIRECTORY_BUCKET, arn)
        if directory_bucket is not None:
            return directory_bucket[1]
        name = arn.rpartition(":")[2]
    if not name or "/" in name:
        raise ValueError("does not name a bucket")
    return name


def is_directory_bucket(bucket: str) -> bool:
    """Return whether a bucket is a directory bucket (S3 Express One Zone)."""
    return bucket.endswith("--x-s3")


# Compiled on first use. boto3 addresses access points by their ARN, except for those of directory
# buckets.
_ACCESS_POINT: Final = r"arn:[^:]+:(?!s3express:)[^:]+:[^:]*:[^:]*:(?:.+[:/])?accesspoint[:/]."
_DIRECTORY_BUCKET: Final = r"arn:[^:]+:s3express:[^:]*:[^:]*:/?(?:bucket|accesspoint)/([^/]+)$"
