"""A folder that is served for a job: who can read it, and what the function wrote."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.local_aws._folder_server import EmbeddedS3, serve_folder
from tests.support.served_folder import code_of, read

if TYPE_CHECKING:
    from click.testing import Result


def test_a_missing_folder_is_an_error(odd: Path) -> None:
    """The error names the folder."""
    with pytest.raises(FileNotFoundError) as error, serve_folder(odd / "none", "photos"):
        pytest.fail("the folder is served")

    assert error.value.filename == str(odd / "none")


def test_a_deleted_current_directory_is_no_problem_for_absolute_paths(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths are refused, with the reason."""
    (tmp_path / "app.py").write_text("def handler(event, context): raise ValueError('called')")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(s3batch, ["run", *arguments, "--quiet", "--source", str(odd)])

    report = f"--report={tmp_path}/reports"
    absolute = run(f"{tmp_path}/app.py:handler", report)
    relative = run(f"{tmp_path}/app.py:handler")
    module = run("app:handler", report)

    assert "Status     Complete" in absolute.output
    assert "the current directory was deleted" in relative.output
    assert "cannot look for app: the current directory was deleted" in module.output


@pytest.mark.parametrize("path", ["/photos/one", "/photos", "/", "/moto-api/data.json"])
def test_requests_without_credentials_are_refused(server: EmbeddedS3, path: str) -> None:
    """Other users of the machine, and pages in a browser, can reach loopback, too."""
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(server.endpoint_url + path)

    with error.value as response:
        assert response.code == 403
        assert response.headers["Access-Control-Allow-Origin"] is None


def test_other_credentials_are_refused(server: EmbeddedS3) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(ClientError) as error:
        client.get_object(Bucket="photos", Key="one")

    assert code_of(error) == "AccessDenied"


def test_a_presigned_url_is_accepted(server: EmbeddedS3) -> None:
    url = server.client.generate_presigned_url(
        "get_object", Params={"Bucket": "photos", "Key": "one"}
    )

    with urllib.request.urlopen(url) as response:
        assert response.read() == b"first"


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
def test_unsigned_requests_to_sts_get_no_credentials(
    server: EmbeddedS3, call: str, members: dict[str, str]
) -> None:
    """Anybody could send them. The error names the call to use instead."""
    sts = boto3.client("sts", endpoint_url=server.endpoint_url, region_name="us-east-1")

    with pytest.raises(ClientError, match="Use AssumeRole in place of") as refused:
        getattr(sts, call)(RoleArn="arn:aws:iam::123456789012:role/reader", **members)

    assert code_of(refused) == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_environment_overrides_other_settings(
    server: EmbeddedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies, endpoints and modes for AWS are not used."""
    for name in ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    before = read(server, "one")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    response: Any = boto3.session.Session().client("s3").get_object(Bucket="photos", Key="one")

    assert response["Body"].read() == before == b"first"


def test_keys_that_are_possible_file_names_are_saved(server: EmbeddedS3, tmp_path: Path) -> None:
    """No key leads out of the folder, replaces the file of another, or prevents the others."""
    keys = ["a//b", "a/b", "/a/b", "../out", "folder/", "file", "file/below", "n" * 300]
    for key in keys:
        server.client.put_object(Bucket="copies", Key=key, Body=key.encode())

    saved = dict(server.save("copies", tmp_path / "saved"))

    assert saved == {key: key in ("a/b", "file") for key in keys}
    assert (tmp_path / "saved/a/b").read_text() == "a/b"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_error(server: EmbeddedS3) -> None:
    """There is not one error for each object."""
    server.client.put_object(Bucket="copies", Key="a", Body=b"")

    with pytest.raises(OSError, match="/proc"):
        next(server.save("copies", Path("/proc/nowhere")))


def test_a_deleted_bucket_has_nothing_to_save(server: EmbeddedS3, tmp_path: Path) -> None:
    server.client.delete_bucket(Bucket="copies")

    assert list(server.save("copies", tmp_path / "saved")) == []
