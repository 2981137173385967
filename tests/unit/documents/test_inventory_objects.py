"""Manifests from S3 Inventory reports in CSV, Parquet and ORC."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._inventory import read_inventory
from s3batch_handler.documents.manifests._inventory_objects import inventory_objects
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from tests.support.inventories import COLUMNS, ROWS, WRITTEN, inventory, table_part

if TYPE_CHECKING:
    from pathlib import Path

every_format = pytest.mark.parametrize("format_", ["CSV", "Parquet", "ORC"])


@every_format
def test_latest_versions_are_read_without_delete_markers(tmp_path: Path, format_: str) -> None:
    """An empty version ID becomes ``null``: with an empty one, the task would fail."""
    found = [*inventory_objects(inventory(tmp_path, format_))]

    assert [(entry.object.key, entry.version_id) for entry, _ in found] == [
        ("a b+ü.jpg", "null"),
        ("new.jpg", "v3"),
    ]
    assert [description["Key"] for _, description in found] == ["a b+ü.jpg", "new.jpg"]


@every_format
@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ("latest", ["a b+ü.jpg", "new.jpg"]),
        ("noncurrent", ["old.jpg"]),
        ("all", ["a b+ü.jpg", "old.jpg", "new.jpg"]),
    ],
)
def test_versions_are_selected(
    tmp_path: Path, format_: str, versions: str, expected: list[str]
) -> None:
    found = inventory_objects(inventory(tmp_path, format_), versions=versions)

    assert [description["Key"] for _, description in found] == expected


@every_format
def test_the_description_has_what_filters_need(tmp_path: Path, format_: str) -> None:
    members = ("Size", "LastModified", "StorageClass")

    (_, first), *_ = inventory_objects(inventory(tmp_path, format_), members=members)

    assert first == {
        "Key": "a b+ü.jpg",
        "Size": 5,
        "LastModified": WRITTEN,
        "StorageClass": "STANDARD",
    }


@every_format
def test_an_inventory_of_keys_alone_has_no_version_ids(tmp_path: Path, format_: str) -> None:
    path = inventory(tmp_path, format_, names=("key", "bucket"))

    (first, _), *others = inventory_objects(path)

    assert first.object.key == "a b+ü.jpg"
    assert first.version_id is None
    assert len(others) == 3


@every_format
@pytest.mark.parametrize(
    ("options", "column"),
    [
        ({"members": ["Size"]}, "Size"),
        ({"members": ["LastModified"]}, "LastModifiedDate"),
        ({"versions": "all"}, "VersionId"),
    ],
)
def test_a_missing_column_is_an_error_with_its_name(
    tmp_path: Path, format_: str, options: dict[str, Any], column: str
) -> None:
    path = inventory(tmp_path, format_, names=("bucket", "key"))

    with pytest.raises(ManifestError, match=f"has no column {column}, which the options need"):
        inventory_objects(path, **options)


def test_versions_are_selected_by_a_column(tmp_path: Path) -> None:
    path = inventory(tmp_path, "CSV", names=("bucket", "key", "version_id"))

    with pytest.raises(ManifestError, match=r"no column IsLatest.*: include all versions in its"):
        inventory_objects(path, versions="noncurrent")


@pytest.mark.parametrize("format_", ["Parquet", "ORC"])
def test_a_job_refuses_other_formats_and_names_the_command(tmp_path: Path, format_: str) -> None:
    """S3 Batch Operations reads inventories in CSV only, so the local engine does, too."""
    path = inventory(tmp_path, format_)

    with pytest.raises(ManifestError, match="convert the inventory: s3batch manifest create"):
        read_inventory(path)


@pytest.mark.parametrize("format_", ["Parquet", "ORC"])
def test_a_damaged_part_is_refused(tmp_path: Path, format_: str) -> None:
    path = inventory(tmp_path, format_)
    part = tmp_path / "data" / "part"
    content = bytearray(part.read_bytes())
    content[20] ^= 1
    part.write_bytes(content)

    with pytest.raises(ManifestError, match="its MD5 is"):
        list(inventory_objects(path))


@pytest.mark.parametrize(("format_", "other"), [("Parquet", "ORC"), ("ORC", "Parquet")])
def test_a_part_in_another_format_is_refused(tmp_path: Path, format_: str, other: str) -> None:
    path = inventory(tmp_path, format_)
    document = json.loads(path.read_text())
    content = table_part(ROWS, [*COLUMNS], other)
    (tmp_path / "data" / "part").write_bytes(content)
    document["files"][0] |= {
        "size": len(content),
        "MD5checksum": hashlib.md5(content).hexdigest(),
    }
    path.write_text(json.dumps(document))

    with pytest.raises(ManifestError, match=f"not an inventory in {format_}"):
        list(inventory_objects(path))


@pytest.mark.parametrize(
    ("format_", "package", "remedy"),
    [
        ("Parquet", "duckdb", r"pip install 's3batch-handler\[report\]'"),
        ("ORC", "pyarrow", "pip install pyarrow"),
    ],
)
def test_a_missing_library_is_named_with_its_command(
    tmp_path: Path,
    format_: str,
    package: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = inventory(tmp_path, format_)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ModuleNotFoundError, match=f"needs {package}.*{remedy}"):
        list(inventory_objects(path))


def test_a_size_that_is_not_a_number_is_an_error_with_its_line(tmp_path: Path) -> None:
    rows = [ROWS[0], (*ROWS[3][:5], "many", *ROWS[3][6:])]

    with pytest.raises(ManifestError, match="lists/data/part, line 2: cannot read Size: "):
        list(inventory_objects(inventory(tmp_path, "CSV", rows=rows), members=["Size"]))


def test_a_space_of_an_inventory_in_csv_is_not_a_plus_in_the_manifest(tmp_path: Path) -> None:
    """Some readers of CSV manifests decode a plus as itself, so the check would warn of it."""
    (first, _), *_ = inventory_objects(inventory(tmp_path, "CSV"))

    assert first == ManifestEntry("photos", "a%20b%2B%C3%BC.jpg", "null")
