"""What the responses of AWS mean: denied, expired, missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from s3batch_handler.cli.doctor._bucket import check_bucket
from s3batch_handler.cli.doctor._check import CheckStatus
from s3batch_handler.cli.doctor._connection import Connection
from s3batch_handler.cli.doctor._credentials import (
    check_credentials,
    check_endpoint,
    check_region,
    endpoints,
)
from s3batch_handler.cli.doctor._function import check_function
from s3batch_handler.cli.doctor._role import check_role
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.cli.doctor._check import Check

KEY = "ASIAIOSFODNN7EXAMPLE"


class StubbedConnection(Connection):
    """A connection whose next requests get these answers: a response, or an error code."""

    def __init__(self, *answers: dict[str, Any] | str) -> None:
        super().__init__()
        self._answers = answers

    @property
    @override
    def session(self) -> Any:
        return boto3.Session(KEY, "secret-of-the-test", region_name="eu-west-1")

    @override
    def client(self, service: str) -> Any:
        client = self.session.client(service)
        stubber = Stubber(client)
        for call, answer in zip(_CALLS[service], self._answers, strict=False):
            if isinstance(answer, str):
                stubber.add_client_error(call, answer, http_status_code=400)
            else:
                stubber.add_response(call, answer)
        stubber.activate()
        return client


_CALLS = {
    "sts": ["get_caller_identity"],
    "s3": ["head_bucket"],
    "iam": ["get_role"],
    "lambda": ["get_function_configuration", "get_function_concurrency"],
}


def statuses(checks: Iterable[Check]) -> dict[str, CheckStatus]:
    return {check.name: check.status for check in checks}


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("ExpiredToken", CheckStatus.ERROR, "have expired"),
        ("InvalidClientTokenId", CheckStatus.ERROR, "does not accept the credentials"),
        ("Throttling", CheckStatus.SKIPPED, "cannot tell: "),
    ],
)
def test_credentials_that_aws_refuses_are_an_error(
    code: str, status: CheckStatus, message: str
) -> None:
    (check,) = check_credentials(StubbedConnection(code), needed=True)

    assert check.status is status
    assert message in check.message
    assert KEY not in check.message
    assert check.remedy


@pytest.mark.parametrize(
    "checks",
    [
        check_bucket(StubbedConnection("403"), "photos"),
        check_role(StubbedConnection("AccessDenied"), "batch"),
        check_role(StubbedConnection("ExpiredToken"), "batch"),
        check_function(StubbedConnection("AccessDeniedException"), "work", None),
    ],
)
def test_without_the_permission_a_check_is_skipped(checks: Iterable[Check]) -> None:
    (check,) = checks

    assert check.status is CheckStatus.SKIPPED
    assert check.message.startswith("cannot tell: ")
    assert check.remedy


def test_the_state_of_a_function() -> None:
    failed = {"State": "Failed", "StateReason": "no image", "Timeout": 60, "MemorySize": 512}

    found = statuses(check_function(StubbedConnection(failed, {}), "work", None))

    assert found == {
        "function work": CheckStatus.ERROR,
        "timeout of work": CheckStatus.OK,
        "memory of work": CheckStatus.OK,
        "concurrency of work": CheckStatus.WARNING,
    }


def test_a_region_that_does_not_exist_is_an_error() -> None:
    assert statuses(check_region(Connection(region="eu-west-1"))) == {"Region": CheckStatus.OK}
    assert statuses(check_region(Connection(region="Ireland"))) == {"Region": CheckStatus.ERROR}


def test_endpoints_are_those_of_the_option_and_of_the_environment() -> None:
    variables = {"AWS_ENDPOINT_URL_S3": "http://a", "AWS_ENDPOINT_URL": "", "OTHER": "x"}

    assert endpoints("http://b", variables) == {
        "--endpoint-url": "http://b",
        "AWS_ENDPOINT_URL_S3": "http://a",
    }


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://x:y/", "ftp://host"])
def test_an_endpoint_that_is_not_a_url_is_an_error(url: str) -> None:
    (check,) = check_endpoint("AWS_ENDPOINT_URL", url)

    assert check.status is CheckStatus.ERROR
    assert check.remedy == "write http://host:port"
