"""``s3batch manifest``, against moto's S3."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.cli._manifest_files import open_manifest
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.manifests._manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

KEYS = ["2023/old.jpg", "2024/a b.jpg", "2024/a+b.jpg", "2024/ü.jpg"]


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of photos, and one for manifests; the current folder is empty."""
    for name in os.environ:
        if "AWS" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        for bucket in ("photos", "inbox"):
            s3.create_bucket(Bucket=bucket)
        for key in KEYS:
            s3.put_object(Bucket="photos", Key=key, Body=key.encode())
        yield s3


def create(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(s3batch_command, ["manifest", "create", *arguments], input=stdin)


def keys_in(path: Path) -> list[str]:
    return [item.key for item in objects_in(path)]


def objects_in(path: Path) -> list[ObjectRef]:
    with path.open("rb") as file:
        return list(read_manifest(file))


@pytest.mark.usefixtures("s3")
def test_a_manifest_has_a_line_for_each_object(tmp_path: Path) -> None:
    """The output has what ``s3batch job submit`` needs."""
    run = create("manifest.csv", "--bucket", "photos")

    assert objects_in(tmp_path / "manifest.csv") == [
        ObjectRef(bucket="photos", key=key) for key in KEYS
    ]
    assert run.exit_code == 0
    etag = hashlib.md5((tmp_path / "manifest.csv").read_bytes()).hexdigest()
    assert run.stdout == (
        f"Manifest  manifest.csv\nObjects   4\nFields    Bucket,Key\nETag      {etag}\n"
    )
    assert run.stderr == "next: s3batch manifest check manifest.csv\n"


@pytest.mark.usefixtures("s3")
def test_a_prefix_limits_the_listing(tmp_path: Path) -> None:
    create("manifest.csv", "--bucket", "photos", "--prefix", "2024/")

    assert [item.key for item in objects_in(tmp_path / "manifest.csv")] == KEYS[1:]


def test_version_ids_are_those_of_the_latest_versions(s3: Any, tmp_path: Path) -> None:
    """``null`` from before versioning; deleted objects are left out."""
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="photos", Key=KEYS[1], Body=b"second")
    third = s3.put_object(Bucket="photos", Key=KEYS[1], Body=b"third")["VersionId"]
    s3.delete_object(Bucket="photos", Key=KEYS[2])

    run = create("manifest.csv", "--bucket", "photos", "--version-ids", "--json")

    assert {item.key: item.version_id for item in objects_in(tmp_path / "manifest.csv")} == {
        KEYS[0]: "null",
        KEYS[1]: third,
        KEYS[3]: "null",
    }
    facts = json.loads(run.stdout)
    assert facts["objects"] == 3
    assert facts["fields"] == ["Bucket", "Key", "VersionId"]


def test_a_manifest_is_written_to_s3_without_local_files(s3: Any, tmp_path: Path) -> None:
    run = create("s3://inbox/manifests/photos.csv", "--bucket", "photos", "--prefix", "2024/ü")

    body = s3.get_object(Bucket="inbox", Key="manifests/photos.csv")["Body"].read()
    assert body == b"photos,2024/%C3%BC.jpg\n"
    assert "s3://inbox/manifests/photos.csv" in run.stdout
    assert not list(tmp_path.iterdir())


def test_a_key_with_empty_folder_names_is_used_unchanged(s3: Any, tmp_path: Path) -> None:
    create("s3://inbox//a//m.csv", "--bucket", "photos")

    (item,) = s3.list_objects_v2(Bucket="inbox")["Contents"]
    assert item["Key"] == "/a//m.csv"
    with open_manifest("s3://inbox//a//m.csv", None, RemoteS3(None), save_as=None) as manifest:
        assert manifest.count == len(KEYS)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("s3")
def test_the_target_of_a_link_is_written(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "manifest.csv"
    link.symlink_to(tmp_path / "there.csv")

    run = create("here/manifest.csv", "--bucket", "photos")

    assert run.exit_code == 0
    assert link.is_symlink()
    assert len(objects_in(tmp_path / "there.csv")) == len(KEYS)


@pytest.mark.usefixtures("s3")
def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    run = create("pipe", "--bucket", "photos")

    assert run.stderr == "s3batch: manifest pipe: this is not a regular file. Name another file\n"
    assert run.exit_code == 2
    assert pipe.is_fifo()


def test_a_listing_is_kept_until_s3_accepts_the_manifest(s3: Any, tmp_path: Path) -> None:
    """After a long listing, a missing bucket or permission can be corrected."""
    options = ["s3://later/m.csv", "--bucket", "photos"]

    refused = create(*options)
    again = create(*options)
    s3.create_bucket(Bucket="later")
    resumed = create(*options, "--resume")

    folder = tmp_path / ".m.csv.s3batch-listing"
    assert refused.stderr.startswith("s3batch: s3://later/m.csv: NoSuchBucket")
    assert refused.stderr.endswith(
        f"; 4 objects kept in {folder.name}: pass --resume to continue\n"
    )
    assert refused.exit_code == 1
    assert "Continue it with --resume, or delete the folder" in again.stderr
    assert again.exit_code == 2
    assert resumed.exit_code == 0
    assert resumed.stderr.startswith("4 objects listed before\n")
    assert s3.get_object(Bucket="later", Key="m.csv")["Body"].read().count(b"\n") == len(KEYS)
    assert not folder.exists()


@pytest.mark.usefixtures("s3")
def test_a_listing_that_ctrl_c_interrupts_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed is kept, even if no object has met the conditions until then."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    options = ["m.csv", "--bucket", "photos", "--include", "none such", "--json"]
    with monkeypatch.context() as patch:
        patch.setattr("s3batch_handler.cli.manifest._listing._Progress.update", interrupt)
        interrupted = create(*options)
        while not (tmp_path / ".m.csv.s3batch-listing").exists():  # perhaps too early
            interrupted = create(*options)

    resumed = create(*options, "--resume")

    assert "0 objects kept in" in interrupted.stderr
    assert interrupted.exit_code == 130
    assert "no objects found" in resumed.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("content", ["", '{"options": [5], "prefixes": [""]}\n'])
def test_a_damaged_listing_is_bad_input(content: str, tmp_path: Path) -> None:
    folder = tmp_path / ".m.csv.s3batch-listing"
    folder.mkdir()
    (folder / "listing.jsonl").write_text(content)

    run = create("m.csv", "--bucket", "photos", "--resume")

    assert "delete the folder to begin again" in run.stderr
    assert run.exit_code == 2
    assert [*tmp_path.iterdir()] == [folder]


@pytest.mark.usefixtures("s3")
def test_a_folder_of_the_manifest_is_created(tmp_path: Path) -> None:
    run = create("new/folder/m.csv", "--bucket", "photos", "--quiet")

    assert (run.exit_code, run.stderr) == (0, "")
    assert [*(tmp_path / "new").rglob("*.csv")] == [tmp_path / "new/folder/m.csv"]


@pytest.mark.usefixtures("s3")
def test_a_listing_is_not_continued_with_other_options(tmp_path: Path) -> None:
    create("s3://none-such/m.csv", "--bucket", "photos", "--newer-than", "7d")

    run = create("s3://none-such/m.csv", "--bucket", "photos", "--newer-than", "8d", "--resume")

    assert "has another --newer-than. Pass the same options, or delete the folder" in run.stderr
    assert run.exit_code == 2
    assert (tmp_path / ".m.csv.s3batch-listing").exists()


def test_other_sources_are_kept_as_a_file_if_s3_refuses_them(s3: Any, tmp_path: Path) -> None:
    """Standard input cannot be read again."""
    run = create("s3://none-such/m.csv", "--bucket", "photos", "--keys", "-", stdin="a\nb\n")

    (kept,) = tmp_path.iterdir()
    assert [item.key for item in objects_in(kept)] == ["a", "b"]
    assert run.stderr.endswith(f"; the manifest is kept in {kept.name}\n")
    assert run.exit_code == 1


@pytest.mark.usefixtures("s3")
def test_a_long_listing_prints_its_progress_unless_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3batch_handler.cli.manifest._listing.SECONDS_BETWEEN_LINES", 0)

    verbose, quiet = (
        create("m.csv", "--bucket", "photos", "--suffix", "b.jpg", *options)
        for options in ([], ["-q"])
    )

    assert "4 objects listed, 2 selected" in verbose.stderr
    assert "listed" not in quiet.stderr


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("arguments", "problem", "exit_code"),
    [
        (["m.csv", "--bucket", "photos", "--prefix", "x"], "s3://photos/x: no objects found", 1),
        (["m.csv", "--bucket", "none-such"], "NoSuchBucket", 1),
        (["s3://inbox", "--bucket", "photos"], "s3://bucket/key", 2),
        (["s3://inbox/", "--bucket", "photos"], "s3://bucket/key", 2),
        (["s3://inbox/a/..", "--bucket", "photos"], "s3://bucket/key", 2),
        (["s3://inbox/./m.csv", "--bucket", "photos"], "s3://bucket/key", 2),
        (["S3://inbox/m.csv", "--bucket", "photos"], "s3://bucket/key", 2),
        (["s3:/inbox/m.csv", "--bucket", "photos"], "s3://bucket/key", 2),
        (["m.csv", "--bucket", "s3://photos"], "the name alone", 2),
        (["m.csv", "--bucket", "photos/2024"], "the name alone", 2),
        (["m.csv", "--bucket", "photos", "--profile", "none-such"], "none-such", 1),
        ([".", "--bucket", "photos"], "this is a folder", 2),
        (["-", "--bucket", "photos"], "Name a file", 2),
        (["/dev/null/m.csv", "--bucket", "photos"], "cannot write there", 2),
        (["m.csv"], "--bucket", 2),
    ],
)
def test_errors_are_one_line_without_a_manifest(
    arguments: list[str], problem: str, exit_code: int, tmp_path: Path
) -> None:
    """No incomplete manifest is left."""
    run = create(*arguments)

    assert problem in run.stderr
    assert "Traceback" not in run.stderr
    assert run.exit_code == exit_code
    assert not list(tmp_path.iterdir())
