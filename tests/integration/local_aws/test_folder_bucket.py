"""The objects of a folder: files that change, unusual files, and files that cannot be read."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from s3batch_handler.local_aws import _folder_bucket
from s3batch_handler.local_aws._folder_server import EmbeddedS3, serve_folder
from tests.support import served_folder
from tests.support.served_folder import code_of, read, read_all


def test_a_deleted_file_is_a_missing_key(server: EmbeddedS3, folder: Path) -> None:
    """A listing still shows it, with all others."""
    (folder / "one").unlink()

    with pytest.raises(ClientError) as error:
        read(server, "one")
    with pytest.raises(ClientError) as head_error:
        server.client.head_object(Bucket="photos", Key="one")

    assert (code_of(error), code_of(head_error)) == ("NoSuchKey", "404")
    assert server.client.list_objects_v2(Bucket="photos")["KeyCount"] == 2


def test_a_changed_file_has_its_new_content(server: EmbeddedS3, folder: Path) -> None:
    """Length and ETag are those of the new content."""
    before = server.client.head_object(Bucket="photos", Key="one")
    with (folder / "one").open("a") as file:
        file.write(" and more")

    after = server.client.get_object(Bucket="photos", Key="one")

    assert after["Body"].read() == b"first and more"
    assert after["ContentLength"] == 14
    assert before["ETag"] != after["ETag"]


def test_many_clients_can_read_one_file_at_the_same_time(server: EmbeddedS3, folder: Path) -> None:
    """Each gets the whole content, while others request the ETag."""
    content = os.urandom(3_000_000)
    (folder / "one").write_bytes(content)

    def request(number: int) -> bytes:
        if number % 2:
            os.utime(folder / "one", (number, number))  # so that the ETag is calculated again
            server.client.head_object(Bucket="photos", Key="one")
            return content
        return read(server, "one")

    with ThreadPoolExecutor(4) as threads:
        bodies = list(threads.map(request, range(40)))

    assert all(body == content for body in bodies)


@pytest.mark.parametrize(
    ("seconds", "year"),
    [(253_402_300_800, 9999), (10**11 * 3, 9999), (-1, 1970), (-(10**10), 1970), (-(10**11), 1970)],
)
def test_times_that_a_header_cannot_represent_are_rounded(
    odd: Path, seconds: float, year: int
) -> None:
    """The file can be read; its time is the nearest possible one."""
    with patch.object(Path, "stat", stat_with(odd.resolve() / "plain", st_mtime=seconds)):
        assert read_all(odd) == {"plain": "plain"}
        with serve_folder(odd, "photos") as server:
            response = server.client.get_object(Bucket="photos", Key="plain")

    assert response["LastModified"].year == year


def stat_with(changed: Path, **facts: float) -> Any:
    """Create a ``Path.stat`` with other values for one file: few file systems support them."""
    original = Path.stat

    def stat(path: Path, **more: Any) -> Any:
        found = original(path, **more)
        if path != changed:
            return found
        names = ("st_size", "st_mtime", "st_mtime_ns", "st_mode")
        return SimpleNamespace(**{name: getattr(found, name) for name in names} | facts)

    return stat


def test_pipes_sockets_and_links_to_nothing_are_not_objects(odd: Path) -> None:
    """Nor are circular links and links out of the folder."""
    os.mkfifo(odd / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(odd / "socket"))
        for name, target in {
            "nothing": "nowhere",
            "circle": "circle",
            "long": "n" * 300,
            "null": "/dev/null",
            "out": str(Path(__file__).resolve()),
            "folder": ".",
            "in": "plain",
        }.items():
            (odd / name).symlink_to(target)

        assert read_all(odd) == {"plain": "plain", "in": "plain"}


@pytest.mark.parametrize(
    "instead", ["nothing", "folder", "pipe", "socket", "circle", "link to pipe"]
)
def test_a_file_that_was_replaced_by_something_else_is_missing(odd: Path, instead: str) -> None:
    """The error is raised immediately, even for a pipe."""
    file = odd / "sub" / "file"
    file.parent.mkdir()
    file.touch()
    with serve_folder(odd, "photos") as server, closing(socket.socket(socket.AF_UNIX)) as listener:
        file.unlink()
        if instead == "folder":
            file.mkdir()
        elif instead == "pipe":
            os.mkfifo(file)
        elif instead == "socket":
            listener.bind(str(file))
        elif instead == "circle":
            file.symlink_to("file")
        elif instead == "link to pipe":
            os.mkfifo(odd / "pipe")
            file.symlink_to(odd / "pipe")
        with pytest.raises(ClientError) as gone:
            server.client.get_object(Bucket="photos", Key="sub/file")
        file.unlink() if instead not in ("nothing", "folder") else None
        shutil.rmtree(file.parent)
        file.parent.touch()  # a file in the place of the folder
        with pytest.raises(ClientError) as parent_gone:
            server.client.get_object(Bucket="photos", Key="sub/file")

    assert (code_of(gone), code_of(parent_gone)) == ("NoSuchKey", "NoSuchKey")


def test_a_key_may_have_up_to_1024_bytes(odd: Path) -> None:
    path = odd
    for _ in range(6):
        path /= "ü" * 100
        path.mkdir()
    (path / "file").touch()
    (odd / ("n" * 255)).write_bytes(b"long")

    contents = read_all(odd)

    assert contents.pop("n" * 255) == "long"
    assert contents.pop("plain") == "plain"
    assert [*contents.values()] == ["400 KeyTooLongError: Your key is too long"]


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_a_file_without_permission_fails_its_own_task(odd: Path) -> None:
    """Also a file in a folder that cannot be entered, and a folder that cannot be listed.

    The error names the path; other tasks are not affected.
    """
    for name in ("secret", "locked/file", "locked/deeper/file", "unlisted/file", "a&<b>"):
        (odd / name).parent.mkdir(parents=True, exist_ok=True)
        (odd / name).write_bytes(b"content")
    (odd / "link").symlink_to("locked/file")
    modes = {"secret": 0o000, "locked": 0o444, "unlisted": 0o111}
    for name, mode in modes.items():
        (odd / name).chmod(mode)
    # Root can read all files because of two capabilities.
    drop_capabilities = (
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if not os.getuid() else []
    )
    command = [*drop_capabilities, sys.executable, served_folder.__file__, str(odd)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    for name in modes:
        (odd / name).chmod(0o755)

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "a&<b>": "content",
        "plain": "plain",
        "link": f"403 AccessDenied: {odd}/link: Permission denied",
        "locked/deeper/": f"403 AccessDenied: {odd}/locked/deeper: Permission denied",
        "locked/file": f"403 AccessDenied: {odd}/locked/file: Permission denied",
        "secret": f"403 AccessDenied: {odd}/secret: Permission denied",
        "unlisted/": f"403 AccessDenied: {odd}/unlisted: the folder cannot be listed",
    }
    assert f"{odd}/unlisted: the folder cannot be listed: Permission denied" in ended.stderr
    assert f"{odd}/locked/deeper: the folder cannot be listed" in ended.stderr


def test_an_error_of_the_disk_is_an_internal_error(odd: Path) -> None:
    """Clients retry it; the text names the path."""
    error_of_disk = OSError(errno.EIO, "Input/output error")
    with (
        serve_folder(odd, "photos") as server,
        patch.object(_folder_bucket, "_open_without_blocking", side_effect=error_of_disk),
        pytest.raises(ClientError, match="plain: Input/output error") as error,
    ):
        server.client.get_object(Bucket="photos", Key="plain")

    assert code_of(error) == "InternalError"
