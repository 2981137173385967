"""S3 Inventory reports as manifests."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import tempfile
import tracemalloc
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.manifests._inventory import (
    Inventory,
    InventoryPart,
    parse_inventory,
    read_inventory,
    write_inventory,
    write_part,
)
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

BASE = "inventories/photos/daily"

# Keys as inventories spell them: as in forms, a space is a plus.
KEYS = {
    "2024/a b.jpg": "2024/a+b.jpg",
    "a+b.jpg": "a%2Bb.jpg",
    "größe/日本.jpg": "gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC.jpg",
    "comma, and more": "comma%2C+and+more",
    'a "quoted" name': "a+%22quoted%22+name",
    "100%": "100%25",
    "line\nbreak": "line%0Abreak",
}
ALL_VERSIONS = (
    "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, StorageClass"
)


def pack(rows: Iterable[Sequence[str]]) -> bytes:
    """Create a part as AWS does: every cell in quotes, no header."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return gzip.compress(text.getvalue().encode())


def document(parts: dict[str, bytes], **members: Any) -> bytes:
    """Create a ``manifest.json`` as AWS does."""
    content = {
        "sourceBucket": "photos",
        "destinationBucket": "arn:aws:s3:::reports",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [
            {
                "key": f"{BASE}/data/{name}",
                "size": len(parts[name]),
                "MD5checksum": hashlib.md5(parts[name]).hexdigest(),
            }
            for name in parts
        ],
    }
    return json.dumps({**content, **members}).encode()


def save(folder: Path, parts: dict[str, bytes], **members: Any) -> Path:
    """Save an inventory as a copy of its bucket, and return its ``manifest.json``."""
    manifest = folder / BASE / "2024-01-03T02-00Z" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(document(parts, **members))
    data = folder / BASE / "data"
    data.mkdir()
    for name, content in parts.items():
        (data / name).write_bytes(content)
    return manifest


@pytest.fixture
def parts() -> dict[str, bytes]:
    """Three parts with two or three objects each."""
    spelled = iter(KEYS.values())
    return {
        f"{number}.csv.gz": pack(["photos", key, "17"] for key in itertools.islice(spelled, 3))
        for number in range(3)
    }


# ---------------------------------------------------------------- reading


def test_all_parts_are_read_in_order(tmp_path: Path, parts: dict[str, bytes]) -> None:
    """Entries have the keys as they are spelled there."""
    entries = list(read_inventory(save(tmp_path, parts)))

    assert [entry.encoded_key for entry in entries] == list(KEYS.values())
    assert [entry.object.key for entry in entries] == list(KEYS)
    assert {(entry.bucket, entry.version_id) for entry in entries} == {("photos", None)}


def test_every_line_is_an_entry(tmp_path: Path) -> None:
    """Old versions and delete markers are tasks, too; the null version has an empty cell."""
    rest = ["17", "2024-01-01T00:00:00.000Z", "STANDARD"]
    rows = [
        ["photos", "a", "v2", "true", "false", *rest],
        ["photos", "a", "v1", "false", "false", *rest],
        ["photos", "b", "v3", "true", "true", "", "2024-01-01T00:00:00.000Z", ""],
        ["photos", "c", "", "true", "false", *rest],
    ]

    entries = list(read_inventory(save(tmp_path, {"1": pack(rows)}, fileSchema=ALL_VERSIONS)))

    assert entries == [
        ManifestEntry("photos", "a", "v2"),
        ManifestEntry("photos", "a", "v1"),
        ManifestEntry("photos", "b", "v3"),
        ManifestEntry("photos", "c", ""),
    ]


def test_columns_may_have_any_order(tmp_path: Path) -> None:
    """The schema in ``manifest.json`` has their names."""
    rows = [["17", "a", "photos"]]

    entries = list(read_inventory(save(tmp_path, {"1": pack(rows)}, fileSchema="Size,Key, Bucket")))

    assert entries == [ManifestEntry("photos", "a", None)]


@pytest.mark.parametrize(
    ("manifest", "data"),
    [
        (f"{BASE}/2024-01-03T02-00Z/manifest.json", f"{BASE}/data"),
        ("daily/2024-01-03T02-00Z/manifest.json", "daily/data"),
        ("daily/manifest.json", "daily"),
        ("daily/manifest.json", f"daily/{BASE}/data"),
        ("inventories/manifest.json", f"{BASE}/data"),
    ],
    ids=["all of it", "its own folder", "flat", "parts below it", "parts beside it"],
)
def test_parts_are_found_in_copies_of_the_bucket(
    tmp_path: Path, parts: dict[str, bytes], manifest: str, data: str
) -> None:
    files = {f"{data}/{name}": content for name, content in parts.items()}
    for name, content in {manifest: document(parts), **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    assert len(list(read_inventory(tmp_path / manifest))) == len(KEYS)


def test_memory_does_not_grow_with_the_inventory(tmp_path: Path) -> None:
    peaks = []
    for count in (1_000, 20_000):
        part = pack(["photos", f"{number:09d}", "17"] for number in range(count))
        manifest = save(tmp_path / str(count), {"1": part})
        tracemalloc.start()
        assert sum(1 for _ in read_inventory(manifest)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + (1 << 20)


# ---------------------------------------------------------------- faulty parts


def damaged(tmp_path: Path, parts: dict[str, bytes], content: bytes) -> ManifestError:
    """Replace the second part, and read the inventory."""
    manifest = save(tmp_path, parts)
    (tmp_path / BASE / "data" / "1.csv.gz").write_bytes(content)
    return failure(read_inventory(manifest))


def failure(entries: Iterator[ManifestEntry]) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        list(entries)
    return caught.value


def test_part_with_another_md5_is_refused(tmp_path: Path, parts: dict[str, bytes]) -> None:
    """It is valid gzip, and as long as the right part."""
    right = parts["1.csv.gz"]
    content = right[:4] + b"\1" + right[5:]  # the time in gzip's header

    error = damaged(tmp_path, parts, content)

    assert error.source == f"{BASE}/data/1.csv.gz"
    assert hashlib.md5(right).hexdigest() in str(error)
    assert "changed or truncated" in str(error)


def test_part_of_another_size_is_refused(tmp_path: Path, parts: dict[str, bytes]) -> None:
    error = damaged(tmp_path, parts, pack([["photos", "a", "17"]]))

    assert f"manifest.json has {len(parts['1.csv.gz'])}" in str(error)


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_truncated_part_is_refused(tmp_path: Path, parts: dict[str, bytes], cut: int) -> None:
    error = damaged(tmp_path, parts, parts["1.csv.gz"][:-cut])

    assert error.source == f"{BASE}/data/1.csv.gz"
    assert ": truncated;" in str(error)


@pytest.mark.parametrize(
    "content", [b"photos,a,17\n", b"\x1f\x8b\x08\0\0\0\0\0\0\3 nonsense nonsense"]
)
def test_part_that_is_not_gzip_is_refused(
    tmp_path: Path, parts: dict[str, bytes], content: bytes
) -> None:
    error = damaged(tmp_path, parts, content)

    assert error.source == f"{BASE}/data/1.csv.gz"
    assert "not a gzip file" in str(error)


def test_missing_part_is_refused(tmp_path: Path, parts: dict[str, bytes]) -> None:
    manifest = save(tmp_path, parts)
    (tmp_path / BASE / "data" / "1.csv.gz").unlink()

    error = failure(read_inventory(manifest))

    assert error.source == f"{BASE}/data/1.csv.gz"
    assert "missing, but listed in manifest.json" in str(error)


@pytest.mark.parametrize("key", ["../../secret", "/", "a/../b", ""])
def test_key_outside_of_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    """An untrusted manifest cannot read other files."""
    (tmp_path / "secret").write_bytes(pack([["photos", "secret", "1"]]))
    files = [{"key": key, "size": 1, "MD5checksum": "0" * 32}]

    error = failure(read_inventory(save(tmp_path / "inventory", {}, files=files)))

    assert error.source == key


def test_part_that_is_compressed_too_much_is_refused(tmp_path: Path) -> None:
    """Reading stops before the entries fill a disk."""
    line = b'"photos","%s","17"\n' % (b"a" * 1000)
    bomb = gzip.compress(line * 20_000)
    entries = read_inventory(save(tmp_path, {"1": bomb}))
    seen = itertools.count()

    with pytest.raises(ManifestError, match="over 250 times its size"):
        deque(zip(entries, seen, strict=False), maxlen=0)

    assert next(seen) * len(line) < 250 * len(bomb) + (1 << 20) < 20_000 * len(line)


def test_part_without_line_breaks_does_not_fill_the_memory(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(50_000_000), compresslevel=9)
    entries = read_inventory(save(tmp_path, {"1": bomb}))
    tracemalloc.start()

    with pytest.raises(ManifestError):
        list(entries)

    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("rows", "line", "problem"),
    [
        ([["photos", "a", "1"], ["photos", "b"]], 2, "has 2 columns"),
        ([["photos", "a", "1"], ["photos", "", "1"]], 2, "the key is empty"),
        ([["Bucket", "Key", "Size"]], 1, "a header row"),
    ],
)
def test_invalid_line_is_refused(
    tmp_path: Path, rows: list[list[str]], line: int, problem: str
) -> None:
    """The error has the part, and the line in this part."""
    error = failure(
        read_inventory(save(tmp_path, {"good": pack([["p", "a", "1"]]), "1": pack(rows)}))
    )

    assert (error.source, error.line) == (f"{BASE}/data/1", line)
    assert problem in str(error)


# ---------------------------------------------------------------- faulty manifest.json


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"fileFormat": "ORC"}, "fileFormat is ORC: S3 Batch Operations reads CSV only"),
        ({"fileFormat": "Parquet"}, "fileFormat is Parquet"),
        ({"fileSchema": "Bucket, Size"}, "Required fields are missing in the schema: Key"),
        ({"fileSchema": ""}, "Required fields are missing in the schema: Bucket, Key"),
        ({"destinationBucket": "arn:aws:s3:::"}, "destinationBucket"),
        ({"files": [{"key": "a", "size": 1}]}, r"files[0].MD5checksum: missing"),
        ({"files": {}}, "files: expected"),
    ],
)
def test_manifest_json_that_cannot_be_used_is_refused(
    members: dict[str, Any], problem: str
) -> None:
    """The message contains the file and the member."""
    stream = io.BytesIO(document({}, **members))

    with pytest.raises(ManifestError) as caught:
        parse_inventory(stream, source="s3://reports/manifest.json")

    assert caught.value.source == "s3://reports/manifest.json"
    assert problem in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"photos,a.jpg\n", b"[]", b"\xff", b'{"Format": 1}'])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ManifestError, match=r"not an inventory's manifest\.json"):
        parse_inventory(io.BytesIO(content), source="m")


def test_schema_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    manifest = save(tmp_path, {"1": pack([["p", "a", "b"]])}, fileSchema="Bucket, Key, Key")

    assert "field Key is given more than once" in str(failure(read_inventory(manifest)))


def test_missing_manifest_json_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_inventory(tmp_path / "manifest.json")


# ---------------------------------------------------------------- writing

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
keys = cells.map(encode_key)


@given(
    st.lists(st.builds(ManifestEntry, cells, keys, st.none()))
    | st.lists(st.builds(ManifestEntry, cells, keys, st.text("v0.\n", max_size=3)))
)
def test_inventory_that_is_read_has_the_entries_that_were_written(
    entries: list[ManifestEntry],
) -> None:
    columns = ("Bucket", "Key", "VersionId")[: 2 if not entries or entries[0][2] is None else 3]
    with tempfile.TemporaryFile() as file:
        part = write_part(file, entries, key="data/1.csv.gz")
        written = write_inventory(
            Inventory("reports", columns, (part,)),
            source_bucket="photos",
            created=datetime.now(UTC),
        )
        inventory = parse_inventory(io.BytesIO(written), source="m")
        file.seek(0)

        assert inventory == Inventory("reports", columns, (part,))
        assert list(inventory.entries(lambda _: cast("BinaryIO", file))) == entries


def test_part_has_the_form_of_aws() -> None:
    """Every cell is in quotes; size and MD5 are those of the compressed bytes."""
    with tempfile.TemporaryFile() as file:
        part = write_part(file, [ManifestEntry("photos", "a%20b", "null")], key="k")
        file.seek(0)
        content = file.read()

    assert gzip.decompress(content) == b'"photos","a%20b","null"\n'
    assert part == InventoryPart("k", len(content), hashlib.md5(content).hexdigest())
