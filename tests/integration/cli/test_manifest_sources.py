"""The sources and the filters of ``s3batch manifest create``, against moto's S3."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from click.testing import CliRunner
from moto import mock_aws

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.manifests._manifest import read_manifest
from tests.support.inventories import inventory
from tests.support.reports import put_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

SIZES = {"a/1.jpg": 1, "a/2.png": 2000, "b/1.jpg": 3000, "b/thumbs/1.jpg": 10}


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of photos; the current folder is empty."""
    for name in os.environ:
        if "AWS" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="photos")
        for key, size in SIZES.items():
            s3.put_object(
                Bucket="photos",
                Key=key,
                Body=bytes(size),
                StorageClass="STANDARD_IA" if size > 2500 else "STANDARD",
                Tagging="kind=photo&size=large" if size > 1000 else "kind=photo",
            )
        yield s3


def create(*arguments: str, stdin: str | bytes = "") -> Result:
    command = ["manifest", "create", "m.csv", *arguments]
    return CliRunner().invoke(s3batch_command, command, input=stdin)


def objects() -> list[ObjectRef]:
    with Path("m.csv").open("rb") as file:
        return list(read_manifest(file))


def keys() -> list[str]:
    return [item.key for item in objects()]


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--prefix", "b/", "--prefix", "a/"], ["b/1.jpg", "b/thumbs/1.jpg", "a/1.jpg", "a/2.png"]),
        (["--prefix", "b/thumbs", "--prefix", "b/"], ["b/1.jpg", "b/thumbs/1.jpg"]),
        (["--suffix", ".png", "--suffix", "2.jpg"], ["a/2.png"]),
        (["--min-size", "2kB"], ["a/2.png", "b/1.jpg"]),
        (["--min-size", "2KiB"], ["b/1.jpg"]),
        (["--max-size", "1"], ["a/1.jpg"]),
        (["--newer-than", "1d", "--suffix", ".png"], ["a/2.png"]),
        (["--older-than", "2100-01-01", "--suffix", ".png"], ["a/2.png"]),
        (["--storage-class", "standard_ia"], ["b/1.jpg"]),
        (["--storage-class", "STANDARD_IA", "--storage-class", "STANDARD"], [*SIZES]),
        (["--tag", "size=large", "--tag", "kind=photo"], ["a/2.png", "b/1.jpg"]),
        (["--include", "*/1.*", "--exclude", "*/thumbs/*"], ["a/1.jpg", "b/1.jpg"]),
        (["--include", "a/*", "--include", "*thumbs*"], ["a/1.jpg", "a/2.png", "b/thumbs/1.jpg"]),
    ],
)
def test_filters_of_a_listing_must_all_be_met(options: list[str], expected: list[str]) -> None:
    run = create("--bucket", "photos", *options)

    assert run.exit_code == 0, run.stderr
    assert keys() == expected


@pytest.mark.usefixtures("s3")
def test_the_requests_for_tags_are_counted() -> None:
    """Only the objects that meet the other conditions cost a request."""
    run = create("--bucket", "photos", "--prefix", "b/", "--tag", "size=large", "--json")

    assert json.loads(run.stdout)["requests"] == {"ListObjectsV2": 1, "GetObjectTagging": 2}


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    "options",
    [["--newer-than", "2100-01-01"], ["--older-than", "7d"], ["--tag", "size=small"]],
)
def test_filters_that_no_object_meets_are_an_error(options: list[str], tmp_path: Path) -> None:
    run = create("--bucket", "photos", *options)

    assert "no objects found: check bucket, prefix and filters" in run.stderr
    assert run.exit_code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("versions", "expected"),
    [("latest", ["a"]), ("all", ["a", "a", "gone"]), ("noncurrent", ["a", "gone"])],
)
def test_delete_markers_are_never_listed(s3: Any, versions: str, expected: list[str]) -> None:
    s3.create_bucket(Bucket="versions")
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration=enabled)
    for key in ("a", "a", "gone"):
        s3.put_object(Bucket="versions", Key=key)
    s3.delete_object(Bucket="versions", Key="gone")

    run = create("--bucket", "versions", "--versions", versions)

    assert run.exit_code == 0, run.stderr
    assert keys() == expected
    assert all(item.version_id for item in objects())


def test_a_folder_has_the_keys_that_run_gives_its_files(tmp_path: Path, s3: Any) -> None:
    """The manifest itself is not one of the files."""
    folder = tmp_path / "My Photos"
    (folder / "a b").mkdir(parents=True)
    (folder / "a b" / "ü+.jpg").write_bytes(b"12345")
    (folder / "z.txt").write_bytes(b"")

    run = create("--source", str(folder), "--min-size", "1")

    assert run.exit_code == 0, run.stderr
    assert objects() == [ObjectRef(bucket="my-photos", key="a b/ü+.jpg")]


@pytest.mark.usefixtures("s3")
def test_an_inventory_in_parquet_becomes_a_manifest(tmp_path: Path) -> None:
    """Filters that a job does not have select the objects."""
    folder = tmp_path / "inventory"
    path = inventory(folder, "Parquet")

    run = create("--inventory", str(path), "--storage-class", "GLACIER", "--min-size", "8")

    assert run.exit_code == 0, run.stderr
    assert objects() == [ObjectRef(bucket="photos", key="new.jpg", version_id="v3")]


@pytest.mark.usefixtures("s3")
def test_a_large_manifest_has_the_etag_of_its_multipart_upload(s3: Any) -> None:
    """boto3 uploads more than 8 MB in parts: the ETag is not the MD5 of the manifest."""
    lines = "".join(f"{'a' * 900}/{number}\n" for number in range(10_000))

    run = CliRunner().invoke(
        s3batch_command,
        ["manifest", "create", "s3://photos/m.csv", "--bucket", "b", "--keys", "-", "--json"],
        input=lines,
    )

    etag = json.loads(run.stdout)["etag"]
    assert f'"{etag}"' == s3.head_object(Bucket="photos", Key="m.csv")["ETag"]
    assert etag.endswith("-2")


@pytest.mark.usefixtures("s3")
def test_an_upload_that_fails_leaves_no_parts_in_s3(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 charges for the parts of an upload until it is completed or aborted."""
    calls: list[str] = []

    def fail(
        self: Any, name: str, arguments: Any, _call: Any = vars(BaseClient)["_make_api_call"]
    ) -> Any:
        calls.append(name)
        if name == "UploadPart" and arguments["PartNumber"] == 2:
            raise ConnectionError("no network")
        return _call(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", fail)
    lines = "".join(f"{'a' * 900}/{number}\n" for number in range(10_000))

    run = CliRunner().invoke(
        s3batch_command,
        ["manifest", "create", "s3://photos/m.csv", "--bucket", "b", "--keys", "-"],
        input=lines,
    )

    assert run.exit_code == 1
    assert "AbortMultipartUpload" in calls
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="photos")


@pytest.mark.usefixtures("s3")
def test_keys_of_a_command_are_encoded() -> None:
    run = create("--bucket", "photos", "--keys", "-", "--exclude", "*.tmp", stdin="a b+%\nx.tmp\n")

    assert run.exit_code == 0, run.stderr
    assert keys() == ["a b+%"]


@pytest.mark.usefixtures("s3")
def test_the_tasks_of_a_report_keep_the_spelling_of_their_keys(tmp_path: Path) -> None:
    report = put_report(
        tmp_path / "report",
        succeeded=b"photos,a+b%20c,,succeeded,200,,ok\n",
        failed=b"photos,d,,failed,200,PermanentFailure,no\n",
    )

    for options, expected in {
        (): b"photos,a+b%20c\nphotos,d\n",
        ("--failed",): b"photos,d\n",
        ("--succeeded",): b"photos,a+b%20c\n",
        ("--suffix", "c"): b"photos,a+b%20c\n",
    }.items():
        run = create("--from-report", str(report), *options)

        assert run.exit_code == 0, run.stderr
        assert sorted((tmp_path / "m.csv").read_bytes().splitlines()) == expected.splitlines()


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "Missing option --bucket (or --keys, --objects, --source, --inventory, --from-re"),
        (["--keys", "-", "--objects", "-"], "--keys and --objects cannot be combined"),
        (["--inventory", "x", "--bucket", "photos"], "--inventory and --bucket cannot be combined"),
        (["--bucket", "photos", "--null"], "Option --null needs --keys"),
        (["--bucket", "photos", "--payload"], "Option --payload needs --objects"),
        (["--bucket", "photos", "--failed"], "Option --failed needs --from-report"),
        (["--keys", "-", "--min-size", "1"], "--keys and --min-size cannot be combined"),
        (["--keys", "-", "--bucket", "b", "--tag", "a=b"], "--keys and --tag cannot be combined"),
        (["--bucket", "photos", "--min-size", "5 apples"], "is not a size"),
        (["--bucket", "photos", "--min-size", "2", "--max-size", "1"], "no object has such a size"),
        (["--bucket", "photos", "--newer-than", "yesterday"], "is not a time"),
        (["--bucket", "photos", "--newer-than", "999999999d"], "is not a time"),
        (["--bucket", "photos", "--newer-than", "1d", "--older-than", "2d"], "no object has such"),
        (["--bucket", "photos", "--tag", "x"], "has no '='"),
        (["--bucket", "photos", "--prefix", "s3://photos/a"], "write the beginning of the keys"),
        (["--bucket", "photos", "--concurrency", "0"], "is not between 1 and 256"),
        (["--keys", "-"], "line 1: 'photo.jpg' has no bucket: pass --bucket"),
        (["--objects", "-", "--bucket", "b"], "line 1: not a JSON object"),
        (["--keys", "none-such.txt", "--bucket", "b"], "none-such.txt: No such file"),
        (["--keys", ".", "--bucket", "b"], "--keys .: Is a directory"),
        (["--inventory", "none-such.json"], "Name the manifest.json of an inventory"),
        (["--inventory", "s3://photos/none-such.json"], "Name the manifest.json of an inventory"),
        (["--inventory", "s3://photos"], "not the URL of an object"),
        (["--inventory", "."], "Name the manifest.json of an inventory"),
        (["--inventory", "s3://photos/a/1.jpg"], "not an inventory's manifest.json"),
    ],
)
def test_wrong_options_and_lines_are_one_line_and_exit_code_2(
    options: list[str], problem: str, tmp_path: Path
) -> None:
    run = create(*options, stdin="photo.jpg\n")

    assert problem in run.stderr
    assert run.exit_code == 2
    assert not list(tmp_path.iterdir())
