"""A folder as a bucket."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s3batch_handler.aws import list_objects
from s3batch_handler.embedded_s3 import EmbeddedS3, serve_folder
from s3batch_handler.file_bucket import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Photos"
    folder.mkdir()
    (folder / "one").write_text("first")
    (folder / "two words+ä%20").write_text("second")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedS3]:
    with serve_folder(folder, "photos", empty_buckets=["copies"]) as server:
        yield server


def read(server: EmbeddedS3, key: str) -> bytes:
    body: bytes = server.client.get_object(Bucket="photos", Key=key)["Body"].read()
    return body


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


# ---------------------------------------------------------------- which files


def test_files_are_objects(folder: Path) -> None:
    """Hidden ones, too; empty folders, pipes, endless links and links that lead out are not."""
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


def test_what_is_left_out(folder: Path) -> None:
    """Files and folders by their path, wherever they are; what is elsewhere does not matter."""
    (folder / "reports" / "job-1").mkdir(parents=True)
    (folder / "reports" / "job-1" / "manifest.json").touch()

    leave_out = [folder / "reports", folder / "empty" / ".." / "one", folder.parent, folder / "no"]
    keys = [key for key, _ in files_below(folder, leave_out=leave_out)]

    assert "two words+ä%20" in keys
    assert not {"one", "reports/job-1/manifest.json"} & {*keys}


def test_listing_is_that_of_s3(server: EmbeddedS3) -> None:
    """The job's list, made without HTTP, and what the function would get are the same."""
    listed = list(list_objects(server.client, "photos"))

    assert list(server.objects("photos")) == listed
    assert [item.key for item in server.objects("photos", "two")] == ["two words+ä%20"]


def test_name_that_is_no_utf8(folder: Path) -> None:
    """It gets its task, which fails and tells; the others are not disturbed."""
    (folder / os.fsdecode(b"caf\xe9")).touch()

    with serve_folder(folder, "photos") as server:
        keys = [item.key for item in server.objects("photos")]
        listed = server.client.list_objects_v2(Bucket="photos")["KeyCount"]

    assert "caf\udce9" in keys
    assert listed == 2


# ---------------------------------------------------------------- files that change


def test_file_that_has_gone(server: EmbeddedS3, folder: Path) -> None:
    """There is no such key any more; a listing goes on, as it must for the others."""
    (folder / "one").unlink()

    with pytest.raises(ClientError) as error:
        read(server, "one")
    with pytest.raises(ClientError) as head_error:
        server.client.head_object(Bucket="photos", Key="one")

    assert (code_of(error), code_of(head_error)) == ("NoSuchKey", "404")
    assert server.client.list_objects_v2(Bucket="photos")["KeyCount"] == 2


def test_file_that_is_written_to(server: EmbeddedS3, folder: Path) -> None:
    """The latest content counts, with the length and the ETag that belong to it."""
    before = server.client.head_object(Bucket="photos", Key="one")
    with (folder / "one").open("a") as file:
        file.write(" and more")

    after = server.client.get_object(Bucket="photos", Key="one")

    assert after["Body"].read() == b"first and more"
    assert after["ContentLength"] == 14
    assert before["ETag"] != after["ETag"]


def test_many_read_one_file_at_once(server: EmbeddedS3, folder: Path) -> None:
    """Each gets all of it, while others ask for its ETag."""
    content = os.urandom(3_000_000)
    (folder / "one").write_bytes(content)

    def ask(number: int) -> bytes:
        if number % 2:
            os.utime(folder / "one", (number, number))  # so that its ETag has to be made anew
            server.client.head_object(Bucket="photos", Key="one")
            return content
        return read(server, "one")

    with ThreadPoolExecutor(4) as threads:
        bodies = list(threads.map(ask, range(40)))

    assert all(body == content for body in bodies)


# ---------------------------------------------------------------- who may ask


@pytest.mark.parametrize("path", ["/photos/one", "/photos", "/", "/moto-api/data.json"])
def test_strangers_are_refused(server: EmbeddedS3, path: str) -> None:
    """Other users of the machine, and pages in a browser, reach loopback as well."""
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(server.endpoint_url + path)

    with error.value as answer:
        assert answer.code == 403
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_wrong_key_is_refused(server: EmbeddedS3) -> None:
    """Signed by somebody else is not good enough."""
    stranger = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(ClientError) as error:
        stranger.get_object(Bucket="photos", Key="one")

    assert code_of(error) == "AccessDenied"


def test_presigned_address(server: EmbeddedS3) -> None:
    """Whoever was given one may read."""
    url = server.client.generate_presigned_url(
        "get_object", Params={"Bucket": "photos", "Key": "one"}
    )

    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"first"


def test_function_finds_it_whatever_is_configured(
    server: EmbeddedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies, endpoints and modes that are meant for AWS must not get in the way."""
    for name in ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    own = read(server, "one")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    theirs: Any = boto3.session.Session().client("s3").get_object(Bucket="photos", Key="one")

    assert theirs["Body"].read() == own == b"first"


# ---------------------------------------------------------------- what the function wrote


def test_saved_files_and_what_cannot_be_one(server: EmbeddedS3, tmp_path: Path) -> None:
    """No key leads out, none replaces another's file, none stops the others."""
    keys = ["a//b", "a/b", "/a/b", "../out", "folder/", "file", "file/below", "n" * 300]
    for key in keys:
        server.client.put_object(Bucket="copies", Key=key, Body=key.encode())

    saved, left_out = server.save("copies", tmp_path / "saved")

    assert (saved, {*keys} - {*left_out}) == (2, {"a/b", "file"})
    assert (tmp_path / "saved/a/b").read_text() == "a/b"
    assert not (tmp_path / "out").exists()


def test_folder_that_takes_nothing(server: EmbeddedS3) -> None:
    """That is one error, not one for each object."""
    server.client.put_object(Bucket="copies", Key="a", Body=b"")

    with pytest.raises(OSError, match="/proc"):
        server.save("copies", Path("/proc/nowhere"))


def test_bucket_that_the_function_has_deleted(server: EmbeddedS3, tmp_path: Path) -> None:
    """Then there is nothing to save."""
    server.client.delete_bucket(Bucket="copies")

    assert server.save("copies", tmp_path / "saved") == (0, [])
