"""A folder as a bucket: its name, and its keys in the order in which S3 lists them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.jobs.listing._objects import list_objects
from s3batch_handler.local_aws._folder_listing import bucket_name_for, files_below
from s3batch_handler.local_aws._folder_server import EmbeddedS3, serve_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_all_files_are_objects(folder: Path) -> None:
    """Hidden files are listed; empty folders, pipes, circular links and links out are not."""
    (folder / ".hidden").touch()
    (folder / "empty").mkdir()
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "x").touch()
    (folder / "loop").symlink_to("loop")
    (folder / "deep" / "up").symlink_to("..")
    (folder / "inside").symlink_to("one")
    (folder / "outside").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")

    keys = [key for key, _ in files_below(folder)]

    assert keys == [".hidden", "deep/er/x", "inside", "one", "two words+ä%20"]


def test_files_and_folders_can_be_left_out(folder: Path) -> None:
    """They are compared by their real path; paths outside of the folder are ignored."""
    (folder / "reports" / "job-1").mkdir(parents=True)
    (folder / "reports" / "job-1" / "manifest.json").touch()

    leave_out = [folder / "reports", folder / "empty" / ".." / "one", folder.parent, folder / "no"]
    keys = [key for key, _ in files_below(folder, leave_out=leave_out)]

    assert "two words+ä%20" in keys
    assert not {"one", "reports/job-1/manifest.json"} & {*keys}


def test_the_list_of_a_job_is_the_list_of_s3(server: EmbeddedS3) -> None:
    """The list without HTTP equals the one that a function gets."""
    listed = list(list_objects(server.client, "photos"))

    assert list(server.objects("photos")) == listed
    assert [item.key for item in server.objects("photos", "two")] == ["two words+ä%20"]


def test_a_name_that_is_not_valid_utf8_is_only_in_the_list_of_the_job(folder: Path) -> None:
    """Its task fails with a message; other tasks are not affected."""
    (folder / os.fsdecode(b"caf\xe9")).touch()

    with serve_folder(folder, "photos") as server:
        keys = [item.key for item in server.objects("photos")]
        listed = server.client.list_objects_v2(Bucket="photos")["KeyCount"]

    assert "caf\udce9" in keys
    assert listed == 2


@pytest.mark.parametrize(
    ("folder_name", "bucket"),
    [("My Photos!", "my-photos"), ("d", "bucket-d"), ("фото", "bucket"), ("x" * 70, "x" * 63)],
)
def test_bucket_name_for_a_folder_is_valid(tmp_path: Path, folder_name: str, bucket: str) -> None:
    assert bucket_name_for(tmp_path / folder_name) == bucket
