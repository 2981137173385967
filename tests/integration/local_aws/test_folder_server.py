"""A folder as a bucket."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s3batch_handler.jobs._aws_clients import list_objects
from s3batch_handler.local_aws import _folder_bucket as file_bucket
from s3batch_handler.local_aws._folder_listing import files_below
from s3batch_handler.local_aws._folder_server import EmbeddedS3, serve_folder

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


# ---------------------------------------------------------------- odd files


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder for files that are not as others."""
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "plain").write_bytes(b"plain")
    return folder


def looked_at(folder: Path) -> dict[str, str]:
    """Ask for each object; give its content, or the status, code and text of S3's error."""
    seen = {}
    with serve_folder(folder, "photos") as server:
        for item in server.objects("photos"):
            try:
                server.client.head_object(Bucket="photos", Key=item.key)
                seen[item.key] = read(server, item.key).decode()
            except ClientError as error:
                with pytest.raises(ClientError) as told:
                    server.client.get_object(Bucket="photos", Key=item.key)
                answer = told.value.response["Error"]
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                seen[item.key] = f"{status} {answer['Code']}: {answer['Message']}"
        server.client.list_objects_v2(Bucket="photos")
    return seen


@pytest.mark.parametrize(
    ("seconds", "year"),
    [(253_402_300_800, 9999), (10**11 * 3, 9999), (-1, 1970), (-(10**10), 1970), (-(10**11), 1970)],
)
def test_times_that_no_header_can_hold(odd: Path, seconds: float, year: int) -> None:
    """Such a file is read as any other; its time is the nearest that there is."""
    with patch.object(Path, "stat", stat_with(odd.resolve() / "plain", st_mtime=seconds)):
        assert looked_at(odd) == {"plain": "plain"}
        with serve_folder(odd, "photos") as server:
            answer = server.client.get_object(Bucket="photos", Key="plain")

    assert answer["LastModified"].year == year


def stat_with(odd: Path, **facts: float) -> Any:
    """Make a ``Path.stat`` that says something else of one file: few file systems hold such."""
    real = Path.stat

    def stat(path: Path, **more: Any) -> Any:
        found = real(path, **more)
        if path != odd:
            return found
        names = ("st_size", "st_mtime", "st_mtime_ns", "st_mode")
        return SimpleNamespace(**{name: getattr(found, name) for name in names} | facts)

    return stat


def test_what_is_neither_file_nor_folder(odd: Path) -> None:
    """Pipes, sockets and links to nothing, in a circle or out of the folder are no objects."""
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

        assert looked_at(odd) == {"plain": "plain", "in": "plain"}


@pytest.mark.parametrize(
    "instead", ["nothing", "folder", "pipe", "socket", "circle", "link to pipe"]
)
def test_a_file_whose_name_means_something_else_now(odd: Path, instead: str) -> None:
    """It is NoSuchKey at once: nobody waits at a pipe."""
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
        with pytest.raises(ClientError) as gone_as_well:
            server.client.get_object(Bucket="photos", Key="sub/file")

    assert (code_of(gone), code_of(gone_as_well)) == ("NoSuchKey", "NoSuchKey")


def test_keys_that_s3_cannot_have(odd: Path) -> None:
    """Up to 1,024 bytes a name is a key; beyond, S3's error names the reason."""
    place = odd
    for _ in range(6):
        place /= "ü" * 100
        place.mkdir()
    (place / "file").touch()
    (odd / ("n" * 255)).write_bytes(b"long")

    seen = looked_at(odd)

    assert seen.pop("n" * 255) == "long"
    assert seen.pop("plain") == "plain"
    assert [*seen.values()] == ["400 KeyTooLongError: Your key is too long"]


@pytest.mark.skipif(not shutil.which("setpriv"), reason="nothing to drop permissions with")
def test_what_may_not_be_read(odd: Path, tmp_path: Path) -> None:
    """A file, what is in a folder that can be listed but not entered, a folder that cannot be
    listed: each costs its own task, with a text that names the path; all others are done.
    """
    for name in ("secret", "locked/file", "locked/deeper/file", "unlisted/file", "a&<b>"):
        (odd / name).parent.mkdir(parents=True, exist_ok=True)
        (odd / name).write_bytes(b"content")
    (odd / "link").symlink_to("locked/file")
    modes = {"secret": 0o000, "locked": 0o444, "unlisted": 0o111}
    for name, mode in modes.items():
        (odd / name).chmod(mode)
    # Root keeps its own files readable by two capabilities; others have none of them.
    without = (
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if not os.getuid() else []
    )
    script = (
        "import json, sys; from pathlib import Path; "
        "from tests.integration.local_aws.test_folder_server import looked_at; "
        "print(json.dumps(looked_at(Path(sys.argv[1]))))"
    )
    command = [*without, sys.executable, "-c", script, str(odd)]
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


def test_a_disk_that_gives_an_error(odd: Path) -> None:
    """It is S3's InternalError, which clients try again, and names the path."""
    trouble = OSError(errno.EIO, "Input/output error")
    with (
        serve_folder(odd, "photos") as server,
        patch.object(file_bucket, "_open_without_blocking", side_effect=trouble),
        pytest.raises(ClientError, match="plain: Input/output error") as error,
    ):
        server.client.get_object(Bucket="photos", Key="plain")

    assert code_of(error) == "InternalError"


def test_a_folder_that_is_not_there(odd: Path) -> None:
    """The folder itself has to be listed; the error names it."""
    with pytest.raises(OSError) as error, serve_folder(odd / "none", "photos"):  # noqa: PT011
        pytest.fail("it is served")

    assert error.value.filename == str(odd / "none")


def test_a_current_directory_that_was_deleted(odd: Path, tmp_path: Path) -> None:
    """What has a whole path goes on; what has not is refused with the reason."""
    (tmp_path / "app.py").write_text("def handler(event, context): raise ValueError('called')")
    gone = tmp_path / "gone"

    def s3batch(*arguments: str) -> subprocess.CompletedProcess[str]:
        gone.mkdir()
        script = "import os; from s3batch_handler.cli import main; os.rmdir(os.getcwd()); main()"
        command = [sys.executable, "-P", "-c", script, "run", *arguments, "--quiet"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        return subprocess.run(
            command,
            cwd=gone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    source, report = ("--source", str(odd)), ("--report", str(tmp_path / "r"))
    whole = s3batch(f"{tmp_path}/app.py:handler", *source, *report)
    relative = s3batch(f"{tmp_path}/app.py:handler", *source)
    module = s3batch("app:handler", *source, *report)

    assert "Status     Complete" in whole.stdout, whole.stderr
    assert "the current directory was deleted" in relative.stderr
    assert "cannot look for app: the current directory was deleted" in module.stderr


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

    saved = dict(server.save("copies", tmp_path / "saved"))

    assert saved == {key: key in ("a/b", "file") for key in keys}
    assert (tmp_path / "saved/a/b").read_text() == "a/b"
    assert not (tmp_path / "out").exists()


def test_folder_that_takes_nothing(server: EmbeddedS3) -> None:
    """That is one error, not one for each object."""
    server.client.put_object(Bucket="copies", Key="a", Body=b"")

    with pytest.raises(OSError, match="/proc"):
        next(server.save("copies", Path("/proc/nowhere")))


def test_bucket_that_the_function_has_deleted(server: EmbeddedS3, tmp_path: Path) -> None:
    """Then there is nothing to save."""
    server.client.delete_bucket(Bucket="copies")

    assert list(server.save("copies", tmp_path / "saved")) == []


@pytest.mark.parametrize(
    ("call", "members"),
    [
        (
            "assume_role_with_web_identity",
            {"RoleSessionName": "test", "WebIdentityToken": "a=b&c=="},
        ),
        (
            "assume_role_with_saml",
            {"PrincipalArn": "arn:aws:iam::123456789012:saml-provider/x", "SAMLAssertion": "YQ=="},
        ),
    ],
)
def test_requests_to_sts_that_are_never_signed(
    server: EmbeddedS3, call: str, members: dict[str, str]
) -> None:
    """Anybody could send them, so they get no credentials; the error says what to use."""
    sts = boto3.client("sts", endpoint_url=server.endpoint_url, region_name="us-east-1")

    with pytest.raises(ClientError, match="Use AssumeRole in place of") as refused:
        getattr(sts, call)(RoleArn="arn:aws:iam::123456789012:role/reader", **members)

    assert code_of(refused) == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
