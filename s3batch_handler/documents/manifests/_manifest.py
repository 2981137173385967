"""CSV manifests (``S3BatchOperations_CSV_20180820``): the list of the objects of a job.

A manifest has one line per object, no header, and URL-encoded keys in UTF-8. The job's
``Manifest.Spec.Fields`` lists its columns. Sources: S3 User Guide, "Specifying a manifest" and
"Troubleshooting Batch Operations".
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key, encode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.files._csv_rows import InvalidCsv, csv_cell, csv_rows, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MANIFEST_FORMAT: Final = "S3BatchOperations_CSV_20180820"


class ManifestEntry(NamedTuple):
    """One line of a manifest, exactly as it is written there: reports repeat it byte for byte.

    Attributes:
        bucket: A bucket name.
        encoded_key: The key, still URL-encoded.
        version_id: ``None`` if the manifest has no such column, ``""`` if the cell is empty.
    """

    bucket: str
    encoded_key: str
    version_id: str | None

    @property
    def object(self) -> ObjectRef:
        """Return the object of the line."""
        return ObjectRef(
            bucket=self.bucket,
            key=decode_key(self.encoded_key),
            version_id=self.version_id or None,
        )


@dataclass(frozen=True, slots=True)
class ManifestInfo:
    """The facts about a written manifest that CreateJob requires.

    Attributes:
        count: The number of lines.
        fields: The columns, for ``Manifest.Spec.Fields``.
        etag: The MD5 of the bytes in hex. This is the ETag in S3 if one request uploads the
            manifest. For a multipart upload, use the ETag of the response instead.
    """

    count: int
    fields: tuple[str, ...]
    etag: str

    def _repr_html_(self) -> str:
        """Return a table for notebooks."""
        from s3batch_handler.core._html import html_table  # only there

        facts = [
            ("Objects", f"{self.count:,}"),
            ("Fields", ", ".join(self.fields)),
            ("ETag", self.etag),
        ]
        return html_table("Manifest", facts)


# ---------------------------------------------------------------- reading


def read_manifest(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> Iterator[ObjectRef]:
    """Yield the objects of a manifest, with decoded keys; see :func:`read_entries`."""
    return (entry.object for entry in read_entries(stream, fields=fields, source=source))


def read_entries(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> Iterator[ManifestEntry]:
    """Yield the lines of a manifest one at a time, because it may have billions.

    Args:
        stream: The bytes of the manifest; it is not closed.
        fields: The columns: ``Bucket``, ``Key``, ``VersionId`` and any number of ``Ignore``, in any
            order. Without it, the first line must have two columns (bucket, key) or three (bucket,
            key, version ID).
        source: The name of the manifest in error messages.

    Raises:
        ManifestError: ``fields`` is not valid (raised immediately), or a line is (raised when
            it is reached). AWS would fail the job, or process other objects than intended. An empty
            manifest is not an error here.
    """
    columns = None if fields is None else checked_fields(fields, source)
    return entries_of(lines_of(stream), columns, source)


def entries_of(
    lines: Iterable[bytes],
    columns: tuple[str, ...] | None,
    source: str,
    *,
    skipped: Callable[[], int] = lambda: 0,
) -> Iterator[ManifestEntry]:
    """Yield the entries of lines: see :func:`read_entries`.

    Args:
        lines: The lines of a manifest. An entry is yielded before the line after it is read.
        columns: The checked ``fields`` of :func:`read_entries`.
        source: The name of the manifest in error messages.
        skipped: Returns the number of lines of the manifest that were left out so far.

    Raises:
        ManifestError: A line is not valid.
    """
    rows = csv_rows(lines, strict=True)
    try:
        first = next(rows, None)
        if first is None:
            return
        columns = _columns(first[1], columns, source)
        width, bucket, key = len(columns), columns.index("Bucket"), columns.index("Key")
        version = columns.index("VersionId") if "VersionId" in columns else None
        for line, row in chain((first,), rows):
            if len(row) != width or not row[bucket] or not row[key]:
                raise _row_error(row, columns, source=source, line=line + skipped())
            yield ManifestEntry(row[bucket], row[key], None if version is None else row[version])
    except InvalidCsv as error:
        problem = f"{error}; S3 requires plain CSV in UTF-8, with URL-encoded keys"
        raise ManifestError(problem, source=source, line=error.line + skipped()) from error


_FIELDS: Final = ("Bucket", "Key", "VersionId", "Ignore")
COLUMNS_BY_WIDTH: Final = {2: _FIELDS[:2], 3: _FIELDS[:3]}


def checked_fields(fields: Sequence[str], source: str) -> tuple[str, ...]:
    """Return the columns of a manifest, or raise a :class:`ManifestError`."""
    for name in fields:
        if name not in _FIELDS:
            raise ManifestError(f"unknown field {name!r}; use {', '.join(_FIELDS)}", source=source)
    for name in _FIELDS[:3]:
        if fields.count(name) > 1:
            raise ManifestError(f"field {name} is given more than once", source=source)
    for name in _FIELDS[:2]:
        if name not in fields:
            problem = f"field {name} is missing; S3 requires Bucket and Key"
            raise ManifestError(problem, source=source)
    return tuple(fields)


def _columns(first: list[str], columns: tuple[str, ...] | None, source: str) -> tuple[str, ...]:
    """Return the columns of a manifest, given its first line."""
    if first and first[0].startswith("\ufeff"):
        problem = "begins with a byte order mark, which S3 reads as data; save it without BOM"
    elif is_header(first):
        problem = "a header row, which S3 reads as an object; remove it and pass fields instead"
    elif columns is None and first and len(first) not in COLUMNS_BY_WIDTH:
        problem = (
            f"expected 2 columns (bucket, key) or 3 (with the version ID), got {len(first)}; "
            "pass their names as fields, for example Bucket,Key,Ignore,VersionId"
        )
    else:
        return columns or COLUMNS_BY_WIDTH[len(first) or 2]
    raise ManifestError(problem, source=source, line=1)


def is_header(row: Iterable[str]) -> bool:
    """Return whether a row has the names of columns."""
    words = {_word(cell) for cell in row}
    return not words.isdisjoint(_BUCKET_WORDS) and not words.isdisjoint(_KEY_WORDS)


def header_fields(row: Iterable[str]) -> tuple[str, ...] | None:
    """Return the columns that a header row names; ``None`` if it does not name them once."""
    words = [_word(cell) for cell in row]
    fields = tuple(
        next((field for field, names in _WORDS.items() if word in names), "Ignore")
        for word in words
    )
    is_clear = all(fields.count(name) == 1 for name in ("Bucket", "Key"))
    return fields if is_clear and fields.count("VersionId") <= 1 else None


def _word(cell: str) -> str:
    return cell.lower().translate(_NOT_IN_WORDS).strip()


_NOT_IN_WORDS: Final = str.maketrans("", "", " _-")
_BUCKET_WORDS: Final = {"bucket", "bucketname", "s3bucket"}
_KEY_WORDS: Final = {"key", "keyname", "s3key", "object", "objectkey", "objectname"}
HEADER_WORDS: Final = (*sorted(_BUCKET_WORDS), *sorted(_KEY_WORDS))
_VERSION_WORDS: Final = {"versionid", "version", "objectversion", "objectversionid", "s3versionid"}
_WORDS: Final = {"Bucket": _BUCKET_WORDS, "Key": _KEY_WORDS, "VersionId": _VERSION_WORDS}


class WrongColumnCount(ManifestError):
    """A line has more or fewer columns than the manifest."""


def _row_error(
    row: list[str], columns: tuple[str, ...], *, source: str, line: int
) -> ManifestError:
    if not row:
        return ManifestError("a blank line; remove it", source=source, line=line)
    if len(row) != len(columns):
        expected = f"{len(columns)} ({', '.join(columns)})"
        problem = f"has {len(row)} columns, expected {expected} on every line"
        return WrongColumnCount(problem, source=source, line=line)
    name = "bucket" if not row[columns.index("Bucket")] else "key"
    problem = f"the {name} is empty; every line must have a bucket and a key"
    return ManifestError(problem, source=source, line=line)


# ---------------------------------------------------------------- writing


def write_manifest(target: BinaryIO, objects: Iterable[ObjectRef]) -> ManifestInfo:
    """Write a CSV manifest, one line per object, keys URL-encoded.

    S3 requires version IDs on all lines or on none, so the first object decides.

    Raises:
        ManifestError: An object cannot be a line of this manifest. The objects before it are
            written.
    """
    name = getattr(target, "name", None)
    source = name if isinstance(name, str) else "<stream>"
    writer = _HashingWriter(target)
    write_row = csv.writer(writer, lineterminator="\n").writerow
    lines, fields = 0, COLUMNS_BY_WIDTH[2]
    for lines, item in enumerate(objects, 1):
        if lines == 1:
            fields = COLUMNS_BY_WIDTH[2 if item.version_id is None else 3]
        try:
            row = _row(item, fields, first=lines == 1)
        except ValueError as error:
            raise ManifestError(str(error), source=source, line=lines) from error
        write_row(row)
    return ManifestInfo(lines, fields, writer.md5.hexdigest())


def write_entries(target: BinaryIO, entries: Iterable[ManifestEntry]) -> ManifestInfo:
    """Write a CSV manifest of the entries of another one, with keys as they are spelled there.

    Raises:
        ManifestError: Some entries have a version ID, others have no such column.
    """
    writer = EntryWriter(target)
    for entry in entries:
        writer.write(entry)
    return writer.info()


class EntryWriter:
    """Writes the lines of a manifest, with keys as they are spelled in the entries.

    Attributes:
        target: The file; a writer that has many files may close and open it between two lines.
    """

    def __init__(self, target: BinaryIO) -> None:
        self.target = target
        self._lines = 0
        self._fields = COLUMNS_BY_WIDTH[2]
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, entry: ManifestEntry) -> None:
        """Write one line; raise errors as :func:`write_entries`."""
        is_first = not self._lines
        self._lines += 1
        if is_first:
            self._fields = COLUMNS_BY_WIDTH[2 if entry.version_id is None else 3]
        elif (entry.version_id is None) != (len(self._fields) == 2):
            problem = "some lines have a version ID, others do not: they are of several manifests"
            raise ManifestError(problem, source="<stream>", line=self._lines)
        line = line_of_entry(entry, first=is_first)
        self._md5.update(line)
        self.target.write(line)

    def info(self) -> ManifestInfo:
        """Return the facts about the lines that are written."""
        return ManifestInfo(self._lines, self._fields, self._md5.hexdigest())


def line_of_entry(entry: ManifestEntry, *, first: bool = False) -> bytes:
    """Return the line of an entry; the first line of a manifest may not look like a header."""
    bucket, key, version = entry
    cells = [bucket, key] if version is None else [bucket, key, version]
    if first and is_header(cells):
        cells[1] = _not_like_a_header(key)
    text = ",".join(cells)
    if '"' in text or "\n" in text or "\r" in text or text.count(",") >= len(cells):  # few lines
        text = ",".join(map(csv_cell, cells))
    return f"{text}\n".encode()


def _not_like_a_header(encoded_key: str) -> str:
    """Encode the first letter: an object "key" in a bucket "bucket" would look like a header."""
    return f"%{ord(encoded_key[0]):02X}{encoded_key[1:]}"


def _row(item: ObjectRef, fields: tuple[str, ...], *, first: bool) -> list[str]:
    if not item.bucket or not item.key:
        raise ValueError("an object must have a bucket and a key")
    if not f"{item.bucket}{item.version_id}".isprintable():  # only keys are encoded
        raise ValueError(f"{item.bucket!r}, {item.version_id!r}: not valid in S3")
    row = [item.bucket, encode_key(item.key)]
    if len(fields) == 3:
        if not item.version_id:
            raise ValueError(
                f"{item.key!r} has no version ID, but the objects before it have one; pass all of "
                "them with a version ID ('null' is the version from before versioning), or none"
            )
        row.append(item.version_id)
    elif item.version_id is not None:
        raise ValueError(
            f"{item.key!r} has a version ID, but the objects before it have none; "
            "pass all of them with a version ID, or none"
        )
    if first and is_header(row):
        row[1] = _not_like_a_header(row[1])
    return row


class _HashingWriter:
    """Writes lines to ``target`` and computes their MD5."""

    def __init__(self, target: BinaryIO) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._target = target

    def write(self, line: str) -> int:
        data = line.encode()
        self.md5.update(data)
        return self._target.write(data)
