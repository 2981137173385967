"""Fixtures of the tests of job control: boto3's client with stubbed responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from s3batch_handler.jobs import S3Control
from tests.support.jobs import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def aws() -> Iterator[Stubber]:
    """Yield a stub of AWS that expects the added requests in this order."""
    with Stubber(boto3.client("s3control")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def control(aws: Stubber) -> S3Control:
    return S3Control(aws.client, account_id=ACCOUNT)
