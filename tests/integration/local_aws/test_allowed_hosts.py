"""Requests are accepted for the server's own names, and refused if a web page can send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from s3batch_handler.local_aws._allowed_hosts import for_own_hosts
from s3batch_handler.local_aws._server import serve
from s3batch_handler.page._host_names import host_name, is_loopback
from tests.support.local_server import ACCOUNT, send, send_lines, session

if TYPE_CHECKING:
    from collections.abc import Iterator


def statuses_of(url: str, hosts: str) -> dict[str, int]:
    """Send a request for each host, and return the statuses."""
    return {host: send(url, {"Host": host})[0] for host in hosts.split()}


def test_names_of_loopback_are_accepted(address: str) -> None:
    """With or without the account ID or the bucket, which clients of AWS put before the host."""
    hosts = f"""
        127.0.0.1:1 localhost LOCALHOST:80 [::1]:5005 localhost. LocalHost.:5005 localhost:
        {ACCOUNT}.127.0.0.1:5005 {ACCOUNT}.localhost:5005 photos.localhost:5005
        photos.2024.s3.localhost:5005 [0:0::1] [::ffff:127.0.0.1]:80
    """

    statuses = statuses_of(f"{address}/v20180820/jobs", hosts)

    assert set(statuses.values()) == {200}, statuses


@pytest.mark.parametrize("path", ["/v20180820/jobs", "/"])
def test_other_names_are_refused(address: str, path: str) -> None:
    hosts = f"""
        evil.example evil.example:5005 127.0.0.1.evil.example localhost.evil.example:80
        evil.example. evil-localhost localhost@evil.example localhost:80@evil.example localhost:x
        localhost/ localhost,evil.example 0.0.0.0:5005 192.168.1.1 [::2] [localhost] 127.0.0.1.5
        s3.amazonaws.com {"a" * 9000}
    """

    statuses = statuses_of(address + path, hosts)
    no_name, body = send(address + path, {"Host": ""})

    assert set(statuses.values()) == {403}, statuses
    assert (no_name, "AccessDenied" in body) == (403, True)


@pytest.mark.parametrize("path", ["/v20180820/jobs", "/"])
def test_requests_with_an_origin_are_refused(address: str, path: str) -> None:
    """A browser sends the header for web pages of any host."""
    for origin in ("https://evil.example", "null", "http://localhost:3000", ""):
        status, body = send(address + path, {"Origin": origin})

        assert (status, "AccessDenied" in body) == (403, True), origin


def test_loopback_addresses_are_recognized() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "localhost", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.2", "example.com", ""]))


# ---------------------------------------------------------------- servers that others can reach


@pytest.fixture(scope="module")
def open_address() -> Iterator[str]:
    """Serve on all interfaces, with additional names, and yield the address on loopback."""
    names = [host_name(name) or "" for name in ("box.example", "Jobs.Internal")]
    with serve({}, host="0.0.0.0", allowed_hosts=names) as address:
        yield address.replace("0.0.0.0", "127.0.0.1")


def test_an_open_server_accepts_its_address_and_allowed_names(open_address: str) -> None:
    url = f"{open_address}/v20180820/jobs"
    own = f"""
        127.0.0.1:5005 localhost 0.0.0.0:5005 box.example:5005 BOX.example. jobs.internal
        {ACCOUNT}.box.example:5005 photos.2024.box.example
    """

    accepted = statuses_of(url, own)
    refused = statuses_of(url, "evil.example evilbox.example box.example.evil.example")

    assert set(accepted.values()) == {200}, accepted
    assert set(refused.values()) == {403}, refused
    assert send(url, {"Host": ""})[0] == 403


def test_web_pages_cannot_use_an_open_server(open_address: str) -> None:
    headers = {"Origin": "http://box.example:5005", "Host": "box.example:5005"}

    assert send(f"{open_address}/v20180820/jobs", headers)[0] == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_on_all_interfaces_accepts_all_addresses(host: str) -> None:
    """Clients in its network use its address there, which a page of another host cannot name."""
    application = for_own_hosts(lambda *_: [b"accepted"], host=host)

    def is_accepted(name: str) -> bool:
        environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": name}
        return application(environ, lambda *_: None) == [b"accepted"]

    assert is_accepted("192.168.1.2:5005")
    assert is_accepted(f"{ACCOUNT}.192.168.1.2")
    assert is_accepted("[FE80:0::1%25eth0]:5005")
    assert not is_accepted("192.168.1.2.evil.example")
    assert not is_accepted("[evil.example]")
    assert not is_accepted("192.168.1.2:80@evil.example")


# ---------------------------------------------------------------- request lines and proxies


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["GET / HTTP/1.0"], b"403"),
        (["GET / HTTP/1.1", "Host: localhost", "Host: evil.example"], b"403"),
        (["GET / HTTP/1.1", "Host: evil.example", "Host: localhost"], b"403"),
        (["GET / HTTP/1.1", "Host: localhost"], b"200"),
        (["GET http://evil.example/ HTTP/1.1", "Host: localhost"], b"403"),
        (["GET http://localhost@evil.example/ HTTP/1.1", "Host: localhost"], b"403"),
        (["GET http://s3.eu-west-1.amazonaws.com/ HTTP/1.1", "Host: s3.amazonaws.com"], b"200"),
        (["GET http://s3.evil.example/ HTTP/1.1", "Host: s3.amazonaws.com"], b"403"),
        (["GET http://s3.amazonaws.com.evil.example/ HTTP/1.1", "Host: localhost"], b"403"),
        (["GET /http://s3.amazonaws.com/ HTTP/1.1", "Host: s3.amazonaws.com"], b"403"),
    ],
)
def test_a_request_must_have_one_host(address: str, lines: list[str], expected: bytes) -> None:
    """The host of a whole URL, as in requests to a proxy, takes precedence over ``Host``."""
    response = send_lines(address, [*lines, "Connection: close", "", ""])

    assert response.split()[1] == expected


def test_a_refused_head_request_has_no_body(address: str) -> None:
    """HTTP does not allow a body there."""
    lines = ["HEAD / HTTP/1.1", "Host: localhost", "Authorization: x", "Connection: close", "", ""]

    head, _, body = send_lines(address, lines).partition(b"\r\n\r\n")

    assert b" 400 " in head.splitlines()[0]
    assert body == b""


def test_clients_can_use_the_server_as_a_proxy(address: str) -> None:
    """With AWS's names in plain HTTP, boto3 calls this server for S3 and for jobs."""
    config = Config(proxies={"http": address})
    s3 = session().client("s3", endpoint_url="http://s3.eu-west-1.amazonaws.com", config=config)
    control = session().client(
        "s3control", endpoint_url="http://s3-control.eu-west-1.amazonaws.com", config=config
    )

    assert s3.list_buckets()["Buckets"] == []
    assert control.list_jobs(AccountId="888888888888")["Jobs"] == []
