"""``s3batch manifest check`` with manifests and objects in S3, and with inventories."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.cli._s3 import RemoteS3
from tests.support.manifest_jobs import FORBIDDEN, answering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of photos, with a manifest; the current folder is empty.

    It is the client of the command, so its responses can be replaced.
    """
    for name in os.environ:
        if "AWS" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        monkeypatch.setattr(RemoteS3, "client", s3)
        s3.create_bucket(Bucket="photos")
        for key in ("a b.jpg", "c.jpg"):
            s3.put_object(Bucket="photos", Key=key)
        s3.put_object(Bucket="photos", Key="m.csv", Body=b"photos,a%20b.jpg\nphotos,c.jpg\n")
        yield s3


def check(*arguments: str) -> tuple[int, list[tuple[int | None, str, str]]]:
    """Run a check; return its exit code, and line, code and severity of each finding."""
    run = CliRunner().invoke(s3batch_command, ["manifest", "check", *arguments, "--json"])
    assert run.exit_code in (0, 1), run.output
    found = map(json.loads, run.stdout.splitlines())
    return run.exit_code, [(each["line"], each["code"], each["severity"]) for each in found]


def refusal(*arguments: str) -> str:
    """Run a check that cannot read its manifest; return the message."""
    run = CliRunner().invoke(s3batch_command, ["manifest", "check", *arguments])
    assert (run.exit_code, run.stdout) == (2, "")
    return run.stderr


# ---------------------------------------------------------------- stored manifests


def test_a_manifest_in_s3_is_read(s3: Any) -> None:
    assert check("s3://photos/m.csv") == (0, [])


@pytest.mark.parametrize("encryption", ["aws:kms", "aws:kms:dsse"])
def test_a_manifest_with_sse_kms_is_an_error(s3: Any, encryption: str) -> None:
    """S3 cannot read it; see the local engine."""
    s3.copy_object(
        Bucket="photos", Key="kms.csv", CopySource="photos/m.csv", ServerSideEncryption=encryption
    )

    assert check("s3://photos/kms.csv") == (1, [(None, "EncryptedManifest", "error")])


def test_a_manifest_with_sse_c_is_an_error(s3: Any, tmp_path: Path) -> None:
    """Its HEAD has status 400 without a code; GET names the reason. It cannot be read then."""
    reason = (
        b"<Error><Code>InvalidRequest</Code><Message>The object was stored using a form of Server "
        b"Side Encryption. The correct parameters must be provided to retrieve the object."
        b"</Message></Error>"
    )
    with (
        answering(s3, "HeadObject", "m.csv", 400),
        answering(s3, "GetObject", "m.csv", 400, reason),
    ):
        run = CliRunner().invoke(
            s3batch_command, ["manifest", "check", "s3://photos/m.csv", "--json"]
        )

    assert json.loads(run.stdout)["message"] == "the manifest is encrypted with SSE-C"
    assert run.exit_code == 1


def test_the_etag_of_the_job_is_compared(s3: Any, tmp_path: Path) -> None:
    """With and without quotes, in S3 and in a file."""
    content = s3.get_object(Bucket="photos", Key="m.csv")["Body"].read()
    (tmp_path / "m.csv").write_bytes(content)
    etag = hashlib.md5(content).hexdigest()

    for place in ("s3://photos/m.csv", "m.csv"):
        assert check(place, "--etag", etag) == (0, [])
        assert check(place, "--etag", f'"{etag}"') == (0, [])
        assert check(place, "--etag", "0" * 32) == (1, [(None, "StaleETag", "error")])
    assert "upload in parts" in refusal("m.csv", "--etag", f"{etag}-2")


@pytest.mark.parametrize("place", ["s3://photos/none.csv", "s3://no-such-bucket/m.csv"])
def test_a_manifest_that_is_not_in_s3_is_bad_input(s3: Any, place: str) -> None:
    assert f"{place}: there is no such object" in refusal(place)


def test_a_manifest_that_may_not_be_read_is_bad_input(s3: Any) -> None:
    with (
        answering(s3, "HeadObject", "m.csv", 403),
        answering(s3, "GetObject", "m.csv", 403, FORBIDDEN),
    ):
        message = refusal("s3://photos/m.csv")

    assert "s3://photos/m.csv" in message
    assert "permission" in message


def test_a_repaired_copy_can_be_saved_in_s3(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="bad.csv", Body=b"Bucket,Key\nphotos,a b.jpg\n")

    assert check("s3://photos/bad.csv", "--fix", "--to", "s3://photos/x/good.csv") == (0, [])
    body = s3.get_object(Bucket="photos", Key="x/good.csv")["Body"].read()
    assert body == b"photos,a%20b.jpg\n"
    message = refusal("s3://photos/bad.csv", "--fix", "--to", "s3://photos/bad.csv")
    assert "this is the manifest itself" in message


# ---------------------------------------------------------------- objects


def test_objects_that_do_not_exist_are_errors(s3: Any, tmp_path: Path) -> None:
    """Keys are decoded; JSON payloads and lines with errors are not objects."""
    (tmp_path / "m.csv").write_bytes(
        b"photos,a%20b.jpg\nphotos,none.jpg\nphotos,%7B%22a%22:1%7D\nphotos,c.jpg\n"
        b"no-such-bucket,c.jpg\nphotos,x,y\n"
    )

    exit_code, found = check("m.csv", "--head", "all")

    assert exit_code == 1
    assert [each for each in found if each[1] == "ObjectNotFound"] == [
        (2, "ObjectNotFound", "error"),
        (5, "ObjectNotFound", "error"),
    ]


def test_versions_that_do_not_exist_are_errors(s3: Any, tmp_path: Path) -> None:
    """Also versions that are delete markers, which S3 answers with 405."""
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="photos", Key="c.jpg")["VersionId"]
    marker = s3.delete_object(Bucket="photos", Key="c.jpg")["VersionId"]
    lines = (version, marker, "null", "A" * 32)
    (tmp_path / "m.csv").write_text("".join(f"photos,c.jpg,{each}\n" for each in lines))

    assert check("m.csv", "--head", "all") == (
        1,
        [(2, "ObjectNotFound", "error"), (4, "ObjectNotFound", "error")],
    )


def test_access_denied_is_not_a_missing_object(s3: Any) -> None:
    """Without s3:ListBucket, S3 does not say whether an object exists."""
    with answering(s3, "HeadObject", "c.jpg", 403):
        assert check("s3://photos/m.csv", "--head", "all") == (
            0,
            [(2, "ObjectNotChecked", "warning")],
        )


def test_a_sample_of_the_objects_is_checked(s3: Any, tmp_path: Path) -> None:
    """The sample is random, and has as many objects as asked for."""
    (tmp_path / "m.csv").write_text("".join(f"photos,{number}\n" for number in range(300)))

    exit_code, found = check("m.csv", "--head", "7")

    assert exit_code == 1
    lines = [line for line, _, _ in found if line]
    assert len(set(lines)) == 7
    assert lines == sorted(lines)


def test_objects_of_a_repaired_copy_are_checked(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"\nphotos,a b.jpg\nphotos,none.jpg\n")

    assert check("m.csv", "--fix", "--to", "n.csv", "--head", "all") == (
        1,
        [(2, "ObjectNotFound", "error")],
    )


@pytest.mark.parametrize("number", ["0", "-1", "some", ""])
def test_a_wrong_number_of_objects_is_refused(s3: Any, number: str) -> None:
    assert "neither a number of objects nor 'all'" in refusal("m.csv", "--head", number)


# ---------------------------------------------------------------- inventories


def write_inventory(folder: Path, *parts: bytes, **members: Any) -> None:
    """Write an inventory: manifest.json, and its parts in data/."""
    (folder / "data").mkdir()
    files: list[dict[str, Any]] = []
    for number, part in enumerate(parts, 1):
        content = gzip.compress(part)
        (folder / "data" / f"{number}.csv.gz").write_bytes(content)
        files.append(
            {
                "key": f"lists/data/{number}.csv.gz",
                "size": len(content),
                "MD5checksum": hashlib.md5(content).hexdigest(),
            }
        )
    document: dict[str, Any] = {
        "destinationBucket": "arn:aws:s3:::lists",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker",
        "files": files,
        **members,
    }
    (folder / "2026-11-30T00-00Z").mkdir()
    (folder / "2026-11-30T00-00Z" / "manifest.json").write_text(json.dumps(document))


INVENTORY = "2026-11-30T00-00Z/manifest.json"


def test_an_inventory_is_checked_line_by_line(s3: Any, tmp_path: Path) -> None:
    """Empty version IDs fail their tasks, and so do delete markers; + is a space."""
    write_inventory(
        tmp_path,
        b'"photos","a+b.jpg","AAAAAAAA","true","false"\n"photos","c","","true","false"\n',
        b'"photos","d","BBBBBBBB","true","true"\n',
    )

    run = CliRunner().invoke(s3batch_command, ["manifest", "check", INVENTORY, "--json"])

    assert run.exit_code == 1
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(each["line"], each["code"], each["message"]) for each in found] == [
        (2, "EmptyVersionId", "lists/data/1.csv.gz: the version ID is empty"),
        (1, "DeleteMarker", "lists/data/2.csv.gz: a delete marker: 'd'"),
    ]


def test_the_objects_of_an_inventory_are_checked(s3: Any, tmp_path: Path) -> None:
    write_inventory(tmp_path, b'"photos","a+b.jpg"\n"photos","e"\n', fileSchema="Bucket, Key")

    assert check(INVENTORY, "--head", "all") == (1, [(2, "ObjectNotFound", "error")])


def test_an_inventory_that_s3_cannot_read_is_an_error(s3: Any, tmp_path: Path) -> None:
    write_inventory(tmp_path, fileFormat="Parquet")

    assert check(INVENTORY) == (1, [(None, "InvalidInventory", "error")])


def test_a_damaged_file_of_an_inventory_is_an_error(s3: Any, tmp_path: Path) -> None:
    """The other files are checked all the same."""
    write_inventory(tmp_path, b'"photos","a","","",""\n', b'"photos","b","","",""\n')
    (tmp_path / "data" / "1.csv.gz").unlink()

    assert check(INVENTORY) == (
        1,
        [(None, "InvalidInventory", "error"), (1, "EmptyVersionId", "error")],
    )


def test_options_for_csv_manifests_are_refused_for_inventories(s3: Any, tmp_path: Path) -> None:
    write_inventory(tmp_path)

    assert "--fields is for CSV manifests only" in refusal(INVENTORY, "--fields", "Bucket,Key")
    assert "--duplicates is for CSV manifests only" in refusal(INVENTORY, "--duplicates")
    assert "s3batch manifest create x.csv" in refusal(INVENTORY, "--fix", "--to", "x.csv")
    assert "No such file" in refusal("none/manifest.json")
