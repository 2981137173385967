"""Requests that moto cannot read get AWS's errors instead of HTML pages."""

from __future__ import annotations

import urllib.error
import urllib.request

import boto3
import pytest

from tests.support.local_server import FORM, send, signature


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=x/y",
        signature("x/20261121/eu-west-1/s3"),
        signature("////"),
        signature("x/20261121/eu-west-1//aws4_request"),
        signature("x/20261121/eu-west-1/s3/aws4_request/more"),
        signature("x/20261121/a/b/s3/aws4_request"),
        "Bearer abc",
    ],
)
@pytest.mark.parametrize("path", ["/", "/bucket/key", "/v20180820/jobs"])
def test_malformed_authorization_headers_are_refused(
    address: str, authorization: str, path: str
) -> None:
    """They get 400 in XML; SDKs would retry a 500."""
    status, response = send(address + path, {"Authorization": authorization})

    assert status == 400
    assert "<Code>AuthorizationHeaderMalformed</Code>" in response
    assert response.startswith("<ErrorResponse>" if path == "/v20180820/jobs" else "<Error>")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (signature("x/20261121/eu-west-1/s3/aws4_request"), 200),
        ("AWS4-HMAC-SHA256 Credential=x/20261121/eu-west-1/s3/aws4_request,Signature=x", 200),
        ("AWS4-ECDSA-P256-SHA256 Credential=x/20261121/s3/aws4_request, Signature=x", 200),
        ("AWS x:abc+/=", 200),
        (signature("x/20261121/eu-west-1/dynamodb/aws4_request"), 501),
        (signature("x/20261121/eu-west-1/../aws4_request"), 501),
    ],
)
def test_all_signature_versions_of_s3_are_accepted(
    address: str, authorization: str, status: int
) -> None:
    """Services that are not served get 501."""
    headers = {"Authorization": authorization, "X-Amz-Target": "Foo.Bar"}

    assert send(f"{address}/", headers)[0] == status


STS = {**FORM, "Authorization": signature("x/20261121/eu-west-1/sts/aws4_request")}
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
def test_invalid_requests_to_sts_get_errors_of_sts(
    address: str, body: str, is_signed: bool
) -> None:
    request = urllib.request.Request(
        address, f"Version=2011-06-15&{body}".encode(), STS if is_signed else FORM
    )

    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
        pytest.fail("the request was accepted")

    with refused.value as response:
        assert response.code in (400, 404)
        assert b"<ErrorResponse" in response.read()


def test_requests_to_sts_need_no_signature_if_aws_needs_none(address: str) -> None:
    """Any token is accepted for the session of a role."""
    sts = boto3.client("sts", endpoint_url=address, region_name="eu-west-1")

    response = sts.assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/reader",
        RoleSessionName="test",
        WebIdentityToken="a=b&c==",
    )

    assert response["Credentials"]["AccessKeyId"]


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
def test_invalid_requests_to_s3_get_errors_of_s3(
    address: str, method: str, path: str, headers: dict[str, str], body: bytes | None
) -> None:
    """The error has the format of S3 for any exception of moto."""
    us_east_1 = {"Authorization": signature("x/20261121/us-east-1/s3/aws4_request")}
    assert send(f"{address}/odd", us_east_1, b"", "PUT")[0] == 200

    status, response = send(address + path, headers, body, method)

    assert status == 400
    assert "<Error>" in response
    assert "html" not in response


@pytest.mark.parametrize(
    "path", ["/v20180820/colors", "/v20180820/jobs/1/2/3/4", "/v20180820/storagelens/a/b/c"]
)
def test_unknown_paths_of_s3_control_get_xml(address: str, path: str) -> None:
    status, response = send(address + path)

    assert status in (404, 405)
    assert "<Code>" in response
    assert "html" not in response.lower()


@pytest.mark.parametrize(
    ("failing", "method", "path"),
    [
        ("s3batch_handler.engine._engine.Engine.list_jobs", "GET", "/v20180820/jobs"),
        ("moto.s3.models.FakeBucket", "PUT", "/new-bucket"),
    ],
)
def test_an_error_of_the_server_hides_its_details(
    address: str,
    failing: str,
    method: str,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The response is an InternalError in XML, and the log has the traceback."""

    def fail(*_: object, **__: object) -> None:
        raise LookupError("a <secret>")

    monkeypatch.setattr(failing, fail)
    headers = {"Authorization": signature("x/20261121/us-east-1/s3/aws4_request")}

    status, response = send(address + path, headers, method=method)

    assert status == 500
    assert "<Code>InternalError</Code>" in response
    assert "secret" not in response
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        f"moto failed at a request, {method} {path}",
    )
    assert record.exc_info


@pytest.mark.parametrize(("key", "status"), [("x" * 1024, 404), ("x" * 1025, 400)])
def test_keys_that_are_longer_than_s3_allows_are_refused(
    address: str, key: str, status: int
) -> None:
    """moto accepts them."""
    found, response = send(f"{address}/bucket/{key}")

    assert found == status
    assert ("<Code>KeyTooLongError</Code>" in response) == (status == 400)
