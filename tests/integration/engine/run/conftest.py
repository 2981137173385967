"""Fixtures for tests of run_job."""

from __future__ import annotations

import pytest

from tests.support.job_run import Rows


@pytest.fixture
def report() -> Rows:
    return Rows()
