"""``s3batch manifest show``, ``split``, ``sample``, ``sort`` and ``dedupe``."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from s3batch_handler.cli.terminal import _progress
from s3batch_handler.documents.manifests._manifest import read_entries
from tests.support.manifest_commands import LINES, entries_of, facts, lines_of, manifest
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.shell import Shell


@pytest.fixture
def m(s3batch: Shell) -> str:
    """A manifest, in which one object is on two lines."""
    return s3batch.manifest(*LINES, name="m.csv")


@pytest.fixture
def s3(s3batch: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket with the manifest."""
    for name in os.environ:
        if "AWS" in name:
            monkeypatch.delenv(name)
    with mock_aws():
        client: Any = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lists")
        body = "".join(f"{line}\n" for line in LINES)
        client.put_object(Bucket="lists", Key="in/m.csv", Body=body)
        yield client


# ---------------------------------------------------------------- show


def test_show_has_the_facts_for_a_job(s3batch: Shell, m: str) -> None:
    content = (s3batch.folder / m).read_bytes()

    found = facts(s3batch, "show", m, "--head", "1")

    assert found == {
        "manifest": m,
        "objects": 6,
        "fields": ["Bucket", "Key"],
        "buckets": {"b": 5, "c": 1},
        "other_buckets": 0,
        "with_version_id": 0,
        "without_version_id": 6,
        "json_keys": 1,
        "bytes": len(content),
        "etag": hashlib.md5(content).hexdigest(),
        "head": [{"bucket": "b", "key": "a b", "version_id": None}],
    }


def test_show_prints_a_table_for_people(s3batch: Shell) -> None:
    """Keys are decoded, and cannot control the terminal."""
    name = s3batch.manifest("b,%1B%5B31mred,v1", "b,x,", name="v.csv")

    run = manifest(s3batch, "show", name)

    rows = [line.split() for line in run.stdout.splitlines()]
    assert ["Version", "IDs", "1"] in rows
    assert ["b", r"\x1b[31mred", "v1"] in rows
    assert "\x1b" not in run.stdout


def test_show_prints_objects_as_json_lines(s3batch: Shell, m: str) -> None:
    run = manifest(s3batch, "show", "-", "--lines", stdin=(s3batch.folder / m).read_text())

    assert [json.loads(line)["key"] for line in run.stdout.splitlines()] == [
        *("a b", "z", "x", "a b", "q", '{"n":1}')
    ]


def test_show_reads_other_column_orders(s3batch: Shell) -> None:
    name = s3batch.manifest("9,v1,k,b", name="o.csv")

    found = facts(s3batch, "show", name, "--fields", "Ignore,VersionId,Key,Bucket")

    assert found["head"] == [{"bucket": "b", "key": "k", "version_id": "v1"}]
    assert found["fields"] == ["Ignore", "VersionId", "Key", "Bucket"]


def test_an_inventory_can_be_shown_and_edited(s3batch: Shell) -> None:
    """The ETag is that of its ``manifest.json``, which a job names."""
    index = put_inventory(s3batch.folder / "inventory", 'b,"a+b"\n"b","z"\n')

    shown = facts(s3batch, "show", index)
    facts(s3batch, "sort", index, "--to", "sorted.csv")

    assert (shown["objects"], shown["etag"]) == (
        2,
        hashlib.md5((s3batch.folder / index).read_bytes()).hexdigest(),
    )
    assert lines_of(s3batch, "sorted.csv") == ["b,a+b", "b,z"]


def put_inventory(folder: Path, lines: str) -> str:
    part = gzip.compress(lines.encode())
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "1.csv.gz").write_bytes(part)
    (folder / "2026").mkdir()
    key = "in/data/1.csv.gz"
    file = {"key": key, "size": len(part), "MD5checksum": hashlib.md5(part).hexdigest()}
    (folder / "2026" / "manifest.json").write_text(
        json.dumps(
            {
                "destinationBucket": "arn:aws:s3:::lists",
                "fileFormat": "CSV",
                "fileSchema": "Bucket, Key",
                "files": [file],
            }
        )
    )
    return "inventory/2026/manifest.json"


# ---------------------------------------------------------------- split and sample


def test_a_split_writes_only_the_parts(s3batch: Shell, m: str) -> None:
    found = facts(s3batch, "split", m, "--parts", "4", "--to", "parts")

    names = sorted(path.name for path in (s3batch.folder / "parts").iterdir())
    assert names == [f"m-000{number}-of-0004.csv" for number in (1, 2, 3, 4)]
    assert [part["manifest"] for part in found["parts"]] == [f"parts/{name}" for name in names]
    assert [part["objects"] for part in found["parts"]] == [2, 2, 1, 1]
    text = "".join((s3batch.folder / "parts" / name).read_text() for name in names)
    assert [*read_entries(io.BytesIO(text.encode()))] == entries_of(s3batch, m)


def test_parts_are_written_to_s3(s3batch: Shell, s3: Any) -> None:
    """A prefix that has objects is refused; no file is left on this machine."""
    before = sorted(s3batch.folder.iterdir())

    found = facts(s3batch, "split", "s3://lists/in/m.csv", "--by-bucket", "--to", "s3://lists/out")
    again = manifest(
        s3batch, "split", "s3://lists/in/m.csv", "--parts", "2", "--to", "s3://lists/out/"
    )

    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="lists", Prefix="out")["Contents"]]
    assert keys == ["out/m-b.csv", "out/m-c.csv"]
    for part in found["parts"]:
        etag = s3.head_object(Bucket="lists", Key=part["manifest"][len("s3://lists/") :])["ETag"]
        assert part["etag"] == etag.strip('"')
    assert again.returncode == 2
    assert "there are objects with this prefix" in again.stderr
    assert sorted(s3batch.folder.iterdir()) == before


def test_the_size_of_parts_is_limited(s3batch: Shell) -> None:
    name = s3batch.manifest(*(f"b,{number:04}" for number in range(400)), name="m.csv")

    by_size = facts(s3batch, "split", name, "--max-bytes", "1KB", "--to", "small")
    by_count = facts(s3batch, "split", name, "--max-objects", "150", "--to", "few")

    sizes = [path.stat().st_size for path in (s3batch.folder / "small").iterdir()]
    assert max(sizes) <= 1000
    assert len(by_size["parts"]) == 3
    assert [part["objects"] for part in by_count["parts"]] == [134, 133, 133]


def test_a_sample_has_the_order_of_the_manifest(s3batch: Shell) -> None:
    """The same seed selects the same objects; a percentage is rounded, to at least one."""
    lines = [f"b,{number:03}" for number in range(200)]
    name = s3batch.manifest(*lines, name="m.csv")

    found = facts(s3batch, "sample", name, "10%", "--seed", "7", "--to", "s.csv")
    facts(s3batch, "sample", name, "20", "--seed", "7", "--to", "again.csv")
    one = facts(s3batch, "sample", name, "0.01%", "--to", "one.csv")

    sample = lines_of(s3batch, "s.csv")
    assert (found["objects"], found["from"], found["seed"]) == (20, 200, 7)
    assert len(sample) == 20
    assert sample == sorted(sample)
    assert lines_of(s3batch, "again.csv") == sample
    assert one["objects"] == 1


# ---------------------------------------------------------------- sort and dedupe


def test_a_sorted_manifest_keeps_the_spelling_of_keys(s3batch: Shell, m: str) -> None:
    found = facts(s3batch, "sort", m, "--to", "s.csv")

    assert lines_of(s3batch, "s.csv") == [
        *("b,a%20b", "b,a+b", "b,q", "b,z", "b,%7B%22n%22%3A1%7D", "c,x")
    ]
    assert found["etag"] == hashlib.md5((s3batch.folder / "s.csv").read_bytes()).hexdigest()


def test_a_manifest_is_shuffled_with_a_seed(s3batch: Shell, m: str) -> None:
    found = facts(s3batch, "sort", m, "--to", "s.csv", "--shuffle")
    facts(s3batch, "sort", m, "--to", "again.csv", "--shuffle", "--seed", str(found["seed"]))

    assert sorted(entries_of(s3batch, "s.csv")) == sorted(entries_of(s3batch, m))
    assert lines_of(s3batch, "again.csv") == lines_of(s3batch, "s.csv")


def test_two_spellings_of_a_key_are_one_object(s3batch: Shell, m: str) -> None:
    found = facts(s3batch, "dedupe", m, "--to", "d.csv")

    assert (found["objects"], found["removed"]) == (5, 1)
    assert lines_of(s3batch, "d.csv") == ["b,a%20b", "b,z", "c,x", "b,q", "b,%7B%22n%22%3A1%7D"]


# ---------------------------------------------------------------- S3


def test_manifests_are_read_from_s3_and_written_there(s3batch: Shell, s3: Any) -> None:
    """The ETag is the one that S3 has."""
    found = facts(s3batch, "dedupe", "s3://lists/in/m.csv", "--to", "s3://lists/d.csv")

    item = s3.get_object(Bucket="lists", Key="d.csv")
    assert item["Body"].read().splitlines()[0] == b"b,a%20b"
    assert item["ETag"] == f'"{found["etag"]}"'


@pytest.mark.parametrize("command", [["sort"], ["split", "--parts", "2"]], ids=["sort", "split"])
def test_the_etag_of_an_upload_needs_no_other_request(
    s3batch: Shell, m: str, s3: Any, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The permission to write is enough, and nobody can replace the object meanwhile."""
    operations: list[str] = []
    client_class: Any = BaseClient
    call = client_class._make_api_call

    def recording_call(client: Any, operation: str, arguments: Any) -> Any:
        operations.append(operation)
        return call(client, operation, arguments)

    monkeypatch.setattr(client_class, "_make_api_call", recording_call)
    found = facts(s3batch, *command, m, "--to", "s3://lists/new.csv")

    assert set(operations) <= {"PutObject", "ListObjectsV2"}
    for part in found.get("parts", [found]):
        key = part["manifest"].removeprefix("s3://lists/")
        assert s3.head_object(Bucket="lists", Key=key)["ETag"] == f'"{part["etag"]}"'


def test_each_pass_of_a_split_has_its_own_progress(
    s3batch: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN_LINES", 0)
    m = s3batch.manifest(*(f"b,{number}" for number in range(2_000)))

    shown = manifest(s3batch, "split", m, "--parts", "2", "--to", "parts")
    quiet = manifest(s3batch, "split", m, "--parts", "2", "--to", "more", "--quiet")

    assert shown.stderr.splitlines() == [
        *("1 object read", "2,000 objects read"),  # the first line, then a block
        *("1,000 objects written", "2,000 objects written"),
    ]
    assert quiet.stderr == ""


@pytest.mark.usefixtures("m")
def test_data_goes_to_standard_output_while_a_terminal_shows_progress(s3batch: Shell) -> None:
    line = "for c in sort dedupe; do s3batch manifest $c m.csv --to x.csv --json > $c.json; done"
    environment = {**s3batch.environment, "LC_ALL": "C.UTF-8", "CI": ""}

    with terminal(line, s3batch.folder, environment, kind="xterm-256color") as shown:
        shown.expect("Sorting")
        shown.expect("Looking for repeated lines")
        assert shown.end() == 0

    assert '"etag"' not in shown.shown
    for name in ("sort.json", "dedupe.json"):
        assert json.loads((s3batch.folder / name).read_text())["manifest"] == "x.csv"
