"""Fixtures for tests of the engine."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.support.invoker_calls import FUNCTION_HEAD, Write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def function(tmp_path: Path) -> Write:
    """Return a function that writes the file of a Lambda function, and returns its spec."""

    def write(body: str) -> str:
        path = tmp_path / "app.py"
        path.write_text(FUNCTION_HEAD + textwrap.dedent(body))
        return f"{path}:handler"

    return write
