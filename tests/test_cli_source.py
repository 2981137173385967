"""``s3batch run --source``: what functions do to the embedded S3 beside reading it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import boto3
from s3batch_handler import Task, task_handler

s3 = boto3.client("s3")

@task_handler
def handler(task: Task) -> str:
    {body}
    return "done"
"""

RUN = ("run", "writer.py", "--source", "photos", "--workers", "1")


@pytest.fixture
def s3batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    (tmp_path / "photos").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "photos" / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


def write_function(s3batch: Shell, *lines: str) -> None:
    (s3batch.folder / "writer.py").write_text(WRITER.format(body="\n    ".join(lines)))


def files(s3batch: Shell, folder: str) -> dict[str, str]:
    root = s3batch.folder / folder
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.txt")}


COPY = 's3.put_object(Bucket=task.bucket, Key="copies/" + task.key, Body=b"copy")'


def test_objects_written_to_the_source_bucket_are_counted(s3batch: Shell) -> None:
    """They are gone with the embedded S3: the job says so, with the option that saves them."""
    write_function(s3batch, COPY)

    run = s3batch(*RUN, "--json", "--quiet")

    assert json.loads(run.stdout)["not_saved"] == {"photos": 2}
    assert run.stderr == (
        "s3batch: photos: 2 objects were written but not saved; "
        "--output photos=DIR saves what is written to it\n"
    )
    assert files(s3batch, "photos") == {"a.txt": "a.txt", "b.txt": "b.txt"}


def test_objects_written_to_the_source_bucket_can_be_saved(s3batch: Shell) -> None:
    """``--output`` with the bucket of the source saves what is new in it, the source stays."""
    write_function(s3batch, COPY, 's3.put_object(Bucket=task.bucket, Key="b.txt", Body=b"other")')

    run = s3batch(*RUN, "--json", "--output", "photos=out")

    assert json.loads(run.stdout)["not_saved"] == {}
    assert files(s3batch, "out") == {
        "copies/a.txt": "copy",
        "copies/b.txt": "copy",
        "b.txt": "other",
    }
    assert files(s3batch, "photos") == {"a.txt": "a.txt", "b.txt": "b.txt"}


def test_nothing_is_said_where_nothing_was_written(s3batch: Shell) -> None:
    """Reading, tagging and deleting what the function wrote itself lose nothing."""
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
    """A function that moves objects cannot destroy the folder."""
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


@pytest.mark.parametrize(
    "create",
    [
        ("s3.create_bucket(Bucket='copies')",),
        CREATE_ELSEWHERE,
        ("s3.put_object(Bucket='copies', Key='early.txt', Body=b'early')", *CREATE_ELSEWHERE),
    ],
    ids=["in every task", "in another Region", "after the first object"],
)
def test_an_output_bucket_that_the_function_creates(
    s3batch: Shell, create: tuple[str, ...]
) -> None:
    """CreateBucket succeeds for it as for a new one, and what is in it is saved."""
    write_function(s3batch, *create, "s3.put_object(Bucket='copies', Key=task.key, Body=b'x')")

    run = s3batch(*RUN, "--output", "copies=out", "--no-report")

    assert run.returncode == 0, run.stdout
    assert files(s3batch, "out").keys() - {"early.txt"} == {"a.txt", "b.txt"}
    assert ("early.txt" in files(s3batch, "out")) is ("early" in str(create))


def test_a_bucket_that_nobody_asked_for(s3batch: Shell) -> None:
    """What is written to it is counted, too, even with credentials of another account."""
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
def test_temporary_credentials_open_the_embedded_s3(s3batch: Shell, ask: str) -> None:
    """A function may assume a role: STS is the embedded one, its credentials and theirs work."""
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
