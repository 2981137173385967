"""The server: its services and addresses, the accounts of its jobs, its start and end."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from s3batch_handler.jobs._aws_clients import account_id, s3control_client
from s3batch_handler.local_aws._folder_server import environment_for
from s3batch_handler.local_aws._server import serve
from tests.support.local_server import ACCOUNT, send, session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def addresses_for_functions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the addresses of S3 that servers put into the environment of functions."""
    addresses: list[str] = []

    def record(endpoint_url: str, access_key_id: str) -> dict[str, str]:
        addresses.append(endpoint_url)
        return environment_for(endpoint_url, access_key_id)

    monkeypatch.setattr("s3batch_handler.local_aws._server.environment_for", record)
    return addresses


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_functions_of_a_server_on_any_ipv6_address_get_a_loopback_address(
    addresses_for_functions: list[str],
) -> None:
    with serve({}, host="::"):
        (address,) = addresses_for_functions
        s3 = session().client("s3", endpoint_url=address)

        assert s3.list_buckets()["Buckets"] == []


def test_the_number_of_accounts_is_limited() -> None:
    """Any client can name any account; accounts that were used before are still served."""
    with serve({}) as address:
        before = threading.active_count()
        statuses = [
            send(f"{address}/v20180820/jobs", {"x-amz-account-id": f"{number:012}"})
            for number in range(103)
        ]
        again, _ = send(f"{address}/v20180820/jobs", {"x-amz-account-id": f"{0:012}"})
        threads = threading.active_count() - before

    assert [status for status, _ in statuses] == [200] * 100 + [400] * 3
    assert "<Code>TooManyRequestsException</Code>" in statuses[-1][1]
    assert again == 200
    assert threads < 10


# ---------------------------------------------------------------- services and addresses


def test_sts_returns_the_account_of_the_credentials(address: str) -> None:
    assert account_id(session(), endpoint_url=address) == ACCOUNT


@pytest.mark.parametrize("service", ["ec2", "iam", "lambda"])
def test_other_services_are_not_available(address: str, service: str) -> None:
    client = session().client(
        service, endpoint_url=address, config=Config(retries={"total_max_attempts": 1})
    )
    call = {"ec2": "describe_vpcs", "iam": "list_users", "lambda": "list_functions"}[service]

    with pytest.raises(ClientError) as refused:
        getattr(client, call)()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_api_of_moto_is_not_available(address: str) -> None:
    """Clients cannot reset the server."""
    assert send(f"{address}/moto-api/reset", {}, b"", "POST")[0] == 501


def test_a_folder_is_served_as_a_bucket(tmp_path: Path) -> None:
    folder = tmp_path / "My Photos"
    folder.mkdir()
    (folder / "a b.jpg").write_bytes(b"jpg")

    with serve({}, folders=[folder]) as address:
        s3 = session().client("s3", endpoint_url=address)

        body = s3.get_object(Bucket="my-photos", Key="a b.jpg")["Body"].read()

    assert body == b"jpg"


@pytest.mark.parametrize(
    ("host", "shown"), [("localhost", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_a_host_name_of_loopback_becomes_an_address(
    host: str, shown: str, addresses_for_functions: list[str]
) -> None:
    """Clients put buckets into the path if the host is an IP address."""
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")

    with serve({}, host=host) as address:
        s3 = session().client("s3", endpoint_url=address)
        s3.create_bucket(
            Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    assert address.startswith(shown)
    assert addresses_for_functions == [address]
    assert names == ["photos"]


def test_each_account_has_its_own_jobs(address: str) -> None:
    here = s3control_client(session(), endpoint_url=address)

    assert here.list_jobs(AccountId="999999999999")["Jobs"] == []
    assert here.list_jobs(AccountId="777777777777")["Jobs"] == []


# ---------------------------------------------------------------- jobs in a state folder


def _directory(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _link_to_itself(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def _link_to_nowhere(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.parent / "there" / "is" / "none")


def _junk(path: Path) -> None:
    path.write_bytes(b"junk" * 2000)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("lock", _directory),
        ("lock", _link_to_itself),
        ("lock", _link_to_nowhere),
        ("jobs", _directory),
        ("jobs", _junk),
    ],
)
def test_damaged_files_of_one_account_do_not_affect_others(
    tmp_path: Path, name: str, spoil: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests for the account get the reason, which is also logged."""
    other = "999999999999"
    with serve({}, state=tmp_path) as address:
        for account in (ACCOUNT, other):
            s3control_client(session(), endpoint_url=address).list_jobs(AccountId=account)
    spoil(tmp_path / ACCOUNT / "eu-west-1" / name)

    with serve({}, state=tmp_path) as address:
        other_status, _ = send(f"{address}/v20180820/jobs", {"x-amz-account-id": other})
        status, reason = send(f"{address}/v20180820/jobs")

    assert other_status == 200
    assert (status, f"{ACCOUNT}/eu-west-1" in reason) == (500, True)
    assert "<Code>InternalServiceException</Code>" in reason
    assert caplog.messages[0].startswith(f"The jobs of account {ACCOUNT} in eu-west-1 cannot be")


def test_a_state_folder_may_have_more_accounts_than_the_limit(tmp_path: Path) -> None:
    """The server starts with as many as it can have."""
    for number in range(101):
        (tmp_path / f"{number:012}" / "eu-west-1").mkdir(parents=True)

    with serve({}, state=tmp_path) as address:
        statuses = [
            send(f"{address}/v20180820/jobs", {"x-amz-account-id": f"{number:012}"})[0]
            for number in (0, 99, 100)
        ]

    assert statuses == [200, 200, 400]


# ---------------------------------------------------------------- start and end


def test_a_port_that_is_taken_is_an_error(address: str) -> None:
    """The error names the port, and does not end the process."""
    port = int(address.rpartition(":")[2])

    with (
        pytest.raises(OSError, match="in use") as problem,
        serve({}, port=port),
    ):
        pytest.fail("the server started")

    assert (problem.value.filename, problem.value.strerror) == (
        f"127.0.0.1:{port}",
        "Address already in use",
    )


def test_the_server_leaves_neither_buckets_nor_a_socket() -> None:
    with serve({}) as address:
        session().client("s3", endpoint_url=address).create_bucket(
            Bucket="left", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address)
    with mock_aws():
        assert session().client("s3").list_buckets()["Buckets"] == []
