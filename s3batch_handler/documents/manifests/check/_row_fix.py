"""Repair one row of a manifest, as far as its meaning is clear."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from s3batch_handler.documents.files._csv_rows import csv_cell, needs_quotes
from s3batch_handler.documents.manifests._manifest import is_header
from s3batch_handler.documents.manifests.check._row_rules import (
    SPACES,
    bucket_findings,
    decoded_once,
    version_findings,
    with_encoded_characters,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.documents.manifests.check._finding import Finding
    from s3batch_handler.documents.manifests.check._row_rules import RowRules
    from s3batch_handler.documents.manifests.check._scanner import Row


class FixOptions(NamedTuple):
    """What a repair may change although its meaning is not certain.

    Attributes:
        plus: What ``+`` in a key is; ``None`` leaves it as it is.
        decode_twice: Decode keys once that were encoded twice.
        duplicates: Remove lines whose object is on an earlier line.
    """

    plus: Literal["space", "literal"] | None = None
    decode_twice: bool = False
    duplicates: bool = False


class FixedRow(NamedTuple):
    """The bytes of a repaired row, and the codes of what was repaired."""

    data: bytes
    codes: set[str]


def fixed_row(
    row: Row, found: Iterable[Finding], rules: RowRules | None, options: FixOptions
) -> FixedRow:
    """Return a repaired row; without a change, its bytes are the same.

    Args:
        row: The row.
        found: What is wrong with it.
        rules: The rules of the manifest, once its columns are known.
        options: What may be changed.
    """
    codes = {each.code for each in found}
    if dropped := codes & {"BlankLine", "HeaderRow"}:
        return FixedRow(b"", dropped)
    if rules is None or not row.cells or codes & _UNCLEAR:
        return FixedRow(row.data, set())
    cells = [*row.cells]
    fixed: set[str] = set()
    if "TrailingSpaces" in codes:
        cells[-1] = cells[-1].rstrip(SPACES)
        fixed.add("TrailingSpaces")
    if "InvalidBucketName" in codes:
        cells[rules.bucket] = _bucket(cells[rules.bucket], fixed)
        if is_header(cells):  # such as s3://bucket,key, which would become a header row
            cells[rules.bucket] = row.cells[rules.bucket]
            fixed.discard("InvalidBucketName")
    if not codes & {"EmptyKey", "InvalidEscape", "SurroundingSpaces"}:
        cells[rules.key] = _key(cells[rules.key], codes, options, fixed)
    if rules.version is not None and codes & {"EmptyVersionId", "InvalidVersionId"}:
        cells[rules.version] = _version(cells[rules.version], fixed)
    if not fixed:
        return FixedRow(row.data, fixed)
    end = row.data[len(row.data.rstrip(b"\r\n")) :]
    return FixedRow(",".join(map(_cell, cells)).encode() + end, fixed)


def _cell(text: str) -> str:
    """Quote spaces at the end, which would otherwise be spaces at the end of a line."""
    return f'"{text}"' if text.endswith((" ", "\t")) and not needs_quotes(text) else csv_cell(text)


def _bucket(bucket: str, fixed: set[str]) -> str:
    name = _BEFORE_A_BUCKET.sub("", bucket.strip(SPACES), count=1).removesuffix("/")
    if any(bucket_findings(name, 0)):
        return bucket
    fixed.add("InvalidBucketName")
    return name


def _key(key: str, codes: set[str], options: FixOptions, fixed: set[str]) -> str:
    if "DoublyEncodedKey" in codes and options.decode_twice:
        fixed.add("DoublyEncodedKey")
        key = decoded_once(key)
    if "AmbiguousPlus" in codes and options.plus is not None:
        fixed.add("AmbiguousPlus")
        key = key.replace("+", "%20" if options.plus == "space" else "%2B")
    if unencoded := codes & {"UnencodedCharacters", "UnencodedJson"}:
        fixed |= unencoded
        key = with_encoded_characters(key)
    return key


def _version(version: str, fixed: set[str]) -> str:
    stripped = version.strip(SPACES)
    if stripped in _NO_VERSION:
        fixed.add("InvalidVersionId" if version else "EmptyVersionId")
        return "null"
    if any(version_findings(stripped, 0)):
        return version
    fixed.add("InvalidVersionId")
    return stripped


_UNCLEAR: Final = {"NotCsv", "NotUtf8", "WrongColumnCount"}
_BEFORE_A_BUCKET: Final = re.compile("\ufeff*(?:s3://|arn:[^:]+:s3:::)?")
_NO_VERSION: Final = ("", r"\N")  # \N is an empty cell in SQL dumps and completion reports
