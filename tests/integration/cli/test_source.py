"""``s3batch run --source``: a folder as a bucket, and what functions write to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.manifests._inventory import Inventory, write_inventory, write_part
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._report import read_report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

pytestmark = pytest.mark.slow

WRITER = """
import boto3
from s3batch_handler import Task, task_handler

s3 = boto3.client("s3")

@task_handler
def handler(task: Task) -> str:
    {body}
    return "done"
"""

READER = """
import boto3
from s3batch_handler import Task, task_handler

s3 = boto3.client("s3")

@task_handler
def handler(task: Task) -> str:
    body = s3.get_object(**task.location)["Body"].read()
    if task.job.arguments:
        s3.put_object(Bucket="copies", Key=task.key, Body=body.upper())
        s3.put_object(Bucket="copies", Key="../outside.txt", Body=b"must not get out")
    return body.decode()
"""

READ = ("run", "reader:handler", "--workers", "1")  # each worker imports boto3

RUN = ("run", "writer.py", "--source", "photos", "--workers", "1")


@pytest.fixture
def s3batch(s3batch: Shell) -> Shell:
    (s3batch.folder / "reader.py").write_text(READER)
    (s3batch.folder / "photos").mkdir()
    for name in ("a.txt", "b.txt"):
        (s3batch.folder / "photos" / name).write_text(name)
    return s3batch


def write_function(s3batch: Shell, *lines: str) -> None:
    (s3batch.folder / "writer.py").write_text(WRITER.format(body="\n    ".join(lines)))


def files(s3batch: Shell, folder: str) -> dict[str, str]:
    root = s3batch.folder / folder
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.txt")}


COPY = 's3.put_object(Bucket=task.bucket, Key="copies/" + task.key, Body=b"copy")'


def test_objects_written_to_the_source_bucket_are_counted(s3batch: Shell) -> None:
    """They are lost with the local S3; the message names the option that saves them."""
    write_function(s3batch, COPY)

    run = s3batch(*RUN, "--json", "--quiet")

    assert json.loads(run.stdout)["not_saved"] == {"photos": 2}
    assert run.stderr == (
        "s3batch: photos: 2 objects were written but not saved; --output photos=DIR saves them\n"
    )
    assert files(s3batch, "photos") == {"a.txt": "a.txt", "b.txt": "b.txt"}


def test_objects_written_to_the_source_bucket_can_be_saved(s3batch: Shell) -> None:
    """The source folder does not change."""
    write_function(s3batch, COPY, 's3.put_object(Bucket=task.bucket, Key="b.txt", Body=b"other")')

    run = s3batch(*RUN, "--json", "--output", "photos=out")

    assert json.loads(run.stdout)["not_saved"] == {}
    assert files(s3batch, "out") == {
        "copies/a.txt": "copy",
        "copies/b.txt": "copy",
        "b.txt": "other",
    }
    assert files(s3batch, "photos") == {"a.txt": "a.txt", "b.txt": "b.txt"}


def test_objects_that_cannot_be_files_are_counted(s3batch: Shell) -> None:
    """Each has a line, too, although there is an ``--output``."""
    write_function(
        s3batch,
        "for key in ('x/y', 'x//y', 'folder/', '../esc'):",
        "    s3.put_object(Bucket='outb', Key=key, Body=b'')",
    )

    run = s3batch(*RUN, "--json", "--quiet", "--output", "outb=out")

    assert (run.returncode, json.loads(run.stdout)["not_saved"]) == (0, {"outb": 3})
    assert run.stderr.count("cannot be a file name: left out") == 3
    assert "not saved" not in run.stderr


def test_objects_of_a_folder_that_cannot_be_written_are_counted(s3batch: Shell) -> None:
    """A file took the folder's place while the job ran; exit code 1."""
    write_function(
        s3batch,
        "s3.put_object(Bucket='outb', Key=task.key, Body=b'')",
        f"open({str(s3batch.folder / 'out')!r}, 'w').close()",
    )

    run = s3batch(*RUN, "--json", "--quiet", "--output", "outb=out/deep")

    assert (run.returncode, json.loads(run.stdout)["not_saved"]) == (1, {"outb": 2})
    assert "outb cannot be saved to out/deep: " in run.stderr


def test_nothing_is_reported_if_nothing_is_lost(s3batch: Shell) -> None:
    """Reading, tagging, and deleting what the function wrote lose nothing."""
    write_function(
        s3batch,
        "s3.get_object(**task.location)",
        "s3.put_object_tagging(**task.location, Tagging={'TagSet': []})",
        "s3.put_object(Bucket=task.bucket, Key='lock', Body=b'')",
        "s3.delete_object(Bucket=task.bucket, Key='lock')",
    )

    run = s3batch(*RUN, "--json", "--quiet")

    assert (json.loads(run.stdout)["not_saved"], run.stderr) == ({}, "")


def test_deleted_objects_are_counted_and_their_files_stay(s3batch: Shell) -> None:
    write_function(s3batch, "s3.delete_object(**task.location)")

    run = s3batch(*RUN)

    assert run.stderr.endswith(
        "photos: 2 objects were deleted; the files in photos are still there\n"
    )
    assert files(s3batch, "photos") == {"a.txt": "a.txt", "b.txt": "b.txt"}


CREATE_ELSEWHERE = (
    "west = boto3.client('s3', region_name='eu-west-1')",
    "where = {'LocationConstraint': 'eu-west-1'}",
    "if task.key == 'a.txt':",
    "    west.create_bucket(Bucket='copies', CreateBucketConfiguration=where)",
)

WRITER_ROLE = "RoleArn='arn:aws:iam::111122223333:role/writer', RoleSessionName='test'"
CREATE_BY_ROLE = (
    f"keys = boto3.client('sts').assume_role({WRITER_ROLE})['Credentials']",
    "role = boto3.Session(keys['AccessKeyId'], keys['SecretAccessKey'], keys['SessionToken'])",
    "role.client('s3').create_bucket(Bucket='copies')",
    "names = [each['Name'] for each in role.client('s3').list_buckets()['Buckets']]",
    "assert names == ['copies'], names",
    "role.client('s3').put_object(Bucket='copies', Key=task.key, Body=b'x')",
)


@pytest.mark.parametrize(
    "create",
    [
        ("s3.create_bucket(Bucket='copies')",),
        CREATE_BY_ROLE,
        ("s3.put_object(Bucket='copies', Key='early.txt', Body=b'early')", *CREATE_BY_ROLE),
        CREATE_ELSEWHERE,
        ("s3.put_object(Bucket='copies', Key='early.txt', Body=b'early')", *CREATE_ELSEWHERE),
    ],
    ids=[
        "in every task",
        "in another account",
        "in another account after the first object",
        "in another Region",
        "after the first object",
    ],
)
def test_an_output_bucket_can_be_created_by_the_function(
    s3batch: Shell, create: tuple[str, ...]
) -> None:
    write_function(s3batch, *create, "s3.put_object(Bucket='copies', Key=task.key, Body=b'x')")

    run = s3batch(*RUN, "--output", "copies=out", "--no-report")

    assert run.returncode == 0, run.stdout
    assert files(s3batch, "out").keys() - {"early.txt"} == {"a.txt", "b.txt"}
    assert ("early.txt" in files(s3batch, "out")) is ("early" in str(create))


def test_objects_in_a_bucket_of_another_account_are_counted(s3batch: Shell) -> None:
    write_function(
        s3batch,
        "keys = boto3.client('sts').assume_role("
        "RoleArn='arn:aws:iam::111122223333:role/writer', RoleSessionName='test')['Credentials']",
        "role = boto3.Session(keys['AccessKeyId'], keys['SecretAccessKey'], keys['SessionToken'])",
        "role.client('s3').create_bucket(Bucket='theirs')",
        "role.client('s3').put_object(Bucket='theirs', Key=task.key, Body=b'x')",
    )

    run = s3batch(*RUN, "--json")

    assert run.returncode == 0, run.stdout
    assert json.loads(run.stdout)["not_saved"] == {"theirs": 2}


# ---------------------------------------------------------------- STS

ASSUME_ROLE = "RoleArn='arn:aws:iam::123456789012:role/reader', RoleSessionName='test'"


@pytest.mark.parametrize(
    "ask",
    [f"assume_role({ASSUME_ROLE})", "get_session_token()", "get_federation_token(Name='test')"],
)
def test_temporary_credentials_are_valid_for_the_local_s3(s3batch: Shell, ask: str) -> None:
    """A function can assume a role, and another role with its credentials."""
    write_function(
        s3batch,
        f"keys = boto3.client('sts').{ask}['Credentials']",
        "role = boto3.Session(keys['AccessKeyId'], keys['SecretAccessKey'], keys['SessionToken'])",
        f"keys = role.client('sts').assume_role({ASSUME_ROLE})['Credentials']",
        "nested = boto3.Session("
        "keys['AccessKeyId'], keys['SecretAccessKey'], keys['SessionToken'])",
        "for session in (role, nested):",
        "    session.client('s3').get_object(**task.location)",
        "return boto3.client('sts').get_caller_identity()['Account']",
    )

    run = s3batch(*RUN, "--json")

    summary = json.loads(run.stdout)
    assert (summary["succeeded"], summary["failures"]) == (2, [])


# ---------------------------------------------------------------- run: a folder as a bucket


def test_every_file_of_a_folder_is_an_object(s3batch: Shell) -> None:
    source = s3batch.folder / "My Photos"
    (source / "sub dir").mkdir(parents=True)
    (source / "sub dir" / "ä+b.txt").write_text("one")
    (source / "two.txt").write_text("two")

    run = s3batch(*READ, "--source", "My Photos", "--json")

    summary = json.loads(run.stdout)
    rows = {row.key: row for row in read_report(s3batch.folder / summary["report"]).rows()}
    assert run.returncode == 0, run.stderr
    assert {key: row.message for key, row in rows.items()} == {
        "sub dir/ä+b.txt": "one",
        "two.txt": "two",
    }
    assert {row.bucket for row in rows.values()} == {"my-photos"}


def test_objects_are_never_saved_outside_of_the_output_folder(s3batch: Shell) -> None:
    source = s3batch.folder / "source"
    source.mkdir()
    (source / "one.txt").write_text("text")

    run = s3batch(
        *(*READ, "--source", "source", "--bucket", "mine", "-a", "copy=yes"),
        *("--output", "copies=deep/copies"),
    )

    assert run.returncode == 0, run.stderr
    assert (s3batch.folder / "deep/copies/one.txt").read_text() == "TEXT"
    assert not (s3batch.folder / "deep/outside.txt").exists()
    assert "'../outside.txt' cannot be a file" in run.stderr


def test_a_manifest_selects_objects_of_a_folder(s3batch: Shell) -> None:
    """An entry without a file fails its task."""
    source = s3batch.folder / "source"
    source.mkdir()
    (source / "one.txt").write_text("1")
    (source / "two.txt").write_text("2")
    manifest = s3batch.manifest("source,two.txt", "source,three.txt")

    run = s3batch(*READ, "--source", "source", "--manifest", manifest, "--json")

    summary = json.loads(run.stdout)
    rows = {row.key: row for row in read_report(s3batch.folder / summary["report"]).rows()}
    assert rows["two.txt"].message == "2"
    assert rows["three.txt"].message.startswith("NoSuchKey calling GetObject")


def write_inventory_to(folder: Path) -> Path:
    """Write an inventory of two objects, and return the path of its ``manifest.json``."""
    folder.joinpath("data").mkdir(parents=True)
    entries = [ManifestEntry("source", key, None) for key in ("a+b.txt", "two.txt")]
    with folder.joinpath("data", "1.csv.gz").open("w+b") as file:
        part = write_part(file, entries, key="inventory/data/1.csv.gz")
    inventory = Inventory("reports", ("Bucket", "Key"), (part,))
    manifest = folder / "2024-01-03T02-00Z" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_bytes(
        write_inventory(inventory, source_bucket="source", created=datetime.now(UTC))
    )
    return manifest.relative_to(folder.parent)


def test_an_inventory_can_be_read_from_a_folder(s3batch: Shell) -> None:
    """Its parts are beside its ``manifest.json``."""
    manifest = write_inventory_to(s3batch.folder / "inventory")

    run = s3batch("run", "app:handler", "--manifest", str(manifest), "--json")

    assert run.returncode == 0, run.stderr
    rows = read_report(s3batch.folder / "s3batch-reports").rows()
    assert sorted(row.key for row in rows) == ["a b.txt", "two.txt"]


def test_an_inventory_can_be_read_from_s3(s3batch: Shell) -> None:
    manifest = write_inventory_to(s3batch.folder / "source" / "inventory")

    run = s3batch(
        *("run", "app:handler", "--source", "source", "--bucket", "reports", "--json"),
        *("--manifest", f"s3://reports/{manifest}"),
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["succeeded"] == 2


def test_an_incomplete_inventory_is_reported_with_its_part(s3batch: Shell) -> None:
    """No task is run."""
    manifest = write_inventory_to(s3batch.folder / "inventory")
    (s3batch.folder / "inventory" / "data" / "1.csv.gz").write_bytes(b"")

    run = s3batch("run", "app:handler", "--manifest", str(manifest))

    (line,) = run.stderr.splitlines()
    assert line.startswith("s3batch: inventory/data/1.csv.gz: has 0 bytes, manifest.json has")
    assert run.returncode == 1


def test_a_report_can_be_written_to_s3(s3batch: Shell) -> None:
    """``--output`` saves it like other objects."""
    source = s3batch.folder / "source"
    source.mkdir()
    (source / "one.txt").write_text("1")

    run = s3batch(
        *(*READ, "--source", "source", "--output", "reports=reports"),
        *("--report", "s3://reports/daily", "--json"),
    )

    report = read_report(s3batch.folder / "reports" / "daily")
    assert json.loads(run.stdout)["report"].startswith("s3://reports/daily/job-")
    assert [row.key for row in report.rows()] == ["one.txt"]


def test_a_report_that_s3_refuses_is_kept_on_this_machine(s3batch: Shell) -> None:
    """No row is lost, and the summary says where the report is."""
    (s3batch.folder / "deleter.py").write_text(DELETER)
    (s3batch.folder / "source").mkdir()
    (s3batch.folder / "source" / "one.txt").write_text("1")

    run = s3batch(
        *("run", "deleter", "--source", "source", "--output", "reports=reports"),
        *("--report", "s3://reports/daily", "--json"),
    )

    summary = json.loads(run.stdout)
    (row,) = read_report(summary["report"]).rows()
    assert (run.returncode, summary["status"], summary["succeeded"]) == (1, "Failed", 1)
    assert summary["reason"].startswith("the report could not be written: s3://reports/daily/job-")
    assert "NoSuchBucket" in summary["reason"]
    assert summary["reason"].endswith(f"it was written to {summary['report']} instead")
    assert summary["report"].startswith("s3batch-reports/job-")
    assert row.message == "done"


DELETER = """
import boto3
from s3batch_handler import Task, task_handler

@task_handler
def handler(task: Task) -> str:
    boto3.client("s3").delete_bucket(Bucket="reports")
    return "done"
"""


def test_files_written_by_jobs_are_not_input_of_the_next_job(s3batch: Shell) -> None:
    """A job can run twice over the current folder."""
    command = (
        *("run", "app:handler", "--source", ".", "--bucket", "mine", "--json"),
        *("--output", "copies=copies", "--log", "mine.log", "--save-manifest", "manifest.csv"),
    )
    (s3batch.folder / "copies").mkdir()
    (s3batch.folder / "copies" / "of-an-earlier-job.txt").touch()
    first = json.loads(s3batch(*command).stdout)
    written = {path.name for path in s3batch.folder.iterdir()}

    second = json.loads(s3batch(*command).stdout)

    assert written > {"s3batch-reports", "copies", "mine.log", "manifest.csv"}
    assert first["total"] == 4
    keys = {row.key for row in read_report(second["report"]).rows()}
    assert {key for key in keys if not key.startswith("__pycache__/")} == {
        "app.py",
        "reader.py",
        "photos/a.txt",
        "photos/b.txt",
    }


def test_save_manifest_writes_the_manifest_of_a_folder(s3batch: Shell) -> None:
    (s3batch.folder / "source").mkdir()
    (s3batch.folder / "source" / "a b.txt").write_text("1")

    s3batch(
        *("run", "app:handler", "--source", "source", "--bucket", "photos"),
        *("--save-manifest", "saved/manifest.csv"),
    )

    assert (s3batch.folder / "saved" / "manifest.csv").read_bytes() == b"photos,a%20b.txt\n"
