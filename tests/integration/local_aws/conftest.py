"""Fixtures of the tests of local servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler.local_aws._server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve S3 and S3 Control without functions, and yield the address."""
    with serve({}) as address:
        yield address
