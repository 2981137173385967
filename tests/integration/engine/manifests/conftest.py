"""Fixtures for tests of manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.support.manifest_jobs import ManifestJobs, client


@pytest.fixture
def jobs() -> Iterator[ManifestJobs]:
    """Yield jobs in moto's AWS, with a function ``f``."""
    jobs = ManifestJobs()
    with mock_s3batch({"f": jobs.function}):
        client("s3").create_bucket(Bucket="photos")
        yield jobs
