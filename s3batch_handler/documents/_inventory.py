"""S3 Inventory reports (``S3InventoryReport_CSV_20161130``) as manifests of a job.

::

    <prefix>/<source bucket>/<config id>/<YYYY-MM-DDTHH-MMZ>/manifest.json     what it consists of
    <prefix>/<source bucket>/<config id>/<YYYY-MM-DDTHH-MMZ>/manifest.checksum its MD5
    <prefix>/<source bucket>/<config id>/data/<name>.csv.gz                    the lines, gzipped

CSV only, as with S3 Batch Operations: inventories in ORC and Parquet are refused. How
``S3InventoryReport_CSV_20211130`` looks inside, in which S3 keeps the manifests that it generates,
is not published: :func:`write_inventory` takes the layout above, so what we wrote can be read.

Sources: S3 User Guide, "Locating your inventory list", "Specifying a manifest" and "Converting
empty version ID strings in Amazon S3 Inventory reports to null strings".
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TypeAlias, cast

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict, override

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._validation import explain
from s3batch_handler.documents._manifest import read_entries
from s3batch_handler.documents._storage import (
    HashingReader,
    LocalFolder,
    S3Folder,
    open_folder,
    split_location,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from typing_extensions import Buffer

    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.documents._storage import S3Client

INVENTORY_FORMAT: Final = "S3InventoryReport_CSV_20161130"

OpenPart: TypeAlias = Callable[[str], BinaryIO]
"""Opens a part of an inventory, given its key; :class:`FileNotFoundError`: it is not there."""


class InventoryPart(NamedTuple):
    """One of the files that have the lines.

    Attributes:
        key: In the inventory's destination bucket.
        size: Bytes, as they are in the bucket: gzipped.
        md5: Of the same bytes, in hex.
    """

    key: str
    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an inventory's ``manifest.json`` says.

    Attributes:
        destination_bucket: Where the parts are: a bucket's name.
        columns: Of each line, in AWS's words; ``Bucket`` and ``Key`` are among them.
        parts: In the order in which they are read; AWS promises none.
    """

    destination_bucket: str
    columns: tuple[str, ...]
    parts: tuple[InventoryPart, ...]

    def entries(self, open_part: OpenPart) -> Iterator[ManifestEntry]:
        """Give the lines of all parts as they stand, one at a time.

        Delete markers are lines like others, and an empty version id stays one: S3 Batch
        Operations makes a task of every line. A part's MD5 is known at its end only, so nothing is
        to be done before all lines are read.

        Raises:
            ManifestError: A part is not there, damaged, unpacks to more than an inventory ever
                does, or has a line that no manifest has. The source is the key of the part.
        """
        fields = [name if name in _READ else "Ignore" for name in self.columns]
        for part in self.parts:
            yield from _entries(part, fields, open_part)


def read_inventory(location: str | Path, *, s3: S3Client | None = None) -> Iterator[ManifestEntry]:
    """Give the lines of an inventory, one at a time; as :meth:`Inventory.entries` otherwise.

    Args:
        location: Its ``manifest.json``: a path or an ``s3://`` URL. In S3 the parts are where it
            says; in a folder they are beside it (``manifest.json``, ``data/``), or where they
            lie when the bucket, or the inventory's part of it, has been copied as it is.
        s3: ``boto3.client("s3")``, for an S3 URL.

    Raises:
        FileNotFoundError: There is no such file.
        ManifestError: It is not the ``manifest.json`` of an inventory in CSV.
    """
    parent, name = split_location(location)
    with open_folder(parent, s3=s3).read(name) as stream:
        inventory = parse_inventory(stream, source=str(location))
    if isinstance(parent, Path):
        return inventory.entries(_beside(Path(location)))
    assert s3 is not None  # or the folder would not have been opened
    return inventory.entries(S3Folder(s3, inventory.destination_bucket).read)


def parse_inventory(stream: BinaryIO, *, source: str) -> Inventory:
    """Read a ``manifest.json``; the parts that it names are not looked at.

    Args:
        stream: The bytes of it.
        source: What to call it in an error.

    Raises:
        ManifestError: It is not the ``manifest.json`` of an inventory in CSV.
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
        problem = f"not an inventory's manifest.json: {explain(error, whole='it')}"
        raise ManifestError(problem, source=source) from None
    except ValueError as error:
        raise ManifestError(f"destinationBucket: {error}", source=source) from error
    if document["fileFormat"] != "CSV":
        problem = f"fileFormat is {document['fileFormat']}: S3 Batch Operations reads CSV only"
        raise ManifestError(problem, source=source)
    columns = tuple(name.strip() for name in document["fileSchema"].split(","))
    missing = [name for name in ("Bucket", "Key") if name not in columns]
    if missing:
        problem = f"Required fields are missing in the schema: {', '.join(missing)}"
        raise ManifestError(problem, source=source)
    parts = (
        InventoryPart(file["key"], file["size"], file["MD5checksum"].lower())
        for file in document["files"]
    )
    return Inventory(bucket, columns, tuple(parts))


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

# Room for the names of a million parts, which have more lines than a job may have tasks.
_MAX_DOCUMENT: Final = 256 << 20


def _beside(manifest: Path) -> OpenPart:
    """Find parts in a folder: never outside of the one that the folder of the manifest is in."""
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


def _entries(
    part: InventoryPart, fields: list[str], open_part: OpenPart
) -> Iterator[ManifestEntry]:
    with HashingReader(_opened(part, open_part)) as packed:
        unpacked = _Unpacked(packed, part)
        try:
            yield from read_entries(
                cast("BinaryIO", io.BufferedReader(unpacked, _CHUNK)),
                fields=fields,
                source=part.key,
            )
        except EOFError as error:
            raise ManifestError(f"ends too early; {_DAMAGED}", source=part.key) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ManifestError(f"not gzip: {error}; {_DAMAGED}", source=part.key) from error
        _check(part, packed)


def _opened(part: InventoryPart, open_part: OpenPart) -> BinaryIO:
    try:
        return open_part(part.key)
    except FileNotFoundError as error:
        problem = f"not there, but named by manifest.json ({error})"
        raise ManifestError(problem, source=part.key) from error
    except ValueError as error:  # a name that leads out of the folder
        raise ManifestError(str(error), source=part.key) from error


def _check(part: InventoryPart, packed: HashingReader) -> None:
    """See whether this was the part that ``manifest.json`` tells of."""
    md5 = packed.md5.hexdigest()
    if packed.count != part.size:
        problem = f"has {packed.count} bytes, manifest.json says {part.size}"
    elif md5 != part.md5:
        problem = f"its MD5 is {md5}, manifest.json says {part.md5}"
    else:
        return
    raise ManifestError(f"{problem}: changed or cut off; {_DAMAGED}", source=part.key)


class _Unpacked(io.RawIOBase):
    """The lines of a part, as long as there are not more of them than there can honestly be."""

    def __init__(self, packed: HashingReader, part: InventoryPart) -> None:
        super().__init__()
        self._packed = packed
        self._gzip = gzip.GzipFile(fileobj=cast("BinaryIO", packed), mode="rb")
        self._count = 0
        self._part = part

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        count: int = self._gzip.readinto(buffer)
        self._count += count
        if self._count > self._packed.count * _MAX_RATIO:
            problem = f"unpacks to more than {_MAX_RATIO} times its size, which no inventory does"
            raise ManifestError(problem, source=self._part.key)
        return count


# Gzip makes inventories 3 to 30 times smaller, 200 times where keys of 1,000 characters differ in a
# counter only, and what is made to fill disks 1,030 times.
_MAX_RATIO: Final = 250
_CHUNK: Final = 1 << 17
_DAMAGED: Final = "get the inventory from its bucket again"


# ---------------------------------------------------------------- writing


def write_part(
    target: io.BufferedRandom, entries: Iterable[ManifestEntry], *, key: str
) -> InventoryPart:
    """Write lines as a part of an inventory: gzipped, every cell in quotes, keys as they stand.

    Args:
        target: A file that is empty so far; it stays open.
        entries: The lines, all with a version id or none.
        key: What the part will be called in its bucket.
    """
    with (
        gzip.GzipFile(fileobj=target, mode="wb", filename="", compresslevel=6) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        write_row = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
        for entry in entries:
            write_row(entry if entry.version_id is not None else entry[:2])
    size = target.tell()
    target.seek(0)
    md5 = hashlib.file_digest(target, lambda: hashlib.md5(usedforsecurity=False))
    return InventoryPart(key, size, md5.hexdigest())


def write_inventory(inventory: Inventory, *, source_bucket: str, created: datetime) -> bytes:
    """Give the ``manifest.json`` of an inventory whose parts are written."""
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
