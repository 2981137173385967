"""The objects of an S3 Inventory report with their sizes, times and storage classes.

A job reads an inventory as it is: with delete markers, with older versions, and with empty version
IDs, for which its tasks fail. This module prepares a manifest without these.

Sources: S3 User Guide, "Amazon S3 Inventory list" and "Converting empty version ID strings in
Amazon S3 Inventory reports to null strings".
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key
from s3batch_handler.documents.files._csv_rows import InvalidCsv, csv_rows, lines_of
from s3batch_handler.documents.manifests._inventory import open_inventory, read_part
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.manifests._inventory import (
        Inventory,
        InventoryPart,
        OpenPart,
    )

    InventoryObject = tuple[ManifestEntry, dict[str, Any]]


def inventory_objects(
    location: str | Path,
    *,
    s3: S3Client | None = None,
    versions: str | None = None,
    members: Sequence[str] = (),
) -> Iterator[InventoryObject]:
    """Yield each object of an inventory, without delete markers.

    Args:
        location: The path or ``s3://`` URL of its ``manifest.json``.
        s3: ``boto3.client("s3")``, for an S3 URL.
        versions: ``latest``, ``noncurrent`` or ``all``; ``None`` for the latest ones if the
            inventory distinguishes them.
        members: What the description of each object contains apart from ``Key``: ``Size``,
            ``LastModified``, ``StorageClass``.

    Yields:
        A line of a manifest, and a description as in the listing of a bucket.

    Raises:
        ManifestError: The inventory is damaged, or lacks a column that is needed.
    """
    inventory, open_part = open_inventory(location, s3=s3, formats=("CSV", "ORC", "Parquet"))
    columns = [_COLUMNS[name] for name in members]
    if versions is not None:
        columns.append("VersionId")
    if versions in ("latest", "noncurrent"):
        columns.append("IsLatest")
    if missing := [name for name in columns if name not in inventory.columns]:
        raise ManifestError(
            f"the inventory has no column {missing[0]}, which the options need: "
            + ("include all versions in" if missing[0] in _OF_VERSIONS else "add the field to")
            + " its configuration, or omit the option",
            source=str(location),
        )
    if inventory.format == "CSV":
        rows = _rows_of_csv(inventory, open_part)
    else:
        from s3batch_handler.documents.manifests._inventory_tables import rows_of_tables

        rows = rows_of_tables(inventory, open_part, (*_ALWAYS_READ, *columns))
    return _objects(inventory, rows, versions, members)


_ALWAYS_READ: Final = ("VersionId", "IsLatest", "IsDeleteMarker")
_OF_VERSIONS: Final = ("VersionId", "IsLatest")
_COLUMNS: Final = {
    "Size": "Size",
    "LastModified": "LastModifiedDate",
    "StorageClass": "StorageClass",
}


def _rows_of_csv(
    inventory: Inventory, open_part: OpenPart
) -> Iterator[tuple[InventoryPart, int, Sequence[str]]]:
    """Yield each row with its part and its line."""
    for part in inventory.parts:
        for line, row in read_part(part, open_part, partial(_csv_rows, part)):
            yield part, line, row


def _csv_rows(part: InventoryPart, stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from csv_rows(lines_of(stream), strict=True)
    except InvalidCsv as error:
        raise ManifestError(str(error), source=part.key, line=error.line) from error


def _objects(
    inventory: Inventory,
    rows: Iterator[tuple[InventoryPart, int, Sequence[str]]],
    versions: str | None,
    members: Sequence[str],
) -> Iterator[InventoryObject]:
    positions = {name: place for place, name in enumerate(inventory.columns)}
    width = len(positions)
    bucket, key = positions["Bucket"], positions["Key"]
    version, latest = positions.get("VersionId"), positions.get("IsLatest")
    marker = positions.get("IsDeleteMarker")
    wanted = {"latest": "true", "noncurrent": "false", None: "true"}.get(versions)
    read = [(name, positions[_COLUMNS[name]], _READERS[name]) for name in members]
    for part, line, row in rows:
        if len(row) != width or not row[bucket] or not row[key]:
            problem = f"has {len(row)} columns, expected {width} with a bucket and a key"
            raise ManifestError(problem, source=part.key, line=line)
        if marker is not None and row[marker].lower() == "true":
            continue
        if latest is not None and wanted is not None and row[latest].lower() != wanted:
            continue
        try:
            facts = {name: read_value(row[place]) for name, place, read_value in read}
        except ValueError as error:
            problem = f"cannot read {', '.join(members)}: {error}"
            raise ManifestError(problem, source=part.key, line=line) from error
        facts["Key"] = decode_key(row[key])
        version_id = None if version is None else row[version] or "null"
        # A space is a plus in inventories, which not every reader of a CSV manifest knows.
        yield ManifestEntry(row[bucket], row[key].replace("+", "%20"), version_id), facts


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "Size": int,
    "LastModified": _time,
    "StorageClass": str,
}
