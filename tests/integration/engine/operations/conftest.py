"""Fixtures for tests of operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator


from tests.support.operation_jobs import client


@pytest.fixture
def s3() -> Iterator[Any]:
    """Yield S3 with buckets, and with one object in ``photos``, in which jobs run."""
    with mock_s3batch({}):
        s3 = client("s3")
        for bucket in ("photos", "copies", "reports"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="photos", Key="a b+c.jpg", Body=b"123456789", Tagging="size=big")
        yield s3


@pytest.fixture
def locked(s3: Any) -> str:
    """Create an object in a bucket with Object Lock, and return its line of a manifest."""
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="locked", Key="k")
    return "locked,k"
