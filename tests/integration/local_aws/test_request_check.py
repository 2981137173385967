"""The requests of job calls are checked against botocore's service model."""

from __future__ import annotations

import gzip
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support.local_server import FORM, SIGNED, send, send_lines

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_bodies_that_do_not_match_the_service_model_are_malformed(address: str) -> None:
    for name, (before, after) in MALFORMED.items():
        body = (XML % name).replace(before, after).encode()

        status, response = send(f"{address}/v20180820/jobs", {}, body, "POST")

        assert (XML % name).encode() != body
        assert (status, "<Code>MalformedXML</Code>" in response) == (400, True), name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<Priority>1", "<!-- a comment --><?and more?><Priority> 1 "),
        (">f<", "><![CDATA[f]]><"),
        ("<Priority>", "<OfTomorrow><a/>text<a/></OfTomorrow><Priority>"),
        (' xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"', ""),
    ],
)
def test_bodies_that_mean_the_same_are_accepted(address: str, before: str, after: str) -> None:
    """Elements that are unknown are ignored: a newer client may have a newer model."""
    body = (XML % f"token {before}".replace("<", "")).replace(before, after).encode()

    assert send(f"{address}/v20180820/jobs", {}, body, "POST")[0] == 200


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ("<Tags><member><Key>a</Key><Key>b</Key><Value>1</Value></member></Tags>", "MalformedXML"),
        ("<Tags><member><Key>a</Key></member></Tags>", "BadRequestException"),
        ("<Tags>a</Tags>", "MalformedXML"),
    ],
)
def test_invalid_tags_are_refused(address: str, tags: str, code: str) -> None:
    """PutJobTagging is checked like CreateJob."""
    body = f"<PutJobTaggingRequest>{tags}</PutJobTaggingRequest>".encode()

    status, response = send(f"{address}/v20180820/jobs/x/tagging", {}, body, "PUT")

    assert (status, f"<Code>{code}</Code>" in response) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "before", "after"),
    [
        ("POST", "/", "<Priority>", "<Priority>2</Priority><Priority>"),
        ("POST", "//", "<Priority>", "<Priority>2</Priority><Priority>"),
        ("PUT", "/x/tagging/", "CreateJobRequest", "CreateJob"),
        ("PUT", "//x//tagging", "CreateJobRequest", "CreateJob"),
    ],
)
def test_additional_slashes_in_the_path_are_ignored(
    address: str, method: str, path: str, before: str, after: str
) -> None:
    """The body is checked for any path that reaches a job call."""
    body = (XML % "slashes").replace(before, after).encode()

    status, response = send(f"{address}/v20180820/jobs{path}", {}, body, method)

    assert (status, "<Code>MalformedXML</Code>" in response) == (400, True)


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
def test_query_strings_must_match_the_service_model(address: str, method: str, path: str) -> None:
    """A missing or repeated parameter is a bad request."""
    body = b"priority=1&requestedJobStatus=Ready" if method == "POST" else None

    status, response = send(f"{address}/v20180820/jobs{path}", FORM, body, method)

    assert (status, "<Code>BadRequestException</Code>" in response) == (400, True)


def test_jobs_can_be_listed_by_several_statuses(address: str) -> None:
    query = "jobStatuses=Active&jobStatuses=Failed"

    assert send(f"{address}/v20180820/jobs?{query}")[0] == 200


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
def test_the_body_is_xml_with_any_content_type(
    address: str, headers: dict[str, str], body_of: Callable[[bytes], bytes], expected: int
) -> None:
    """It may be compressed with gzip."""
    body = body_of((XML % uuid.uuid4()).encode())

    status, response = send(f"{address}/v20180820/jobs", headers, body, "POST")

    assert status == expected
    assert "CreateJobResponse" in response or "<ErrorResponse" in response


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ""),
        ("PUT", "/12345/status?requestedJobStatus=Ready"),
        ("POST", "/12345"),
        ("GET", "/12345/priority"),
        ("GET", "/12345/color"),
        ("GET", "/12345/tagging/more"),
        ("PUT", "?Action=CreateJob"),
    ],
)
def test_other_methods_are_not_allowed(address: str, method: str, path: str) -> None:
    """They get 405, in AWS's XML."""
    status, response = send(f"{address}/v20180820/jobs{path}", {}, b"", method)

    assert (status, "<Code>MethodNotAllowed</Code>" in response) == (405, True)


def test_only_the_path_chooses_the_call(address: str) -> None:
    """Other services of AWS use a parameter or header for that."""
    headers = {"X-Amz-Target": "S3Control.CreateJob"}

    status, response = send(f"{address}/v20180820/jobs?Action=CreateJob", headers)

    assert (status, "<ListJobsResponse" in response) == (200, True)


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
def test_invalid_parameters_are_bad_requests(
    address: str, method: str, path: str, data: bytes | None, headers: dict[str, str]
) -> None:
    """They get 400 as in AWS, never 500, which clients retry."""
    status, body = send(f"{address}/v20180820/jobs{path}", headers, data, method)

    assert status == 400
    assert "<Code>BadRequestException</Code>" in body


@pytest.mark.parametrize("path", ["/v20180820/jobs", "/bucket/key"])
def test_a_body_with_invalid_chunks_is_refused(address: str, path: str) -> None:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in SIGNED.items()),
        "Transfer-Encoding: chunked",
        "",
        "zz",
        "",
    ]

    response = send_lines(address, lines)

    assert response.split()[1] == b"400"
    assert b"<Code>" in response
