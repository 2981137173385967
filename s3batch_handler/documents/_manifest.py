"""CSV manifests (``S3BatchOperations_CSV_20180820``): the list of the objects of a job.

One line per object, no header, UTF-8, keys URL-encoded; which column is what is said beside the
file, in the job's ``Manifest.Spec.Fields``. Source: S3 User Guide, "Specifying a manifest" and
"Troubleshooting Batch Operations".
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from typing_extensions import override

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key, encode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents._csv_reader import csv_reader, line_of_decode_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Buffer

MANIFEST_FORMAT: Final = "S3BatchOperations_CSV_20180820"


class ManifestEntry(NamedTuple):
    """One line of a manifest, exactly as it stands: reports echo it byte for byte.

    Attributes:
        bucket: A bucket name.
        encoded_key: The key, still URL-encoded.
        version_id: ``None``: the manifest has no such column. ``""``: the cell is empty.
    """

    bucket: str
    encoded_key: str
    version_id: str | None

    @property
    def object(self) -> ObjectRef:
        """What the line names."""
        return ObjectRef.from_valid(
            {
                "bucket": self.bucket,
                "key": decode_key(self.encoded_key),
                "version_id": self.version_id or None,
            }
        )


@dataclass(frozen=True, slots=True)
class ManifestInfo:
    """What CreateJob wants to know about a manifest that was written.

    Attributes:
        count: Lines.
        fields: The columns, for ``Manifest.Spec.Fields``.
        etag: Hex MD5 of the bytes, as S3 gives it for an object put in one request. For a
            multipart upload S3 gives another one: take that from its answer.
    """

    count: int
    fields: tuple[str, ...]
    etag: str


# ---------------------------------------------------------------- reading


def read_manifest(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> Iterator[ObjectRef]:
    """Give the objects that a manifest names, keys decoded; as :func:`read_entries` otherwise."""
    return (entry.object for entry in read_entries(stream, fields=fields, source=source))


def read_entries(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> Iterator[ManifestEntry]:
    """Give the lines of a manifest as they stand, one at a time: it may have billions.

    Args:
        stream: The bytes of the manifest; it stays open.
        fields: What the columns are: ``Bucket``, ``Key``, ``VersionId`` and any number of
            ``Ignore``, in any order. Without it, the first line must have two columns (bucket,
            key) or three (bucket, key, version id).
        source: What to call the manifest in an error.

    Raises:
        ManifestError: ``fields`` at once, anything else when its line is reached: AWS would fail
            the job, or do something else than was meant. Nothing is skipped or mended. A manifest
            without any line is not an error here.
    """
    columns = None if fields is None else _checked_fields(fields, source)
    return _entries(stream, columns, source)


def _entries(
    stream: BinaryIO, columns: tuple[str, ...] | None, source: str
) -> Iterator[ManifestEntry]:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
    reader = csv_reader(text, strict=True)
    line = 0  # the last one that was good
    try:
        first = next(reader, None)
        if first is None:
            return
        columns = _columns(first, columns, source)
        width, bucket, key = len(columns), columns.index("Bucket"), columns.index("Key")
        versioned = "VersionId" in columns
        in_order = columns in _BY_WIDTH.values()
        pick = itemgetter(bucket, key, columns.index("VersionId") if versioned else width)
        new = tuple.__new__  # half the price of ManifestEntry(…)
        for row in chain((first,), reader):
            if len(row) != width or not row[bucket] or not row[key]:
                raise ManifestError(_problem(row, columns), source=source, line=line + 1)
            if not versioned:
                row.append(None)  # type: ignore[arg-type]  # where pick looks for the version id
            yield new(ManifestEntry, row if in_order else pick(row))
            line = reader.line_num
    except UnicodeDecodeError as error:
        at = line_of_decode_error(error, reader)
        raise ManifestError(_undecodable(error, at), source=source, line=at) from error
    except csv.Error as error:
        problem = f"not well-formed CSV: {error}"
        raise ManifestError(problem, source=source, line=line + 1) from error
    finally:
        if not stream.closed:
            text.detach()  # or the stream would be closed together with it


def count_entries(
    stream: BinaryIO, *, fields: Sequence[str] | None = None, source: str = "<stream>"
) -> int:
    """Read a manifest to its end and count its lines, several times as fast as one gets them.

    Args:
        stream: As with :func:`read_entries`; one that can seek.
        fields: As with :func:`read_entries`.
        source: Likewise.

    Raises:
        ManifestError: What :func:`read_entries` raises.
    """
    start = stream.tell()
    count = _count_plain(stream, None if fields is None else _checked_fields(fields, source))
    if count is None:
        stream.seek(start)
        count = sum(1 for _ in read_entries(stream, fields=fields, source=source))
    return count


def _count_plain(stream: BinaryIO, columns: tuple[str, ...] | None) -> int | None:
    """Count lines as nearly all are; ``None``: there is one that needs a closer look."""
    plain, count = None, 0
    for lines in _blocks_of_lines(stream):
        if plain is None:
            first = lines[: lines.find(b"\n")].decode(errors="replace").split(",")
            columns = columns or _BY_WIDTH.get(len(first))
            if columns is None or first[0].startswith("\ufeff") or _is_header(first):
                return None
            plain = _plain_lines(columns)
        if not (plain.fullmatch(lines) and _is_utf8(lines)):
            return None
        count += lines.count(b"\n")
    return count


def _plain_lines(columns: tuple[str, ...]) -> re.Pattern[bytes]:
    """Match lines without quotes, and with a bucket and a key.

    Nothing in it is possessive: Python 3.11.2 takes ``b,k`` for a whole line then.
    """
    cells = [b"%b{%d,4096}" % (_PLAIN, name in ("Bucket", "Key")) for name in columns]
    return re.compile(b"(?:%b\r?\n)*" % b",".join(cells))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _blocks_of_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Give a stream in blocks that end with a line, unless a line is longer than a block."""
    rest = b""
    while chunk := stream.read(_BLOCK):
        data = rest + chunk
        end = data.rfind(b"\n") + 1 or len(data)
        rest = data[end:]
        yield data[:end]
    if rest:
        yield rest + b"\n"


_PLAIN: Final = rb'[^",\r\n]'
_BLOCK: Final = 1 << 20  # bytes

_FIELDS: Final = ("Bucket", "Key", "VersionId", "Ignore")
_BY_WIDTH: Final = {2: _FIELDS[:2], 3: _FIELDS[:3]}


def _checked_fields(fields: Sequence[str], source: str) -> tuple[str, ...]:
    columns = tuple(fields)
    for name in columns:
        if name not in _FIELDS:
            raise ManifestError(f"unknown field {name!r}: use {', '.join(_FIELDS)}", source=source)
        if name != "Ignore" and columns.count(name) > 1:
            raise ManifestError(f"field {name} is given more than once", source=source)
    for name in ("Bucket", "Key"):
        if name not in columns:
            raise ManifestError(f"field {name} is missing: S3 needs Bucket and Key", source=source)
    return columns


def _columns(first: list[str], columns: tuple[str, ...] | None, source: str) -> tuple[str, ...]:
    """Look at the first line: what it must not be, and what its columns are."""
    if first and first[0].startswith("\ufeff"):
        problem = "begins with a byte order mark, which S3 takes as data: save it without BOM"
        raise ManifestError(problem, source=source, line=1)
    if _is_header(first):
        problem = "a header row, which S3 takes as an object: remove it, give its names as fields"
        raise ManifestError(problem, source=source, line=1)
    if columns is not None:
        return columns
    if first and len(first) not in _BY_WIDTH:
        problem = (
            f"expected 2 columns (bucket, key) or 3 (with the version id), got {len(first)}: "
            "say what they are by fields, for instance Bucket,Key,Ignore,VersionId"
        )
        raise ManifestError(problem, source=source, line=1)
    return _BY_WIDTH[len(first) or 2]


def _is_header(row: Iterable[str]) -> bool:
    words = {cell.lower().translate(_NOT_IN_WORDS).strip() for cell in row}
    return not words.isdisjoint(_BUCKET_WORDS) and not words.isdisjoint(_KEY_WORDS)


_NOT_IN_WORDS: Final = str.maketrans("", "", " _-")
_BUCKET_WORDS: Final = {"bucket", "bucketname", "s3bucket"}
_KEY_WORDS: Final = {"key", "keyname", "s3key", "object", "objectkey", "objectname"}


def _problem(row: list[str], columns: tuple[str, ...]) -> str:
    if not row:
        return "a blank line: remove it"
    if len(row) != len(columns):
        expected = f"{len(columns)} ({', '.join(columns)})"
        return f"has {len(row)} columns, expected {expected}: S3 wants the same on every line"
    name = "bucket" if not row[columns.index("Bucket")] else "key"
    return f"the {name} is empty: every line names a bucket and a key"


def _undecodable(error: UnicodeDecodeError, line: int) -> str:
    if line == 1 and error.object.startswith(b"\x1f\x8b"):
        return "compressed with gzip, which S3 does not read in this format: decompress it"
    byte = error.object[error.start]
    return f"byte 0x{byte:02x} is not UTF-8: save the manifest as UTF-8, with keys URL-encoded"


# ---------------------------------------------------------------- writing


def write_manifest(target: BinaryIO, objects: Iterable[ObjectRef]) -> ManifestInfo:
    """Write a CSV manifest, one line per object, keys URL-encoded.

    S3 wants version ids on all lines or on none, so the first object decides.

    Raises:
        ManifestError: An object that cannot be a line of this manifest; what came before it has
            been written.
    """
    name = getattr(target, "name", None)
    source = name if isinstance(name, str) else "<stream>"
    digest = _Digest(target)
    lines, fields = 0, _BY_WIDTH[2]
    with io.TextIOWrapper(io.BufferedWriter(digest), encoding="utf-8", newline="") as text:
        write_row = csv.writer(text, lineterminator="\n").writerow
        for lines, item in enumerate(objects, 1):
            if lines == 1:
                fields = _BY_WIDTH[2 if item.version_id is None else 3]
            try:
                write_row(_row(item, fields, first=lines == 1))
            except ValueError as error:  # what UTF-8 cannot hold is one, too
                raise ManifestError(str(error), source=source, line=lines) from error
    return ManifestInfo(lines, fields, digest.md5.hexdigest())


def _row(item: ObjectRef, fields: tuple[str, ...], *, first: bool) -> list[str]:
    if not item.bucket or not item.key:
        raise ValueError("an object needs a bucket and a key")
    if not f"{item.bucket}{item.version_id}".isprintable():  # keys are encoded, these are not
        raise ValueError(f"{item.bucket!r}, {item.version_id!r}: no bucket or version of S3")
    row = [item.bucket, encode_key(item.key)]
    if len(fields) == 3:
        if not item.version_id:
            raise ValueError(
                f"{item.key!r} has no version id, the objects before it have one: give all of them "
                "one ('null' is the version from before versioning was on), or none"
            )
        row.append(item.version_id)
    elif item.version_id is not None:
        raise ValueError(
            f"{item.key!r} has a version id, the objects before it have none: "
            "give all of them one, or none"
        )
    if first and _is_header(row):
        # An object "key" in a bucket "bucket" must not look like a header: spell one letter %6B.
        row[1] = f"%{ord(row[1][0]):02X}{row[1][1:]}"
    return row


class _Digest(io.RawIOBase):
    """Passes bytes on to ``target`` and takes their MD5; ``target`` stays open."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._target = target

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        written = self._target.write(data)
        self.md5.update(memoryview(data)[:written])
        return written
