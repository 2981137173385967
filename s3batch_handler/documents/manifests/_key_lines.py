"""Objects from lines of text: one key or ``s3://`` URL a line, or one JSON object a line."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.files._locations import S3_URL, bucket_and_key
from s3batch_handler.documents.manifests._limits import MAX_KEY_CHARACTERS
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
        ManifestError: A line has no bucket or no key.
    """
    separator = b"\0" if null else b"\n"
    for line, piece in enumerate(_pieces(stream, separator, source), 1):
        text = piece if null else piece.removesuffix(b"\r")
        if line == 1 and not null:
            text = text.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
        if not text:
            continue
        key = text.decode("utf-8", "surrogateescape")
        owner = bucket
        if key.startswith(S3_URL):
            owner, key = bucket_and_key(key)
            if not owner or not key:
                problem = f"{text!r:.99} does not name an object: write s3://bucket/key"
                raise ManifestError(problem, source=source, line=line)
        if not owner:
            problem = f"{key!r:.99} has no bucket: pass --bucket, or write s3://bucket/key"
            raise ManifestError(problem, source=source, line=line)
        yield ManifestEntry(owner, encode_key(key), None)


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
        value: object = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise ValueError(f"not a JSON object: {error}") from error
    except RecursionError:
        raise ValueError("not a JSON object: too deeply nested") from None
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise ValueError('not a JSON object: write {"key": "photo.jpg"} on each line')


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
    return ManifestEntry(owner, _encoded(members["key"]), version_id)


_MEMBERS: Final = {"key", "bucket", "version_id"}


def _of_payload(members: dict[str, Any], bucket: str | None) -> ManifestEntry:
    if not bucket:
        raise ValueError("a payload needs a bucket: pass --bucket")
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
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
