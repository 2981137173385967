"""Folders: local ones and prefixes in S3 behave alike."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest
from botocore.exceptions import ReadTimeoutError
from typing_extensions import override

from s3batch_handler.documents import _storage as storage
from s3batch_handler.documents._storage import (
    LocalFolder,
    bucket_name_for,
    open_folder,
    split_location,
)
from tests.support.reports import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from s3batch_handler.documents._storage import Folder


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Client) -> Folder:
    if request.param == "local":
        return open_folder(tmp_path / BUCKET)
    return open_folder(f"s3://{BUCKET}", s3=s3)


class Breaking(io.RawIOBase):
    """Gives some bytes, then fails."""

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


def test_what_was_written_can_be_read(folder: Folder) -> None:
    """Bytes come back as they were, from a name with slashes too."""
    folder.write("a/b c/d.bin", io.BytesIO(b"\x00\r\n\xff"))

    with folder.read("a/b c/d.bin") as stream:
        content = stream.read()

    assert content == b"\x00\r\n\xff"


def test_empty_file(folder: Folder) -> None:
    """Nothing is something that can be stored."""
    folder.write("empty", io.BytesIO(b""))

    with folder.read("empty") as stream:
        assert stream.read() == b""


def test_writing_again_replaces(folder: Folder) -> None:
    """The last one stands."""
    folder.write("x", io.BytesIO(b"long before"))
    folder.write("x", io.BytesIO(b"now"))

    with folder.read("x") as stream:
        assert stream.read() == b"now"


def test_missing_file(folder: Folder) -> None:
    """What is not there is FileNotFoundError, in S3 too."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        folder.read("nowhere")


@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "a/..", ".", "./x", "", "/"])
def test_names_that_lead_out_are_refused(folder: Folder, name: str) -> None:
    """No name reaches outside of the folder, for reading or writing."""
    with pytest.raises(ValueError, match="inside the folder"):
        folder.read(name)
    with pytest.raises(ValueError, match="inside the folder"):
        folder.write(name, io.BytesIO(b"x"))


def test_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    """A symbolic link in a folder is no way out of it."""
    (tmp_path / "secret").write_text("s")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(ValueError, match="inside the folder"):
        open_folder(tmp_path / "inside").read("link")


def test_failed_write_leaves_nothing_behind(folder: Folder, tmp_path: Path, s3: S3Client) -> None:
    """A source that breaks off half-way leaves no file, no part of one and no new directory."""
    with pytest.raises(ConnectionError):
        folder.write("new/deep/file", cast("BinaryIO", Breaking()))

    assert list(tmp_path.iterdir()) == []
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_failed_write_keeps_what_was_there(folder: Folder) -> None:
    """A file is replaced by a whole one or not at all."""
    folder.write("x", io.BytesIO(b"before"))

    with pytest.raises(ConnectionError):
        folder.write("x", cast("BinaryIO", Breaking()))

    with folder.read("x") as stream:
        assert stream.read() == b"before"


def test_subfolders(folder: Folder) -> None:
    """Direct subfolders only, by how they begin; files are none."""
    for name in ("job-1/a", "job-1/b/c", "job-2/a", "other/job-3/a", "job-file"):
        folder.write(name, io.BytesIO(b"x"))

    assert list(folder.subfolders("job-")) == ["job-1", "job-2"]
    assert list(folder.subfolders("none")) == []


def test_subfolders_on_many_pages(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than S3 lists in one answer."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    folder = open_folder(f"s3://{BUCKET}/many", s3=s3)
    for number in range(5):
        folder.write(f"job-{number}/x", io.BytesIO(b""))

    names = list(folder.subfolders("job-"))

    assert names == [f"job-{number}" for number in range(5)]


def test_subfolders_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """None, as in S3."""
    assert list(open_folder(tmp_path / "nowhere").subfolders("job-")) == []


def test_local_names(tmp_path: Path) -> None:
    """The folder's own name stands for the bucket; files can be read by everyone who may."""
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
def test_s3_names(s3: S3Client, url: str, key: str) -> None:
    """One slash at the end of a URL says nothing, a second one is part of the prefix."""
    folder = open_folder(url.format(BUCKET), s3=s3)

    assert folder.bucket == BUCKET
    assert folder.key("a/b") == key
    assert folder.location("a/b") == f"s3://{BUCKET}/{key}"


def test_s3_without_a_client() -> None:
    """The error says what to hand in."""
    with pytest.raises(ValueError, match=r"s3=boto3.client"):
        open_folder("s3://bucket/x")


def test_s3_without_a_bucket(s3: S3Client) -> None:
    """The error says what a URL looks like."""
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        open_folder("s3:///x", s3=s3)


def test_missing_bucket_is_a_missing_file(s3: S3Client) -> None:
    """No object of that name, whatever part of the name is wrong."""
    with pytest.raises(FileNotFoundError, match="s3://nobodys/x"):
        open_folder("s3://nobodys", s3=s3).read("x")


def test_object_is_read_in_parts(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a request of its own, so a slow reader never holds a connection open."""
    monkeypatch.setattr(storage, "_PART_SIZE", 10)
    content = bytes(range(256))
    s3.put_object(Bucket=BUCKET, Key="x", Body=content)

    with open_folder(f"s3://{BUCKET}", s3=s3).read("x") as stream:
        assert stream.read() == content


def test_object_that_changes_while_it_is_read(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one version and half of another are never put together."""
    monkeypatch.setattr(storage, "_PART_SIZE", 10)
    s3.put_object(Bucket=BUCKET, Key="x", Body=b"a" * 30)

    with open_folder(f"s3://{BUCKET}", s3=s3).read("x") as stream:
        s3.put_object(Bucket=BUCKET, Key="x", Body=b"b" * 30)
        with pytest.raises(OSError, match="overwritten"):
            stream.read()


def test_other_errors_of_the_client_come_through(s3: S3Client) -> None:
    """What is no question of names is not ours to translate."""
    folder = open_folder("s3://not a bucket", s3=s3)

    with pytest.raises(Exception, match="Bucket") as caught:
        folder.read("x")

    assert type(caught.value).__module__.startswith("botocore")


def test_errors_without_an_answer_of_s3_come_through(s3: S3Client, monkeypatch: Any) -> None:
    """botocore's time-outs have a ``response``, which is ``None``."""

    def times_out(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://s3.amazonaws.com")

    monkeypatch.setattr(s3, "get_object", times_out)

    with pytest.raises(ReadTimeoutError):
        open_folder("s3://bucket", s3=s3).read("x")


def test_split_location(tmp_path: Path) -> None:
    """The folder of a file, ready to be opened, and the file's name."""
    assert split_location("s3://b/p//job-1/manifest.json") == ("s3://b/p//job-1", "manifest.json")
    assert split_location(tmp_path / "x.csv") == (tmp_path, "x.csv")
    assert split_location(str(tmp_path / "x.csv")) == (tmp_path, "x.csv")


@pytest.mark.parametrize(
    ("folder_name", "bucket"),
    [("My Photos!", "my-photos"), ("d", "bucket-d"), ("фото", "bucket"), ("x" * 70, "x" * 63)],
)
def test_bucket_name_of_a_folder(tmp_path: Path, folder_name: str, bucket: str) -> None:
    """Always one that S3 takes."""
    assert bucket_name_for(tmp_path / folder_name) == bucket


# ---------------------------------------------------------------- what killed writers leave behind


WRITER = """
import os, sys, time
from pathlib import Path
from s3batch_handler.documents._storage import LocalFolder

class Stream:
    def read(self, size):
        print("writing", flush=True)
        time.sleep(60)

LocalFolder(Path(sys.argv[1])).write("report.csv", Stream())
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of writing a file."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_what_a_killed_writer_left_goes_with_the_next_one(
    tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    """Nothing piles up beside a file, however often its writer is killed."""
    writer.kill()
    writer.wait(60)
    (tmp_path / ".other.csv.0123abcd.part").touch()
    before = len(os.listdir(tmp_path))  # noqa: PTH208

    LocalFolder(tmp_path).write("report.csv", io.BytesIO(b"row"))

    assert before == 2
    assert {path.name for path in tmp_path.iterdir()} == {"report.csv", ".other.csv.0123abcd.part"}


@pytest.mark.usefixtures("writer")
def test_what_somebody_writes_is_no_leftover(tmp_path: Path) -> None:
    """Two may write the same file at the same time: the last one that is done has it."""
    part = next(tmp_path.iterdir())

    LocalFolder(tmp_path).write("report.csv", io.BytesIO(b"row"))
    LocalFolder(tmp_path).remove_leftovers("*")

    assert part.exists()


def test_leftovers_of_reports_of_other_jobs(tmp_path: Path) -> None:
    """They go with the folders that are empty then; reports, and what is not ours, stay."""
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
