"""S3 Inventory reports in CSV, Parquet and ORC, for tests."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pa: Any = import_module("pyarrow")  # it has no types
pq: Any = import_module("pyarrow.parquet")
orc: Any = import_module("pyarrow.orc")

COLUMNS = {
    "bucket": "Bucket",
    "key": "Key",
    "version_id": "VersionId",
    "is_latest": "IsLatest",
    "is_delete_marker": "IsDeleteMarker",
    "size": "Size",
    "last_modified_date": "LastModifiedDate",
    "storage_class": "StorageClass",
}
WRITTEN = datetime(2024, 1, 31, 12, 30, tzinfo=UTC)
ROWS: list[tuple[Any, ...]] = [
    ("photos", "a b+ü.jpg", None, True, False, 5, WRITTEN, "STANDARD"),
    ("photos", "old.jpg", "v1", False, False, 7, WRITTEN, "GLACIER"),
    ("photos", "gone.jpg", "v2", True, True, None, WRITTEN, None),
    ("photos", "new.jpg", "v3", True, False, 9, WRITTEN, "GLACIER"),
]
TYPES = {"is_latest": "boolean", "is_delete_marker": "boolean", "size": "bigint"}


def csv_part(rows: list[tuple[Any, ...]], names: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in rows:
        cells = dict(zip(COLUMNS, row, strict=True))
        cells["key"] = cells["key"].replace("+", "%2B").replace(" ", "+").replace("ü", "%C3%BC")
        cells["last_modified_date"] = "2024-01-31T12:30:00.000Z"
        writer.writerow(
            [
                str(cells[name]).lower()
                if isinstance(cells[name], bool)
                else ("" if cells[name] is None else cells[name])
                for name in names
            ]
        )
    return gzip.compress(text.getvalue().encode())


def table_part(rows: list[tuple[Any, ...]], names: Sequence[str], format_: str) -> bytes:
    table = pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    if format_ == "ORC":
        naive = table["last_modified_date"].cast(pa.timestamp("us"))
        table = table.set_column(6, "last_modified_date", naive)
    target = io.BytesIO()
    (pq.write_table if format_ == "Parquet" else orc.write_table)(table.select([*names]), target)
    return target.getvalue()


def inventory(
    folder: Path,
    format_: str,
    *,
    rows: list[tuple[Any, ...]] = ROWS,
    names: Sequence[str] = tuple(COLUMNS),
    **members: Any,
) -> Path:
    """Create an inventory in the layout of AWS."""
    if format_ == "CSV":
        content = csv_part(rows, names)
        schema = ", ".join(COLUMNS[name] for name in names)
    else:
        content = table_part(rows, names, format_)
        fields = [f"{name}:{TYPES.get(name, 'string')}" for name in names]
        schema = f"struct<{','.join(fields)}>"
        if format_ == "Parquet":
            fields = [f"optional binary {name} (UTF8);" for name in names]
            schema = f"message s3.inventory {{ {' '.join(fields)} }}"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "part").write_bytes(content)
    document = {
        "destinationBucket": "arn:aws:s3:::lists",
        "fileFormat": format_,
        "fileSchema": schema,
        "files": [
            {
                "key": "lists/data/part",
                "size": len(content),
                "MD5checksum": hashlib.md5(content).hexdigest(),
            }
        ],
    }
    path = folder / "2024-01-31T01-00Z" / "manifest.json"
    path.parent.mkdir()
    path.write_text(json.dumps({**document, **members}))
    return path
