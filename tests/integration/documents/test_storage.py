"""Folders: directories and prefixes in S3 have the same behavior."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest
from botocore.exceptions import ReadTimeoutError
from typing_extensions import override

from s3batch_handler.documents.files._file_names import part_name
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.files._locations import split_location
from tests.support.reports import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from s3batch_handler.documents.files._folder import Folder


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Client) -> Folder:
    if request.param == "local":
        return open_folder(tmp_path / BUCKET)
    return open_folder(f"s3://{BUCKET}", s3=s3)


class Breaking(io.RawIOBase):
    """A stream that fails after some bytes."""

    def __init__(self) -> None:
        self._left = [b"some", b""]

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int = -1, /) -> bytes:
        if self._left == [b""]:
            raise ConnectionError("gone")
        return self._left.pop(0)


def test_file_that_is_read_has_the_bytes_that_were_written(folder: Folder) -> None:
    """The name of a file may contain slashes."""
    folder.write("a/b c/d.bin", io.BytesIO(b"\x00\r\n\xff"))

    with folder.read("a/b c/d.bin") as stream:
        content = stream.read()

    assert content == b"\x00\r\n\xff"


def test_empty_file_is_stored(folder: Folder) -> None:
    folder.write("empty", io.BytesIO(b""))

    with folder.read("empty") as stream:
        assert stream.read() == b""


def test_writing_again_replaces_a_file(folder: Folder) -> None:
    folder.write("x", io.BytesIO(b"long before"))
    folder.write("x", io.BytesIO(b"now"))

    with folder.read("x") as stream:
        assert stream.read() == b"now"


def test_missing_file_is_not_found(folder: Folder) -> None:
    """The error is FileNotFoundError, in S3 too."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        folder.read("nowhere")


@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "a/..", ".", "./x", "", "/"])
def test_names_that_lead_out_are_refused(folder: Folder, name: str) -> None:
    with pytest.raises(ValueError, match="inside the folder"):
        folder.read(name)
    with pytest.raises(ValueError, match="inside the folder"):
        folder.write(name, io.BytesIO(b"x"))


def test_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(ValueError, match="inside the folder"):
        open_folder(tmp_path / "inside").read("link")


def test_failed_write_leaves_nothing_behind(folder: Folder, tmp_path: Path, s3: S3Client) -> None:
    """There is no file, no incomplete file and no new directory."""
    with pytest.raises(ConnectionError):
        folder.write("new/deep/file", cast("BinaryIO", Breaking()))

    assert list(tmp_path.iterdir()) == []
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_failed_write_keeps_the_existing_file(folder: Folder) -> None:
    folder.write("x", io.BytesIO(b"before"))

    with pytest.raises(ConnectionError):
        folder.write("x", cast("BinaryIO", Breaking()))

    with folder.read("x") as stream:
        assert stream.read() == b"before"


def test_subfolders_are_found_by_the_beginning_of_their_names(folder: Folder) -> None:
    """Only direct subfolders are found, no files."""
    for name in ("job-1/a", "job-1/b/c", "job-2/a", "other/job-3/a", "job-file"):
        folder.write(name, io.BytesIO(b"x"))

    assert list(folder.subfolders("job-")) == ["job-1", "job-2"]
    assert list(folder.subfolders("none")) == []


def test_subfolders_on_several_pages_are_found(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 lists them in several responses."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    folder = open_folder(f"s3://{BUCKET}/many", s3=s3)
    for number in range(5):
        folder.write(f"job-{number}/x", io.BytesIO(b""))

    names = list(folder.subfolders("job-"))

    assert names == [f"job-{number}" for number in range(5)]


def test_missing_folder_has_no_subfolders(tmp_path: Path) -> None:
    assert list(open_folder(tmp_path / "nowhere").subfolders("job-")) == []


def test_bucket_of_a_directory_is_its_name(tmp_path: Path) -> None:
    """Files have the usual permissions, although their temporary files are private."""
    folder = open_folder(str(tmp_path / "mine"))
    folder.write("a/b", io.BytesIO(b"x"))
    (tmp_path / "mine" / "usual").write_bytes(b"x")

    assert folder.bucket == "mine"
    assert folder.key("a/b") == "a/b"
    assert folder.location("a/b") == str(tmp_path / "mine" / "a" / "b")
    usual, ours = (tmp_path / "mine" / name for name in ("usual", "a/b"))
    assert ours.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("s3://{}", "a/b"),
        ("s3://{}/", "a/b"),
        ("s3://{}/p/q", "p/q/a/b"),
        ("s3://{}/p/q/", "p/q/a/b"),
        ("s3://{}/p//", "p//a/b"),
    ],
)
def test_slash_at_the_end_of_a_url_is_ignored(s3: S3Client, url: str, key: str) -> None:
    """A second slash is part of the prefix."""
    folder = open_folder(url.format(BUCKET), s3=s3)

    assert folder.bucket == BUCKET
    assert folder.key("a/b") == key
    assert folder.location("a/b") == f"s3://{BUCKET}/{key}"


def test_s3_url_without_a_client_is_refused() -> None:
    with pytest.raises(ValueError, match=r"s3=boto3.client"):
        open_folder("s3://bucket/x")


def test_s3_url_without_a_bucket_is_refused(s3: S3Client) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        open_folder("s3:///x", s3=s3)


def test_missing_bucket_is_a_missing_file(s3: S3Client) -> None:
    with pytest.raises(FileNotFoundError, match="s3://nobodys/x"):
        open_folder("s3://nobodys", s3=s3).read("x")


def test_object_is_read_in_parts(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a separate request, so a slow reader keeps no connection open."""
    monkeypatch.setattr("s3batch_handler.documents.files._s3_folder._PART_SIZE", 10)
    content = bytes(range(256))
    s3.put_object(Bucket=BUCKET, Key="x", Body=content)

    with open_folder(f"s3://{BUCKET}", s3=s3).read("x") as stream:
        assert stream.read() == content


def test_object_that_is_overwritten_while_it_is_read_is_refused(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of two versions are never combined."""
    monkeypatch.setattr("s3batch_handler.documents.files._s3_folder._PART_SIZE", 10)
    s3.put_object(Bucket=BUCKET, Key="x", Body=b"a" * 30)

    with open_folder(f"s3://{BUCKET}", s3=s3).read("x") as stream:
        s3.put_object(Bucket=BUCKET, Key="x", Body=b"b" * 30)
        with pytest.raises(OSError, match="overwritten"):
            stream.read()


def test_other_errors_of_the_client_are_not_changed(s3: S3Client) -> None:
    folder = open_folder("s3://not a bucket", s3=s3)

    with pytest.raises(Exception, match="Bucket") as caught:
        folder.read("x")

    assert type(caught.value).__module__.startswith("botocore")


def test_errors_without_a_response_are_not_changed(s3: S3Client, monkeypatch: Any) -> None:
    """The ``response`` of botocore's timeouts is ``None``."""

    def times_out(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://s3.amazonaws.com")

    monkeypatch.setattr(s3, "get_object", times_out)

    with pytest.raises(ReadTimeoutError):
        open_folder("s3://bucket", s3=s3).read("x")


def test_location_of_a_file_is_split_into_folder_and_name(tmp_path: Path) -> None:
    assert split_location("s3://b/p//job-1/manifest.json") == ("s3://b/p//job-1", "manifest.json")
    assert split_location(tmp_path / "x.csv") == (tmp_path, "x.csv")
    assert split_location(str(tmp_path / "x.csv")) == (tmp_path, "x.csv")


# ---------------------------------------------------------------- leftovers of killed writers


WRITER = """
import os, sys, time
from pathlib import Path
from s3batch_handler.documents.files._local_folder import LocalFolder

class Stream:
    def read(self, size):
        print("writing", flush=True)
        time.sleep(60)

LocalFolder(Path(sys.argv[1])).write("report.csv", Stream())
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process that is writing a file."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_next_writer_removes_the_leftovers_of_a_killed_writer(
    tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    writer.kill()
    writer.wait(60)
    (tmp_path / ".other.csv.0123abcd.part").touch()
    before = len([*tmp_path.iterdir()])

    LocalFolder(tmp_path).write("report.csv", io.BytesIO(b"row"))

    assert before == 2
    assert {path.name for path in tmp_path.iterdir()} == {"report.csv", ".other.csv.0123abcd.part"}


@pytest.mark.usefixtures("writer")
def test_file_of_a_running_writer_is_not_removed(tmp_path: Path) -> None:
    """Two processes may write the same file at the same time."""
    part = next(tmp_path.iterdir())

    LocalFolder(tmp_path).write("report.csv", io.BytesIO(b"row"))
    LocalFolder(tmp_path).remove_leftovers("*")

    assert part.exists()


def test_a_name_may_be_as_long_as_the_file_system_accepts(tmp_path: Path) -> None:
    """The temporary name is shortened, and an incomplete file is still found."""
    name = f"{'ü' * 125}.csv"
    folder = LocalFolder(tmp_path)
    (tmp_path / part_name(name)).touch()

    folder.write(name, io.BytesIO(b"row"))

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_leftovers_of_other_jobs_are_removed(tmp_path: Path) -> None:
    """Empty folders are removed, too. Reports and other files are kept."""
    folder = LocalFolder(tmp_path)
    for name in ("job-1/results/.a.csv.0123abcd.part", "job-2/.manifest.json.89abcdef.part"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    folder.write("job-2/manifest.json", io.BytesIO(b"{}"))
    (tmp_path / "job-3").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".x.0123abcd.part").touch()
    (tmp_path / "job-3" / ".link.0123abcd.part").symlink_to(tmp_path / "job-2" / "manifest.json")
    (tmp_path / "job-3" / ".notes.part").touch()
    os.mkfifo(tmp_path / "job-3" / ".fifo.0123abcd.part")

    for names in ("job-*/*", "job-*/results/*"):
        folder.remove_leftovers(names)

    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == [
        "elsewhere",
        "elsewhere/.x.0123abcd.part",
        "job-2",
        "job-2/manifest.json",
        "job-3",
        "job-3/.fifo.0123abcd.part",
        "job-3/.link.0123abcd.part",
        "job-3/.notes.part",
    ]


def test_error_of_a_full_disk_names_the_file(tmp_path: Path) -> None:
    """Otherwise nobody knows which disk is full: the one of temporary files is another one."""

    class FullDisk(io.RawIOBase):
        @override
        def read(self, size: int = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        open_folder(tmp_path / "new").write("a.csv", cast("BinaryIO", FullDisk()))

    assert caught.value.filename == str(tmp_path / "new" / "a.csv")
    assert list(tmp_path.iterdir()) == []
