"""Fixtures for tests with the object gateway of Ceph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.ceph import Ceph, ceph_gateway, is_installed
from tests.support.ceph_jobs import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def ceph() -> Iterator[Ceph]:
    """Yield a gateway that all tests of this process use."""
    if not is_installed():
        pytest.skip("there is no Ceph: run scripts/get-ceph")
    with ceph_gateway() as gateway:
        yield gateway


@pytest.fixture
def store(ceph: Ceph) -> Store:
    """Create the buckets of a test."""
    return Store(ceph.client(max_pool_connections=32))
