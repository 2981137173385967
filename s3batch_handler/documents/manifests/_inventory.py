"""S3 Inventory reports (``S3InventoryReport_CSV_20161130``) as manifests of a job.

::

    <prefix>/<source bucket>/<config id>/<YYYY-MM-DDTHH-MMZ>/manifest.json     lists the parts
    <prefix>/<source bucket>/<config id>/<YYYY-MM-DDTHH-MMZ>/manifest.checksum its MD5
    <prefix>/<source bucket>/<config id>/data/<name>.csv.gz                    a part, with gzip

A job reads inventories in CSV, as S3 Batch Operations does: _inventory_tables.py reads ORC and
Parquet to create a manifest from them. The format
``S3InventoryReport_CSV_20211130`` of the manifests that S3 generates is not published:
:func:`write_inventory` writes the layout above, so this package can read it again.

Sources: S3 User Guide, "Locating your inventory list", "Specifying a manifest" and "Converting
empty version ID strings in Amazon S3 Inventory reports to null strings".
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._validation import explain_error
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._hashing import HashingReader
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.files._locations import split_location
from s3batch_handler.documents.files._s3_folder import S3Folder
from s3batch_handler.documents.manifests._manifest import read_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.manifests._manifest import ManifestEntry

_T = TypeVar("_T")
INVENTORY_FORMAT: Final = "S3InventoryReport_CSV_20161130"

OpenPart: TypeAlias = Callable[[str], BinaryIO]
"""Opens a part of an inventory, given its key. Raises FileNotFoundError if it does not exist."""


class InventoryPart(NamedTuple):
    """One of the files of an inventory.

    Attributes:
        key: The key in the inventory's destination bucket.
        size: The number of bytes of the compressed file.
        md5: The MD5 of these bytes in hex.
    """

    key: str
    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """The content of an inventory's ``manifest.json``.

    Attributes:
        destination_bucket: The name of the bucket that contains the parts.
        columns: The columns with AWS's names; ``Bucket`` and ``Key`` are among them.
        parts: The parts in the order in which they are read.
        format: ``CSV``, ``ORC`` or ``Parquet``.
    """

    destination_bucket: str
    columns: tuple[str, ...]
    parts: tuple[InventoryPart, ...]
    format: str = "CSV"

    def entries(self, open_part: OpenPart) -> Iterator[ManifestEntry]:
        """Yield the lines of all parts one at a time.

        S3 Batch Operations creates a task for every line, delete markers included. A damaged part
        is detected at its end, so read all lines before a task runs.

        Raises:
            ManifestError: A part is missing or damaged, has a line that is not valid in a manifest,
                or decompresses to far more than its size. The source is the key of the part.
        """
        fields = [name if name in _READ else "Ignore" for name in self.columns]
        for part in self.parts:
            yield from read_part(part, open_part, partial(_entries, part, fields))


def read_inventory(location: str | Path, *, s3: S3Client | None = None) -> Iterator[ManifestEntry]:
    """Yield the lines of an inventory one at a time.

    Args:
        location: The path or ``s3://`` URL of its ``manifest.json``. In S3, the parts are in the
            bucket that it names. In a folder, they are in ``data/`` beside it, or have the same
            place relative to it as in the bucket.
        s3: ``boto3.client("s3")``, for an S3 URL.

    Raises:
        FileNotFoundError: There is no such file.
        ManifestError: It is not the ``manifest.json`` of an inventory in CSV, or a part of the
            inventory is missing or not valid.
    """
    inventory, open_part = open_inventory(location, s3=s3)
    return inventory.entries(open_part)


def open_inventory(
    location: str | Path, *, s3: S3Client | None = None, formats: Sequence[str] = ("CSV",)
) -> tuple[Inventory, OpenPart]:
    """Read a ``manifest.json``; return its content, and a function that opens the parts.

    ``formats`` are the accepted formats; otherwise as :func:`read_inventory`.
    """
    parent, name = split_location(location)
    with open_folder(parent, s3=s3).read(name) as stream:
        inventory = parse_inventory(stream, source=str(location), formats=formats)
    if isinstance(parent, Path):
        return inventory, _beside(Path(location))
    assert s3 is not None  # open_folder requires it
    return inventory, S3Folder(s3, inventory.destination_bucket).read


def parse_inventory(
    stream: BinaryIO, *, source: str, formats: Sequence[str] = ("CSV",)
) -> Inventory:
    """Read a ``manifest.json``, but not the parts that it lists.

    Args:
        stream: The bytes of the file.
        source: The name of the file in error messages.
        formats: The accepted formats: ``CSV``, ``ORC``, ``Parquet``.

    Raises:
        ManifestError: It is not the ``manifest.json`` of an inventory in one of these formats.
    """
    content = stream.read(_MAX_DOCUMENT + 1)
    if len(content) > _MAX_DOCUMENT:
        raise ManifestError(
            f"larger than {_MAX_DOCUMENT >> 20} MiB: not an inventory's manifest.json",
            source=source,
        )
    try:
        document = _DOCUMENT.validate_json(content)
        bucket = bucket_name(document["destinationBucket"])
    except ValidationError as error:
        problem = f"not an inventory's manifest.json: {explain_error(error, whole='')}"
        raise ManifestError(problem, source=source) from None
    except ValueError as error:
        raise ManifestError(f"destinationBucket: {error}", source=source) from error
    format_ = document["fileFormat"]
    if format_ not in formats:
        problem = (
            f"fileFormat is {format_}: S3 Batch Operations reads CSV only; convert the inventory: "
            f"s3batch manifest create manifest.csv --inventory {source}"
            if format_ in _TABLES
            else f"fileFormat is {format_}, expected {' or '.join(formats)}"
        )
        raise ManifestError(problem, source=source)
    columns = _columns(format_, document["fileSchema"])
    missing = [name for name in ("Bucket", "Key") if name not in columns]
    if missing:
        problem = f"Required fields are missing in the schema: {', '.join(missing)}"
        raise ManifestError(problem, source=source)
    parts = (
        InventoryPart(file["key"], file["size"], file["MD5checksum"].lower())
        for file in document["files"]
    )
    return Inventory(bucket, columns, tuple(parts), format_)


def _columns(format_: str, schema: str) -> tuple[str, ...]:
    """Return the columns of an inventory with the names that they have in CSV.

    The schema of the other formats has types, and the names are lower case, such as
    ``is_delete_marker``.
    """
    if format_ == "CSV":
        return tuple(name.strip() for name in schema.split(","))
    pattern = r"(\w+):" if format_ == "ORC" else r"(?:required|optional) \w+ (\w+)"
    names = map(str, re.findall(pattern, schema))
    return tuple(NAMES_IN_CSV.get(name, name) for name in names)


_TABLES: Final = ("ORC", "Parquet")
NAMES_IN_CSV: Final = {
    "bucket": "Bucket",
    "key": "Key",
    "version_id": "VersionId",
    "is_latest": "IsLatest",
    "is_delete_marker": "IsDeleteMarker",
    "size": "Size",
    "last_modified_date": "LastModifiedDate",
    "storage_class": "StorageClass",
}


class _File(TypedDict):
    key: str
    size: int
    MD5checksum: str


class _Document(TypedDict):
    destinationBucket: str
    fileFormat: str
    fileSchema: str
    files: list[_File]


_DOCUMENT: Final = TypeAdapter(_Document)
_READ: Final = {"Bucket", "Key", "VersionId"}

# This suffices for a million parts, which have more lines than a job may have tasks.
_MAX_DOCUMENT: Final = 256 << 20


def _beside(manifest: Path) -> OpenPart:
    """Return a function that finds parts below the parent folder of the manifest's folder."""
    here = manifest.resolve().parent
    folder = LocalFolder(here.parent)

    def open_part(key: str) -> BinaryIO:
        name = key.rpartition("/")[2]
        for candidate in (f"{here.name}/{key}", f"{here.name}/{name}", f"data/{name}", key):
            try:
                return folder.read(candidate)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
        raise FileNotFoundError(f"neither beside {manifest} nor in {folder.location('data')}")

    return open_part


# ---------------------------------------------------------------- one part


def _entries(part: InventoryPart, fields: list[str], lines: BinaryIO) -> Iterator[ManifestEntry]:
    return read_entries(lines, fields=fields, source=part.key)


def read_part(
    part: InventoryPart, open_part: OpenPart, read: Callable[[BinaryIO], Iterator[_T]]
) -> Iterator[_T]:
    """Yield what ``read`` yields for the decompressed lines of a part; check size and MD5.

    Raises:
        ManifestError: The part is missing or damaged, or decompresses to far more than its size.
    """
    with HashingReader(open_part_file(part, open_part)) as compressed:
        lines = gzip.GzipFile(fileobj=cast("BinaryIO", compressed), mode="rb")
        try:
            for item in read(cast("BinaryIO", lines)):
                if lines.tell() > compressed.count * _MAX_RATIO:
                    problem = f"decompresses to over {_MAX_RATIO} times its size: not an inventory"
                    raise ManifestError(problem, source=part.key)
                yield item
        except EOFError as error:
            raise ManifestError(f"truncated; {_DAMAGED}", source=part.key) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ManifestError(f"not a gzip file: {error}; {_DAMAGED}", source=part.key) from error
        check_part(part, compressed)


def open_part_file(part: InventoryPart, open_part: OpenPart) -> BinaryIO:
    try:
        return open_part(part.key)
    except FileNotFoundError as error:
        problem = f"missing, but listed in manifest.json ({error})"
        raise ManifestError(problem, source=part.key) from error
    except ValueError as error:  # a name that leads out of the folder
        raise ManifestError(str(error), source=part.key) from error


def check_part(part: InventoryPart, compressed: HashingReader) -> None:
    """Compare a part with the size and the MD5 in ``manifest.json``."""
    md5 = compressed.md5.hexdigest()
    if compressed.count != part.size:
        problem = f"has {compressed.count} bytes, manifest.json has {part.size}"
    elif md5 != part.md5:
        problem = f"its MD5 is {md5}, manifest.json has {part.md5}"
    else:
        return
    raise ManifestError(f"{problem}: changed or truncated; {_DAMAGED}", source=part.key)


# Gzip compresses inventories to 1/3 to 1/30 of their size, or to 1/200 if keys of 1,000 characters
# differ in a counter only. A file that is made to fill disks has 1/1030.
_MAX_RATIO: Final = 250
_DAMAGED: Final = "get the inventory from its bucket again"


# ---------------------------------------------------------------- writing


def write_part(
    target: io.BufferedRandom, entries: Iterable[ManifestEntry], *, key: str
) -> InventoryPart:
    """Write lines as a part of an inventory: with gzip, and quotes around every cell.

    Args:
        target: An empty file; it is not closed.
        entries: The lines, all with a version ID or all without.
        key: The future key of the part in its bucket.
    """
    with (
        gzip.GzipFile(fileobj=target, mode="wb", filename="", compresslevel=6) as compressed,
        io.TextIOWrapper(compressed, encoding="utf-8", newline="") as text,
    ):
        write_row = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
        for entry in entries:
            write_row(entry if entry.version_id is not None else entry[:2])
    size = target.tell()
    target.seek(0)
    md5 = hashlib.file_digest(target, lambda: hashlib.md5(usedforsecurity=False))
    return InventoryPart(key, size, md5.hexdigest())


def write_inventory(inventory: Inventory, *, source_bucket: str, created: datetime) -> bytes:
    """Return the ``manifest.json`` of an inventory."""
    document = {
        "sourceBucket": source_bucket,
        "destinationBucket": f"arn:aws:s3:::{inventory.destination_bucket}",
        "version": "2016-11-30",
        "creationTimestamp": str(int(created.timestamp() * 1000)),
        "fileFormat": "CSV",
        "fileSchema": ", ".join(inventory.columns),
        "files": [
            {"key": part.key, "size": part.size, "MD5checksum": part.md5}
            for part in inventory.parts
        ],
    }
    return json.dumps(document, indent=2).encode()
