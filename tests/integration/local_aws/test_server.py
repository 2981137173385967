"""The server: who is answered, what is served, and what is left of it afterwards."""

from __future__ import annotations

import gzip
import socket
import threading
import urllib.error
import urllib.request
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from s3batch_handler.jobs._aws_clients import account_id, s3control_client
from s3batch_handler.local_aws._allowed_hosts import for_own_hosts, host_name, is_loopback
from s3batch_handler.local_aws._folder_server import environment_for
from s3batch_handler.local_aws._server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
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
    with serve({}) as address:
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
        "photos.localhost:5005",
        "photos.2024.s3.localhost:5005",
        "localhost.",
        "LocalHost.:5005",
        "localhost:",
        "[0:0::1]",
        "[::ffff:127.0.0.1]:80",
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
        {"Host": "evil.example."},
        {"Host": "evil-localhost"},
        {"Host": "localhost@evil.example"},
        {"Host": "localhost:80@evil.example"},
        {"Host": "localhost:x"},
        {"Host": "localhost/"},
        {"Host": "localhost, evil.example"},
        {"Host": "0.0.0.0:5005"},
        {"Host": "192.168.1.1"},
        {"Host": "[::2]"},
        {"Host": "[localhost]"},
        {"Host": "127.0.0.1.5"},
        {"Host": "s3.amazonaws.com"},
        {"Host": "a" * 9000},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": ""},
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


@pytest.fixture(scope="module")
def open_address() -> Iterator[str]:
    """The address on loopback of a server that listens everywhere, and has another name."""
    names = ["box.example", "Jobs.Internal"]
    with serve(
        {},
        host="0.0.0.0",
        allowed_hosts=[host_name(name) or "" for name in names],
    ) as address:
        yield address.replace("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:5005", 200),
        ("localhost", 200),
        ("0.0.0.0:5005", 200),
        ("box.example:5005", 200),
        ("BOX.example.", 200),
        ("jobs.internal", 200),
        (f"{ACCOUNT}.box.example:5005", 200),
        ("photos.2024.box.example", 200),
        ("evil.example", 403),
        ("evilbox.example", 403),
        ("box.example.evil.example", 403),
        ("203.0.113.7", 403),
        ("", 403),
    ],
)
def test_names_of_an_open_server(open_address: str, host: str, expected: int) -> None:
    """Its own address, what is allowed, and what is below these; no name that a page may choose."""
    assert ask(f"{open_address}/v20180820/jobs", {"Host": host})[0] == expected


def test_pages_cannot_use_an_open_server(open_address: str) -> None:
    """Whatever its name, what has an Origin comes from a page."""
    headers = {"Origin": "http://box.example:5005", "Host": "box.example:5005"}

    assert ask(f"{open_address}/v20180820/jobs", headers)[0] == 403


def test_the_address_at_which_an_open_server_is_reached() -> None:
    """Clients in its network ask for its address there, and none of its neighbours'."""
    application = for_own_hosts(lambda *_: [b"answered"], host="0.0.0.0")
    statuses: list[str] = []

    def ask_for(host: str, arrives_at: str) -> str:
        connection = SimpleNamespace(getsockname=lambda: (arrives_at, 5005))
        environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": host, "werkzeug.socket": connection}
        statuses.append("200")
        application(environ, lambda status, _headers: statuses.append(status))
        return statuses[-1][:3]

    assert ask_for("192.168.1.2:5005", "192.168.1.2") == "200"
    assert ask_for(f"{ACCOUNT}.192.168.1.2", "192.168.1.2") == "200"
    assert ask_for("192.168.1.3", "192.168.1.2") == "403"
    assert ask_for("[FE80:0::1%25eth0]:5005", "fe80::1%eth0") == "200"
    assert ask_for("192.168.1.2", "::ffff:192.168.1.2") == "200"
    assert ask_for("[fe80::2]", "fe80::1%eth0") == "403"


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
def test_requests_byte_by_byte(address: str, lines: list[str], expected: bytes) -> None:
    """What names no host or two is refused; a whole URL, as for a proxy, counts before the Host."""
    place = urlsplit(address)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 0)) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = connection.makefile("rb").readline()

    assert answer.split()[1] == expected


@pytest.mark.parametrize("path", ["/v20180820/jobs", "/bucket/key"])
def test_a_body_whose_chunks_are_invalid(address: str, path: str) -> None:
    """It is refused as any other body that cannot be read."""
    place = urlsplit(address)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in SIGNED.items()),
        "Transfer-Encoding: chunked",
        "",
        "zz",
        "",
    ]
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = connection.makefile("rb").read()

    assert answer.split()[1] == b"400"
    assert b"<Code>" in answer


def test_a_refusal_of_a_head_request_has_no_body(address: str) -> None:
    """HTTP allows none there."""
    place = urlsplit(address)
    lines = ["HEAD / HTTP/1.1", "Host: localhost", "Authorization: x", "Connection: close", "", ""]
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall("\r\n".join(lines).encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")

    assert b" 400 " in head.splitlines()[0]
    assert body == b""


def test_clients_that_take_it_for_their_proxy(address: str) -> None:
    """With the names of AWS in plain HTTP, boto3 comes here for S3 and for jobs."""
    config = Config(proxies={"http": address})
    s3 = session().client("s3", endpoint_url="http://s3.eu-west-1.amazonaws.com", config=config)
    control = session().client(
        "s3control", endpoint_url="http://s3-control.eu-west-1.amazonaws.com", config=config
    )

    assert s3.list_buckets()["Buckets"] == []
    assert control.list_jobs(AccountId="888888888888")["Jobs"] == []


@pytest.fixture
def addresses_for_functions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of S3 that servers put into the environment of functions."""
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


def test_accounts_without_bound() -> None:
    """Any client may name any account, so there is an end to it; those that are there go on."""
    with serve({}) as address:
        before = threading.active_count()
        statuses = [
            ask(f"{address}/v20180820/jobs", {"x-amz-account-id": f"{number:012}"})
            for number in range(103)
        ]
        again, _ = ask(f"{address}/v20180820/jobs", {"x-amz-account-id": f"{0:012}"})
        threads = threading.active_count() - before

    assert [status for status, _ in statuses] == [200] * 100 + [400] * 3
    assert "<Code>TooManyRequestsException</Code>" in statuses[-1][1]
    assert again == 200
    assert threads < 10


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


XML = """<CreateJobRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">
<ConfirmationRequired>true</ConfirmationRequired><Operation><LambdaInvoke>
<FunctionArn>f</FunctionArn><InvocationSchemaVersion>2.0</InvocationSchemaVersion>
<UserArguments><entry><key>a</key><value>1</value></entry></UserArguments>
</LambdaInvoke></Operation><Report><Enabled>false</Enabled></Report>
<ClientRequestToken>%s</ClientRequestToken><Manifest><Spec>
<Format>S3BatchOperations_CSV_20180820</Format>
<Fields><member>Bucket</member><member>Key</member></Fields></Spec><Location>
<ObjectArn>arn:aws:s3:::b/m.csv</ObjectArn><ETag>e</ETag></Location></Manifest>
<Priority>1</Priority><RoleArn>arn:aws:iam::123456789012:role/batch</RoleArn>
<Tags><member><Key>k</Key><Value>v</Value></member></Tags></CreateJobRequest>"""

GENERATOR = """<ManifestGenerator><S3JobManifestGenerator>
<SourceBucket>arn:aws:s3:::b</SourceBucket><EnableManifestOutput>false</EnableManifestOutput>
<Filter><CreatedAfter>%s</CreatedAfter></Filter></S3JobManifestGenerator></ManifestGenerator>"""

MALFORMED = {
    "not closed": ("</CreateJobRequest>", ""),
    "a control character": (">f<", ">\x1b<"),
    "a scalar twice": ("<Priority>1", "<Priority>2</Priority><Priority>1"),
    "a token twice": ("<Priority>", "<ClientRequestToken>u</ClientRequestToken><Priority>"),
    "a structure twice": ("<Report>", "<Report><Enabled>true</Enabled></Report><Report>"),
    "a list twice": ("</Spec>", "<Fields><member>Key</member></Fields></Spec>"),
    "a key of a tag twice": ("<Key>k", "<Key>j</Key><Key>k"),
    "an argument twice": ("<entry>", "<entry><key>a</key><value>2</value></entry><entry>"),
    "an argument without a value": ("<value>1</value>", ""),
    "an argument with two keys": ("<key>a", "<key>b</key><key>a"),
    "an element in a text": (">f<", "><b>f</b><"),
    "an element in a number": ("<Priority>1", "<Priority><b/>1"),
    "text in a structure": ("<LambdaInvoke>", "<LambdaInvoke>text"),
    "text in a list": ("<Fields>", "<Fields>Bucket,"),
    "text behind an element": ("</Operation>", "</Operation>text"),
    "an unknown element in a list": ("<member>Bucket</member>", "<item>Bucket</item>"),
    "a time without a date": ("<Manifest>", GENERATOR % "12:00" + "<Manifest>"),
    "a time in other digits": ("<Manifest>", GENERATOR % "\u0662\u0660\u0662\u0666" + "<Manifest>"),
    "no number": ("<Priority>1", "<Priority>one"),
    "an empty number": ("<Priority>1", "<Priority>"),
    "a number that has no end": ("<Priority>1", "<Priority>" + "1" * 5000),
    "no truth value": ("<Enabled>false", "<Enabled>maybe"),
    "another root": ("CreateJobRequest", "PutJobTaggingRequest"),
    "a document type": ("<CreateJobRequest ", "<!DOCTYPE a><CreateJobRequest "),
    "an entity": ("<CreateJobRequest ", "<!DOCTYPE a [<!ENTITY e 'f'>]><CreateJobRequest "),
    "an external entity": (
        "<CreateJobRequest ",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><CreateJobRequest ",
    ),
    "an undefined entity": (">f<", ">&f;<"),
    "deep": ("<LambdaInvoke>", "<a>" * 50_000 + "</a>" * 50_000 + "<LambdaInvoke>"),
    "large": (">f<", ">" + "f" * 2_000_000 + "<"),
    "an unknown encoding": (
        "<CreateJobRequest ",
        "<?xml version='1.0' encoding='x'?><CreateJobRequest ",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_bodies_that_are_not_what_the_service_model_says(address: str, what: str) -> None:
    """They are MalformedXML, whatever moto would make of them, and no job is made."""
    before, after = MALFORMED[what]
    body = (XML % what).replace(before, after).encode()

    status, answer = ask(f"{address}/v20180820/jobs", {}, body, "POST")

    assert (XML % what).encode() != body
    assert status == 400
    assert "<Code>MalformedXML</Code>" in answer


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<Priority>1", "<!-- a comment --><?and more?><Priority> 1 "),
        (">f<", "><![CDATA[f]]><"),
        ("<Priority>", "<OfTomorrow><a/>text<a/></OfTomorrow><Priority>"),
        (' xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"', ""),
    ],
)
def test_bodies_that_are_spelled_in_another_way(address: str, before: str, after: str) -> None:
    """What means the same is understood, and what a newer client may know is no fault."""
    body = (XML % f"token {before}".replace("<", "")).replace(before, after).encode()

    assert ask(f"{address}/v20180820/jobs", {}, body, "POST")[0] == 200


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ("<Tags><member><Key>a</Key><Key>b</Key><Value>1</Value></member></Tags>", "MalformedXML"),
        ("<Tags><member><Key>a</Key></member></Tags>", "BadRequestException"),
        ("<Tags>a</Tags>", "MalformedXML"),
    ],
)
def test_tags_that_are_none(address: str, tags: str, code: str) -> None:
    """PutJobTagging is held to its model as CreateJob is."""
    body = f"<PutJobTaggingRequest>{tags}</PutJobTaggingRequest>".encode()

    status, answer = ask(f"{address}/v20180820/jobs/x/tagging", {}, body, "PUT")

    assert (status, f"<Code>{code}</Code>" in answer) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "before", "after"),
    [
        ("POST", "/", "<Priority>", "<Priority>2</Priority><Priority>"),
        ("POST", "//", "<Priority>", "<Priority>2</Priority><Priority>"),
        ("PUT", "/x/tagging/", "CreateJobRequest", "CreateJob"),
        ("PUT", "//x//tagging", "CreateJobRequest", "CreateJob"),
    ],
)
def test_slashes_in_the_path_change_nothing(
    address: str, method: str, path: str, before: str, after: str
) -> None:
    """The body is checked wherever the request arrives at a job call."""
    body = (XML % "slashes").replace(before, after).encode()

    status, answer = ask(f"{address}/v20180820/jobs{path}", {}, body, method)

    assert (status, "<Code>MalformedXML</Code>" in answer) == (400, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/12345/priority"),
        ("POST", "/12345/priority?Priority=1"),
        ("POST", "/12345/priority?priority="),
        ("POST", "/12345/priority?priority=1&priority=1"),
        ("POST", "/12345/priority/?priority=1&priority=2"),
        ("POST", "/12345/status"),
        ("POST", "/12345/status?requestedJobStatus="),
        ("POST", "/12345/status?requestedJobStatus=Ready&requestedJobStatus=Cancelled"),
        ("POST", "/12345/status?requestedJobStatus=Ready&statusUpdateReason=a&statusUpdateReason="),
        ("GET", "?maxResults=1&maxResults=2"),
        ("GET", "/?nextToken=1&nextToken=1"),
    ],
)
def test_query_strings_that_are_not_what_the_service_model_says(
    address: str, method: str, path: str
) -> None:
    """What is required is there, and only lists have several values; or it is a bad request."""
    body = b"priority=1&requestedJobStatus=Ready" if method == "POST" else None
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    status, answer = ask(f"{address}/v20180820/jobs{path}", form, body, method)

    assert (status, "<Code>BadRequestException</Code>" in answer) == (400, True)


def test_several_statuses(address: str) -> None:
    """ListJobs takes a list of them."""
    query = "jobStatuses=Active&jobStatuses=Failed"

    assert ask(f"{address}/v20180820/jobs?{query}", {})[0] == 200


@pytest.mark.parametrize(
    ("headers", "body_of", "expected"),
    [
        ({"Content-Encoding": "gzip"}, gzip.compress, 200),
        ({"Content-Encoding": "GZIP"}, gzip.compress, 200),
        ({"Content-Encoding": "gzip"}, lambda xml: xml, 400),
        ({"Content-Encoding": "gzip"}, lambda xml: b"", 400),
        ({"Content-Encoding": "gzip"}, lambda xml: gzip.compress(xml)[:-9], 400),
        ({"Content-Encoding": "gzip"}, lambda xml: gzip.compress(bytes(2 << 20)), 400),
        ({"Content-Type": "application/json"}, lambda xml: xml, 200),
        ({"Content-Type": "application/x-amz-json-1.0"}, lambda xml: xml, 200),
        ({"Content-Type": "application/x-amz-json-1.0"}, lambda xml: b"{}", 400),
        ({"X-Amz-Target": "Foo.Bar"}, lambda xml: xml, 200),
        ({"Content-Type": "application/x-www-form-urlencoded"}, lambda xml: xml, 200),
        ({"Content-Type": "multipart/form-data; boundary=x"}, lambda xml: xml, 200),
        ({"Content-Type": "\xff"}, lambda xml: xml, 200),
    ],
)
def test_headers_of_a_body(
    address: str, headers: dict[str, str], body_of: Callable[[bytes], bytes], expected: int
) -> None:
    """The body of a job call is XML, compressed or not, whatever its content type."""
    body = body_of((XML % uuid.uuid4()).encode())

    status, answer = ask(f"{address}/v20180820/jobs", headers, body, "POST")

    assert status == expected
    assert "CreateJobResponse" in answer or "<ErrorResponse" in answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ""),
        ("PUT", "/12345/status?requestedJobStatus=Ready"),
        ("POST", "/12345"),
        ("GET", "/12345/priority"),
        ("GET", "/12345/colour"),
        ("GET", "/12345/tagging/more"),
        ("PUT", "?Action=CreateJob"),
    ],
)
def test_methods_that_a_job_call_does_not_have(address: str, method: str, path: str) -> None:
    """They are refused with 405, in AWS's XML."""
    status, answer = ask(f"{address}/v20180820/jobs{path}", {}, b"", method)

    assert (status, "<Code>MethodNotAllowed</Code>" in answer) == (405, True)


def test_the_path_alone_says_which_call_it_is(address: str) -> None:
    """Not an Action, as other services of AWS have it."""
    headers = {"X-Amz-Target": "S3Control.CreateJob"}

    status, answer = ask(f"{address}/v20180820/jobs?Action=CreateJob", headers)

    assert (status, "<ListJobsResponse" in answer) == (200, True)


def test_a_folder_as_a_bucket(tmp_path: Path) -> None:
    """It is there from the beginning, in S3 as any client sees it."""
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
def test_other_names_of_loopback(host: str, shown: str, addresses_for_functions: list[str]) -> None:
    """The address has numbers, so that clients write buckets into the path."""
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


def test_accounts_and_regions(address: str) -> None:
    """Each has jobs of its own."""
    here = s3control_client(session(), endpoint_url=address)

    assert here.list_jobs(AccountId="999999999999")["Jobs"] == []
    assert here.list_jobs(AccountId="777777777777")["Jobs"] == []


# ---------------------------------------------------------------- requests that moto cannot read


def scope(text: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={text}, SignedHeaders=host, Signature=x"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=x/y",
        scope("x/20261121/eu-west-1/s3"),
        scope("////"),
        scope("x/20261121/eu-west-1//aws4_request"),
        scope("x/20261121/eu-west-1/s3/aws4_request/more"),
        scope("x/20261121/a/b/s3/aws4_request"),
        "Bearer abc",
    ],
)
@pytest.mark.parametrize("path", ["/", "/bucket/key", "/v20180820/jobs"])
def test_authorization_headers_that_name_no_service(
    address: str, authorization: str, path: str
) -> None:
    """They are refused with 400, in XML: a 500 would be sent again by SDKs."""
    status, answer = ask(address + path, {"Authorization": authorization})

    assert status == 400
    assert "<Code>AuthorizationHeaderMalformed</Code>" in answer
    assert answer.startswith("<ErrorResponse>" if path == "/v20180820/jobs" else "<Error>")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (scope("x/20261121/eu-west-1/s3/aws4_request"), 200),
        ("AWS4-HMAC-SHA256 Credential=x/20261121/eu-west-1/s3/aws4_request,Signature=x", 200),
        ("AWS4-ECDSA-P256-SHA256 Credential=x/20261121/s3/aws4_request, Signature=x", 200),
        ("AWS x:abc+/=", 200),
        (scope("x/20261121/eu-west-1/dynamodb/aws4_request"), 501),
        (scope("x/20261121/eu-west-1/../aws4_request"), 501),
    ],
)
def test_authorization_headers_that_name_a_service(
    address: str, authorization: str, status: int
) -> None:
    """All signature versions of S3 are accepted; services that are not served are not there."""
    headers = {"Authorization": authorization, "X-Amz-Target": "Foo.Bar"}

    assert ask(f"{address}/", headers)[0] == status


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STS = {**FORM, "Authorization": scope("x/20261121/eu-west-1/sts/aws4_request")}
ROLE = "RoleArn=arn:aws:iam::123456789012:role/reader&RoleSessionName=test"


@pytest.mark.parametrize(
    "body",
    [
        "Action=AssumeRole",
        "Action=AssumeRoleWithWebIdentity",
        "Action=AssumeRoleWithSAML",
        f"Action=AssumeRoleWithSAML&{ROLE}&SAMLAssertion=x",
        f"Action=AssumeRole&{ROLE}&DurationSeconds=x",
        "Action=NoSuchAction",
        "Action=",
        "Action=\xff",
    ],
)
@pytest.mark.parametrize("is_signed", [True, False])
def test_requests_to_sts_that_are_wrong(address: str, body: str, is_signed: bool) -> None:
    """They are refused in the form of STS, and not with a server error."""
    request = urllib.request.Request(
        address, f"Version=2011-06-15&{body}".encode(), STS if is_signed else FORM
    )

    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
        pytest.fail("it is accepted")

    with refused.value as answer:
        assert answer.code in (400, 404)
        assert b"<ErrorResponse" in answer.read()


def test_requests_to_sts_that_are_never_signed(address: str) -> None:
    """A token opens the session of a role, as in AWS; what is in the token does not matter."""
    sts = boto3.client("sts", endpoint_url=address, region_name="eu-west-1")

    answer = sts.assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/reader",
        RoleSessionName="test",
        WebIdentityToken="a=b&c==",
    )

    assert answer["Credentials"]["AccessKeyId"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("PUT", "/odd?tagging", {}, b"<a/>"),
        ("PUT", "/odd?tagging", {}, b"junk"),
        ("PUT", "/odd?tagging", {}, b"\xff\xfe"),
        ("POST", "/odd/key", {}, b"junk"),
        ("POST", "/odd", FORM, b"a=b"),
        ("POST", "/odd?delete", {}, b"<a/>"),
        ("GET", "/odd?list-type=2&max-keys=x", {}, None),
    ],
)
def test_requests_to_s3_that_are_wrong(
    address: str, method: str, path: str, headers: dict[str, str], body: bytes | None
) -> None:
    """They are refused in the form of S3, whatever moto raises."""
    here = {"Authorization": scope("x/20261121/us-east-1/s3/aws4_request")}
    assert ask(f"{address}/odd", here, b"", "PUT")[0] == 200

    status, answer = ask(address + path, headers, body, method)

    assert status == 400
    assert "<Error>" in answer
    assert "html" not in answer


@pytest.mark.parametrize(
    "path", ["/v20180820/colours", "/v20180820/jobs/1/2/3/4", "/v20180820/storagelens/a/b/c"]
)
def test_paths_that_s3_control_does_not_have(address: str, path: str) -> None:
    """They are refused with an error in XML that clients understand, not with a page."""
    status, answer = ask(address + path, {})

    assert status in (404, 405)
    assert "<Code>" in answer
    assert "html" not in answer.lower()


@pytest.mark.parametrize(
    ("failing", "method", "path"),
    [
        ("s3batch_handler.engine._engine.Engine.list_jobs", "GET", "/v20180820/jobs"),
        ("moto.s3.models.FakeBucket", "PUT", "/new-bucket"),
    ],
)
def test_an_error_of_the_server_itself(
    address: str,
    failing: str,
    method: str,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is an InternalError in XML without any details, and a traceback in the log."""

    def fail(*_: object, **__: object) -> None:
        raise LookupError("a <secret>")

    monkeypatch.setattr(failing, fail)
    here = {"Authorization": scope("x/20261121/us-east-1/s3/aws4_request")}

    status, answer = ask(address + path, here, method=method)

    assert status == 500
    assert "<Code>InternalError</Code>" in answer
    assert "secret" not in answer
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        f"moto failed at a request, {method} {path}",
    )
    assert record.exc_info


# ---------------------------------------------------------------- jobs that are kept


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
def test_files_of_one_account_that_cannot_be_used(
    tmp_path: Path, name: str, spoil: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Jobs of other accounts continue; requests for this one get the reason. It is logged."""
    other = "999999999999"
    with serve({}, state=tmp_path) as address:
        for account in (ACCOUNT, other):
            s3control_client(session(), endpoint_url=address).list_jobs(AccountId=account)
    spoil(tmp_path / ACCOUNT / "eu-west-1" / name)

    with serve({}, state=tmp_path) as address:
        here, _ = ask(f"{address}/v20180820/jobs", {"x-amz-account-id": other})
        there, reason = ask(f"{address}/v20180820/jobs", {})

    assert here == 200
    assert (there, f"{ACCOUNT}/eu-west-1" in reason) == (500, True)
    assert "<Code>InternalServiceException</Code>" in reason
    assert caplog.messages[0].startswith(f"The jobs of account {ACCOUNT} in eu-west-1 cannot be")


def test_more_accounts_in_the_state_than_a_server_has(tmp_path: Path) -> None:
    """The server starts all the same, with as many as it can have."""
    for number in range(101):
        (tmp_path / f"{number:012}" / "eu-west-1").mkdir(parents=True)

    with serve({}, state=tmp_path) as address:
        statuses = [
            ask(f"{address}/v20180820/jobs", {"x-amz-account-id": f"{number:012}"})[0]
            for number in (0, 99, 100)
        ]

    assert statuses == [200, 200, 400]


# ---------------------------------------------------------------- its begin and end


def test_a_port_that_is_taken(address: str) -> None:
    """It is an error as any other, and ends no process; it says which port in a few words."""
    port = int(address.rpartition(":")[2])

    with (
        pytest.raises(OSError, match="in use") as problem,
        serve({}, port=port),
    ):
        pytest.fail("it serves")

    assert (problem.value.filename, problem.value.strerror) == (
        f"127.0.0.1:{port}",
        "Address already in use",
    )


def test_what_is_left_of_it() -> None:
    """Nothing: neither buckets nor the address."""
    with serve({}) as address:
        session().client("s3", endpoint_url=address).create_bucket(
            Bucket="left", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address)
    with mock_aws():
        assert session().client("s3").list_buckets()["Buckets"] == []
