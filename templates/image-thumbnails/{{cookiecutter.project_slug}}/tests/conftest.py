"""What the tests share: an S3 in memory, at times a busy one, and both forms of events."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]  # your profile is none of the tests' business
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_MAX_ATTEMPTS": "1",  # a test need not wait for boto3 to try again
    "TARGET_BUCKET": "target",
}

import app  # noqa: E402  it makes a client: after moto's, and with these settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client


@pytest.fixture(autouse=True)
def s3() -> Iterator[S3Client]:
    """S3 with two empty buckets."""
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="source")
        s3.create_bucket(Bucket="target")
        yield s3


@pytest.fixture
def refuse() -> Iterator[Refuse]:
    """Make S3 refuse what the function asks of it: ``refuse("SlowDown", 503)``."""
    with ExitStack() as undo:

        def refuse(code: str, status: int, operation: str = "") -> None:
            def answer(request: Any, **_: Any) -> Any:
                return AWSResponse(request.url, status, HTTPHeaders(), _Body(code))

            event = f"before-send.s3.{operation}".removesuffix(".")
            app.s3.meta.events.register_first(event, answer)
            undo.callback(app.s3.meta.events.unregister, event, answer)

        yield refuse


class Refuse(Protocol):
    """Refuses with S3's error code and HTTP status, one operation or all of them."""

    def __call__(self, code: str, status: int, operation: str = "") -> None: ...


class _Body:
    """As much of an HTTP response as botocore reads."""

    def __init__(self, code: str) -> None:
        self._code = code

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield f"<Error><Code>{self._code}</Code><Message>by the test</Message></Error>".encode()


@pytest.fixture(params=["1.0", "2.0"])
def schema(request: pytest.FixtureRequest) -> str:
    """Tests with this run twice: S3 sends 1.0 unless a job asks for 2.0."""
    return str(request.param)
