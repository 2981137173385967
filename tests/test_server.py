"""The server: who is answered, what is served, and what is left of it afterwards."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from s3batch_handler.aws import account_id, s3control_client
from s3batch_handler.server import is_loopback, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ACCOUNT = "123456789012"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20261121/eu-west-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=x",
    "x-amz-account-id": ACCOUNT,
}


def session() -> Any:
    return boto3.Session("testing", "testing", region_name="eu-west-1")


def ask(
    url: str, headers: Mapping[str, str], data: bytes | None = None, method: str = "GET"
) -> tuple[int, str]:
    """Send a request as it is; give status and body of the answer."""
    request = urllib.request.Request(
        url, data, {**SIGNED, "Content-Type": "application/xml", **headers}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve(lambda environment: {}) as address:
        yield address


# ---------------------------------------------------------------- who is answered


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:1",
        "localhost",
        "LOCALHOST:80",
        "[::1]:5005",
        f"{ACCOUNT}.127.0.0.1:5005",
        f"{ACCOUNT}.localhost:5005",
    ],
)
def test_names_of_this_machine(address: str, host: str) -> None:
    """With the account id before them, as AWS's clients have it, or without."""
    status, body = ask(f"{address}/v20180820/jobs", {"Host": host})

    assert status == 200
    assert "ListJobsResponse" in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:5005"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example:80"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/v20180820/jobs", "/"])
def test_pages_in_a_browser(address: str, headers: dict[str, str], path: str) -> None:
    """Whatever page makes a browser ask, it learns nothing and changes nothing."""
    status, body = ask(address + path, headers)

    assert status == 403
    assert "AccessDenied" in body


def test_a_client_of_its_own_machine_only() -> None:
    """Where the server listens tells who reaches it."""
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "localhost", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.2", "example.com", ""]))


def test_an_open_server() -> None:
    """Whoever opens it to others wants them to be answered, by whatever name they call it."""
    with serve(lambda environment: {}, host="0.0.0.0") as address:
        there = address.replace("0.0.0.0", "127.0.0.1")

        status, _ = ask(f"{there}/v20180820/jobs", {"Host": "box.example:5005"})

    assert status == 200


# ---------------------------------------------------------------- what is served


def test_the_account_of_ones_credentials(address: str) -> None:
    """Tools ask STS for it."""
    assert account_id(session(), endpoint_url=address) == ACCOUNT


@pytest.mark.parametrize("service", ["ec2", "iam", "lambda"])
def test_other_services(address: str, service: str) -> None:
    """They are not there, and say so."""
    client = session().client(
        service, endpoint_url=address, config=Config(retries={"total_max_attempts": 1})
    )
    call = {"ec2": "describe_vpcs", "iam": "list_users", "lambda": "list_functions"}[service]

    with pytest.raises(ClientError) as refused:
        getattr(client, call)()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_motos_own_pages(address: str) -> None:
    """Nobody can reset what is in it."""
    assert ask(f"{address}/moto-api/reset", {}, b"", "POST")[0] == 501


@pytest.mark.parametrize(
    ("method", "path", "data", "headers"),
    [
        ("POST", "", b"<CreateJobRequest>\x1b</Create", {}),
        ("POST", "", b"\xff\xfe", {}),
        ("POST", "", b"", {}),
        ("GET", "?maxResults=many", None, {}),
        ("POST", "/12345/priority?priority=x", b"", {}),
        ("GET", "", None, {"x-amz-account-id": "../../x"}),
        ("GET", "", None, {"x-amz-account-id": ""}),
        (
            "GET",
            "",
            None,
            {"Authorization": SIGNED["Authorization"].replace("eu-west-1", "..")},
        ),
    ],
)
def test_requests_that_no_client_of_awss_sends(
    address: str, method: str, path: str, data: bytes | None, headers: dict[str, str]
) -> None:
    """They are refused as AWS refuses, with 400 and never with 500."""
    status, body = ask(f"{address}/v20180820/jobs{path}", headers, data, method)

    assert status == 400
    assert "<Code>BadRequestException</Code>" in body


def test_a_folder_as_a_bucket(tmp_path: Path) -> None:
    """It is there from the beginning, in S3 as any client sees it."""
    folder = tmp_path / "My Photos"
    folder.mkdir()
    (folder / "a b.jpg").write_bytes(b"jpg")

    with serve(lambda environment: {}, folders=[folder]) as address:
        s3 = session().client("s3", endpoint_url=address)

        body = s3.get_object(Bucket="my-photos", Key="a b.jpg")["Body"].read()

    assert body == b"jpg"


@pytest.mark.parametrize(
    ("host", "shown"), [("localhost", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_other_names_of_loopback(host: str, shown: str) -> None:
    """The address has numbers, so that clients write buckets into the path."""
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    seen: dict[str, str] = {}

    def load(environment: Mapping[str, str]) -> Any:
        seen.update(environment)
        return {}

    with serve(load, host=host) as address:
        s3 = session().client("s3", endpoint_url=address)
        s3.create_bucket(
            Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    assert address.startswith(shown)
    assert seen["AWS_ENDPOINT_URL_S3"] == address
    assert names == ["photos"]


def test_accounts_and_regions(address: str) -> None:
    """Each has jobs of its own."""
    here = s3control_client(session(), endpoint_url=address)

    assert here.list_jobs(AccountId="999999999999")["Jobs"] == []
    assert here.list_jobs(AccountId=ACCOUNT)["Jobs"] == []


# ---------------------------------------------------------------- its begin and end


def test_a_port_that_is_taken(address: str) -> None:
    """It is an error as any other, and ends no process; it says which port in a few words."""
    port = int(address.rpartition(":")[2])

    with (
        pytest.raises(OSError, match="in use") as problem,
        serve(lambda environment: {}, port=port),
    ):
        pytest.fail("it serves")

    assert (problem.value.filename, problem.value.strerror) == (
        f"127.0.0.1:{port}",
        "Address already in use",
    )


def test_functions_that_cannot_be_loaded() -> None:
    """Then nobody is served."""

    def load(environment: Mapping[str, str]) -> Any:
        raise LookupError(environment["AWS_ENDPOINT_URL_S3"])

    with pytest.raises(LookupError, match=r"http://127\.0\.0\.1:\d+"), serve(load):
        pytest.fail("it serves")


def test_what_is_left_of_it() -> None:
    """Nothing: neither buckets nor the address."""
    with serve(lambda environment: {}) as address:
        session().client("s3", endpoint_url=address).create_bucket(
            Bucket="left", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address)
    with mock_aws():
        assert session().client("s3").list_buckets()["Buckets"] == []
