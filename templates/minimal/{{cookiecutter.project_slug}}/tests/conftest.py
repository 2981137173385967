"""Fixtures of the tests: S3 in memory, and errors of S3."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

# The tests import the function after this file: its client gets these settings, not yours.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_MAX_ATTEMPTS": "1",  # so that tests do not wait for retries of boto3
    "TARGET_BUCKET": "target",
}


@pytest.fixture(autouse=True)
def s3() -> Iterator[S3Client]:
    """Yield a client of an S3 with two empty buckets."""
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="source")
        s3.create_bucket(Bucket="target")
        yield s3


@pytest.fixture
def refuse() -> Iterator[Refuse]:
    """Yield a function that makes S3 refuse requests: ``refuse("SlowDown", 503)``."""
    import app

    with ExitStack() as undo:

        def refuse(code: str, status: int, operation: str = "") -> None:
            def respond(request: Any, **_: Any) -> Any:
                return AWSResponse(request.url, status, HTTPHeaders(), _Body(code))

            event = f"before-send.s3.{operation}".removesuffix(".")
            app.s3.meta.events.register_first(event, respond)
            undo.callback(app.s3.meta.events.unregister, event, respond)

        yield refuse


class Refuse(Protocol):
    """Makes one operation, or all of them, fail with S3's error code and HTTP status."""

    def __call__(self, code: str, status: int, operation: str = "") -> None: ...


class _Body:
    """The parts of an HTTP response that botocore reads."""

    def __init__(self, code: str) -> None:
        self._code = code

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield f"<Error><Code>{self._code}</Code><Message>by the test</Message></Error>".encode()
