"""Rules that find the problems of one row of a manifest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from s3batch_handler.core._keys import decode_key, is_utf8
from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.documents.manifests._limits import (
    MAX_KEY_BYTES,
    MAX_KEY_CHARACTERS,
    MAX_VERSION_ID_BYTES,
)
from s3batch_handler.documents.manifests.check._finding import finding
from s3batch_handler.documents.manifests.check._usual import UNENCODED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.documents.manifests.check._finding import Finding
    from s3batch_handler.documents.manifests.check._scanner import Row


class RowRules:
    """The rules for the rows of a manifest.

    Args:
        columns: The columns of the manifest; ``IsDeleteMarker`` is one of inventories.
        is_form_encoded: Keys are written as in inventories: ``+`` is a space.
        has_payloads: A key may be a JSON payload, as in jobs that invoke a function.

    Attributes:
        known_bucket: A bucket that has been checked, so it is not reported on every line.
    """

    def __init__(
        self, columns: Sequence[str], *, is_form_encoded: bool = False, has_payloads: bool = True
    ) -> None:
        self.columns = tuple(columns)
        self.bucket = self.columns.index("Bucket")
        self.key = self.columns.index("Key")
        self.version = _index(self.columns, "VersionId")
        self._delete_marker = _index(self.columns, "IsDeleteMarker")
        self.known_bucket: str | None = None
        self._is_form_encoded = is_form_encoded
        self._has_payloads = has_payloads

    def findings(self, row: Row) -> Iterator[Finding]:
        """Yield the findings of a row."""
        line, cells = row.line, row.cells
        if cells is None:
            fix = "URL-encode the JSON: quotes and commas too" if b'{"' in row.data else None
            yield finding("NotCsv", line, f"not well-formed CSV: {row.problem}", fix)
            return
        if is_blank(cells):
            yield finding("BlankLine", line, "a blank line")
            return
        if not is_utf8("".join(cells)):
            yield finding("NotUtf8", line, f"not UTF-8: {_first_byte(cells)}")
            return
        if len(cells) != len(self.columns):
            yield wrong_column_count(line, cells, self.columns)
            return
        if has_trailing_spaces(row.data):
            yield finding("TrailingSpaces", line, "spaces at the end of the line")
            cells = cells_without_trailing_spaces(row)
        if self._delete_marker is not None and cells[self._delete_marker].lower() == "true":
            yield finding("DeleteMarker", line, f"a delete marker: {short_repr(cells[self.key])}")
            return
        if cells[self.bucket] != self.known_bucket:
            yield from bucket_findings(cells[self.bucket], line)
        yield from self._key_findings(cells[self.key], line)
        if self.version is not None:
            yield from version_findings(cells[self.version], line)

    def _key_findings(self, key: str, line: int) -> Iterator[Finding]:
        if not key:
            yield finding("EmptyKey", line, "the key is empty")
            return
        problem = invalid_escape(key)
        if problem is not None:
            yield finding("InvalidEscape", line, f"{problem} in the key {short_repr(key)}")
            return
        yield from self._length_findings(key, line)
        if "%25" in key and _is_doubly_encoded(key):
            decoded = short_repr(decode_key(key))
            yield finding(
                "DoublyEncodedKey", line, f"{short_repr(key)} decodes to {decoded}, with escapes"
            )
        if "+" in key and not self._is_form_encoded:
            yield finding("AmbiguousPlus", line, f"+ in the key {short_repr(key)}")
        if key[0] in SPACES or key[-1] in SPACES:
            yield finding("SurroundingSpaces", line, f"spaces around the key {short_repr(key)}")
        elif unencoded := _NOT_ENCODED.search(key):
            what = f"{unencoded[0]!r} is not URL-encoded in the key {short_repr(key)}"
            is_json = self._has_payloads and _is_json(key)
            yield finding("UnencodedJson" if is_json else "UnencodedCharacters", line, what)

    def _length_findings(self, key: str, line: int) -> Iterator[Finding]:
        if len(key) * 4 <= MAX_KEY_BYTES:
            return
        decoded = decode_key(key)
        size = len(decoded.encode("utf-8", "surrogateescape"))
        if self._has_payloads and _is_json(decoded):
            if len(key) > MAX_KEY_CHARACTERS:
                text = (
                    f"the JSON has {len(key):,} characters URL-encoded, at most 1,024 are allowed"
                )
                yield finding("PayloadTooLong", line, text)
        elif size > MAX_KEY_BYTES:
            text = f"the key has {size:,} bytes, at most 1,024 are allowed: {short_repr(key)}"
            yield finding("KeyTooLong", line, text)
        elif len(key) > MAX_KEY_CHARACTERS:
            text = f"the key has {len(key):,} characters URL-encoded, but only {size:,} bytes"
            yield finding("LongKeyField", line, text)


# ---------------------------------------------------------------- cells


def _index(columns: Sequence[str], name: str) -> int | None:
    return columns.index(name) if name in columns else None


def is_blank(cells: Sequence[str]) -> bool:
    """Return whether a line has no cells, or only spaces."""
    return not cells or (len(cells) == 1 and not cells[0].strip(SPACES))


def has_trailing_spaces(data: bytes) -> bool:
    """Return whether a line ends with spaces, outside of quotes."""
    return data.rstrip(b"\r\n").endswith((b" ", b"\t"))


def cells_without_trailing_spaces(row: Row) -> list[str]:
    """Return the cells of a row without the spaces at its end."""
    cells = row.cells or []
    if cells and has_trailing_spaces(row.data):
        return [*cells[:-1], cells[-1].rstrip(SPACES)]
    return cells


def wrong_column_count(line: int, cells: Sequence[str], columns: Sequence[str] | None) -> Finding:
    """Return the finding of a row whose number of cells is not that of the columns, if known."""
    found = f"has {len(cells)} {'column' if len(cells) == 1 else 'columns'}"
    if columns is None:
        text = f"{found}, expected 2 (Bucket, Key) or 3 (Bucket, Key, VersionId)"
        fix = "Name all columns with --fields, for example Bucket,Key,Ignore,VersionId"
        return finding("WrongColumnCount", line, text, fix)
    text = f"{found}, expected {len(columns)} ({', '.join(columns)}) on every line"
    if any("{" in cell for cell in cells):
        return finding("WrongColumnCount", line, text, "URL-encode JSON: a comma is %2C")
    return finding("WrongColumnCount", line, text)


def bucket_findings(bucket: str, line: int) -> Iterator[Finding]:
    """Yield the findings of a bucket."""
    if not bucket:
        yield finding("EmptyBucket", line, "the bucket is empty")
    elif _ACCESS_POINT.fullmatch(bucket):
        yield finding("AccessPoint", line, f"the ARN of an access point: {short_repr(bucket)}")
    elif not _POSSIBLE_BUCKET.fullmatch(bucket):
        yield finding("InvalidBucketName", line, f"{short_repr(bucket)} is not a valid bucket name")
    elif not _NEW_BUCKET.fullmatch(bucket):
        yield finding("UnusualBucketName", line, f"the bucket {short_repr(bucket)}")


def version_findings(version: str, line: int) -> Iterator[Finding]:
    """Yield the findings of a version ID."""
    if not version:
        yield finding("EmptyVersionId", line, "the version ID is empty")
    elif len(version) > MAX_VERSION_ID_BYTES or not _POSSIBLE_VERSION.fullmatch(version):
        yield finding("InvalidVersionId", line, f"{short_repr(version)} is not a version ID")
    elif version.lower() in _MISSING_VALUES and version != "null":
        yield finding("UnlikelyVersionId", line, f"the version ID is {version!r}")


def invalid_escape(key: str) -> str | None:
    """Return the problem of the escapes of a key; ``None`` if they are valid."""
    if "%" not in key:
        return None
    if found := _NO_ESCAPE.search(key):
        return f"{found[0]!r} is not an escape"
    if not is_utf8(decode_key(key)):
        return "escapes are not UTF-8"
    return None


def with_encoded_characters(key: str) -> str:
    """Return a key with its unencoded characters URL-encoded, except % and +."""
    return _NOT_ENCODED.sub(lambda found: quote(found[0], safe=""), key)


def decoded_once(key: str) -> str:
    """Return a doubly encoded key as a key that is encoded once."""
    return _DOUBLY_ENCODED.sub("%", key)


def _is_doubly_encoded(key: str) -> bool:
    """Return whether a key, decoded once, has escapes, all of them in UTF-8."""
    decoded = decoded_once(key)
    return decoded != key and invalid_escape(decoded) is None


def _is_json(key: str) -> bool:
    """Return whether a key is probably a JSON payload, which may be cut off."""
    return key.startswith("{") or (key.startswith("[") and key.endswith("]"))


def _first_byte(cells: Sequence[str]) -> str:
    found = re.search("[\udc80-\udcff]", "".join(cells))
    return f"byte 0x{ord(found[0]) - 0xDC00:02x}" if found else "a surrogate"


SPACES: Final = " \t"
_POSSIBLE_BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")  # what boto3 accepts
_NEW_BUCKET: Final = re.compile(r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")
_ACCESS_POINT: Final = re.compile(r"arn:[^:]+:s3[^:]*:[^:]*:[^:]*:accesspoint[:/][A-Za-z0-9._:/-]+")
_POSSIBLE_VERSION: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+;=:@/-]+")  # "URL-ready"
_MISSING_VALUES: Final = {"none", "null", "nan", "nil", "-"}
_NO_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_DOUBLY_ENCODED: Final = re.compile(r"%25(?=[0-9A-Fa-f]{2})")
_NOT_ENCODED: Final = re.compile(rf"[^%+{UNENCODED}]")
