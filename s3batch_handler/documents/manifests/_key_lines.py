"""Objects from lines of text: one key or ``s3://`` URL a line, or one JSON object a line."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import unquote_to_bytes

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.files._locations import BUCKET, S3_URL, bucket_and_key
from s3batch_handler.documents.manifests._limits import (
    MAX_KEY_BYTES,
    MAX_KEY_CHARACTERS,
    MAX_VERSION_ID_BYTES,
)
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_keys(
    stream: BinaryIO, *, bucket: str | None, null: bool = False, source: str
) -> Iterator[ManifestEntry]:
    """Yield an entry for each line: a key as it is, not URL-encoded, or an ``s3://`` URL.

    Blank lines are left out. A key that is not valid UTF-8 keeps its bytes.

    Args:
        stream: The lines; it is not closed.
        bucket: The bucket of lines that are not URLs.
        null: Keys end with a NUL character, as ``find -print0`` writes them: they may contain line
            breaks.
        source: The name of the stream in error messages.

    Raises:
        ManifestError: A line has no bucket or no key, or is probably not a key.
    """
    separator = b"\0" if null else b"\n"
    for line, piece in enumerate(_pieces(stream, separator, source), 1):
        text = piece if null else piece.removesuffix(b"\r")
        if line == 1 and not null:
            text = text.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
        if not text:
            continue
        try:
            yield _of_line(text, bucket, null=null)
        except ValueError as error:
            raise ManifestError(str(error), source=source, line=line) from error


def _of_line(text: bytes, bucket: str | None, *, null: bool) -> ManifestEntry:
    key = text.decode("utf-8", "surrogateescape")
    if key.startswith(S3_URL):
        owner, name = bucket_and_key(key)
        if not owner or not name:
            raise ValueError(f"{key!r:.99} does not name an object: write s3://bucket/key")
        return _entry(owner, name)
    if problem := _why_not_a_key(text, null=null):
        raise ValueError(f"{key!r:.99} {problem}. If it is the key, write s3://bucket/key")
    if not bucket:
        raise ValueError(f"{key!r:.99} has no bucket: pass --bucket, or write s3://bucket/key")
    return _entry(bucket, key)


def _why_not_a_key(text: bytes, *, null: bool) -> str | None:
    """Return what is wrong with a line that is probably not meant as a key."""
    if text.startswith(_UTF_16):
        return "is in UTF-16: save the file in UTF-8"
    if not null and b"\0" in text:
        return "contains a NUL character: pass --null if each key ends with one"
    if null and text.endswith(b"\n"):
        return "ends with a line break: omit --null if each key is on its own line"
    if text.startswith(b"./"):
        return r"begins with ./ as find prints it: run find with -printf '%P\n'"
    if _LINE_OF_A_LISTING.match(text) is not None:
        return "is a line of a listing, not a key: write keys only, or pass --bucket alone"
    return None


def _entry(bucket: str, key: str, version_id: str | None = None) -> ManifestEntry:
    """Return an entry for an object that can exist."""
    if not BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r:.99} is not a valid bucket name")
    if version_id is not None and not _VERSION_ID.fullmatch(version_id):
        raise ValueError(f"{version_id!r:.99} is not a version ID")
    encoded = _encoded(key)
    if len(encoded) > MAX_KEY_BYTES and (count := len(unquote_to_bytes(encoded))) > MAX_KEY_BYTES:
        raise ValueError(f"the key has {count:,} bytes, S3 allows at most {MAX_KEY_BYTES:,}")
    return ManifestEntry(bucket, encoded, version_id)


_VERSION_ID: Final = re.compile(rf"[!-~]{{1,{MAX_VERSION_ID_BYTES}}}")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")  # its byte order marks, which are not UTF-8

# Of `aws s3 ls`, with dates, sizes and prefixes, and of `ls -l`.
_LINE_OF_A_LISTING: Final = re.compile(
    rb"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? +(\d|DIR )| +(PRE|DIR) |[-dl]([-r][-w][-xsStT]){3}\W"
)


def _pieces(stream: BinaryIO, separator: bytes, source: str) -> Iterator[bytes]:
    """Yield the text between separators."""
    rest = b""
    line = 1
    for chunk in iter(partial(stream.read, _CHUNK), b""):
        *pieces, rest = (rest + chunk).split(separator)
        yield from pieces
        line += len(pieces)
        if len(rest) > _MAX_LINE:
            problem = f"longer than {_MAX_LINE >> 20} MiB: is every key on its own line?"
            raise ManifestError(problem, source=source, line=line)
    if rest:
        yield rest


_CHUNK: Final = 1 << 16
_MAX_LINE: Final = 1 << 20  # bytes; keys have at most 1,024


def read_objects(
    stream: BinaryIO, *, bucket: str | None, payload: bool = False, source: str
) -> Iterator[ManifestEntry]:
    """Yield an entry for each line with a JSON object: ``key``, ``bucket``, ``version_id``.

    Args:
        stream: The lines; it is not closed.
        bucket: The bucket of objects without ``bucket``.
        payload: The whole JSON object becomes the key, for a function that reads its task from it.
        source: The name of the stream in error messages.

    Raises:
        ManifestError: A line is not such an object, only some have a version ID, or a payload is
            longer than 1,024 characters after encoding.
    """
    first: ManifestEntry | None = None
    for line, text in enumerate(_pieces(stream, b"\n", source), 1):
        if not text.strip():
            continue
        try:
            members = _json_object(text)
            entry = _of_payload(members, bucket) if payload else _of_members(members, bucket)
            first = first or entry
            _check_same_columns(entry, first)
        except ValueError as error:
            raise ManifestError(str(error), source=source, line=line) from error
        yield entry


def _check_same_columns(entry: ManifestEntry, first: ManifestEntry) -> None:
    if (entry.version_id is None) != (first.version_id is None):
        raise ValueError(
            '"version_id" is on some lines only: S3 requires it on all lines or on none ("null" is '
            "the version from before versioning)"
        )


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        value: object = json.loads(
            text, parse_constant=_no_constant, object_pairs_hook=_without_duplicates
        )
    except ValueError as error:
        raise ValueError(f"not a JSON object: {error}") from error
    except RecursionError:
        raise ValueError("not a JSON object: too deeply nested") from None
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise ValueError('not a JSON object: write {"key": "photo.jpg"} on each line')


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice!r:.99} is there twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _of_members(members: dict[str, Any], bucket: str | None) -> ManifestEntry:
    if unknown := members.keys() - _MEMBERS:
        raise ValueError(
            f"unknown member {min(unknown)!r}: use key, bucket and version_id, or pass --payload "
            "to use the whole object as the key"
        )
    for name, value in members.items():
        if not isinstance(value, str) and not (name != "key" and value is None):
            raise ValueError(f'"{name}": expected text, got {json.dumps(value):.40}')
    owner = members.get("bucket") or bucket
    if not members.get("key"):
        raise ValueError('"key" is missing or empty: write {"key": "photo.jpg"}')
    if not owner:
        raise ValueError('no bucket: pass --bucket, or write "bucket" in the object')
    version_id = members.get("version_id")
    if version_id == "":
        raise ValueError('"version_id" is empty: write "null" for the version before versioning')
    return _entry(owner, members["key"], version_id)


_MEMBERS: Final = {"key", "bucket", "version_id"}


def _of_payload(members: dict[str, Any], bucket: str | None) -> ManifestEntry:
    if not bucket:
        raise ValueError("a payload needs a bucket: pass --bucket")
    try:
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise ValueError("a number is too large for a float: write it as text") from None
    key = _encoded(text)
    if len(key) > MAX_KEY_CHARACTERS:
        raise ValueError(
            f"the payload has {len(key):,} characters after URL encoding, at most "
            f"{MAX_KEY_CHARACTERS:,} are allowed: store it in S3, and put its key in the manifest"
        )
    return ManifestEntry(bucket, key, None)


def _encoded(key: str) -> str:
    try:
        return encode_key(key)
    except UnicodeEncodeError:
        raise ValueError(f"{key!r:.99} contains half of a character (a lone surrogate)") from None
