"""The folder of runs that are resumed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tests.support.resumable_run import (
    APP,
    TASKS,
    limit_calls,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a function and a manifest of 500 objects."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls").mkdir()
    (tmp_path / "app.py").write_text(APP)
    limit_calls(tmp_path, math.inf)
    (tmp_path / "manifest.csv").write_text("".join(f"photos,{n}\n" for n in range(TASKS)))
    return tmp_path
