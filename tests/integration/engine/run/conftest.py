"""Fixtures for tests of run_job."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.support.job_run import (
    HEAD,
    Rows,
    Write,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def report() -> Rows:
    return Rows()


@pytest.fixture
def function(tmp_path: Path) -> Write:
    """Write a file with a function, and return its spec."""

    def write(body: str) -> str:
        path = tmp_path / "app.py"
        path.write_text(HEAD + textwrap.dedent(body))
        return f"{path}:handler"

    return write
