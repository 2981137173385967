"""The folder in which the tests of commands run ``s3batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.shell import APP, Shell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def s3batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_imports: None) -> Shell:
    """``s3batch`` in a folder with a function, ``app.py``."""
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)
