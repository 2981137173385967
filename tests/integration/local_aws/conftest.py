"""Fixtures of the tests of local servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler.local_aws._folder_server import EmbeddedS3, serve_folder
from s3batch_handler.local_aws._server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve S3 and S3 Control without functions, and yield the address."""
    with serve({}) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create a folder with two files."""
    folder = tmp_path / "Photos"
    folder.mkdir()
    (folder / "one").write_text("first")
    (folder / "two words+ä%20").write_text("second")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedS3]:
    """Serve the folder as the bucket ``photos``, next to an empty bucket ``copies``."""
    with serve_folder(folder, "photos", empty_buckets=["copies"]) as server:
        yield server


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Create a folder for unusual files, with one usual file."""
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "plain").write_bytes(b"plain")
    return folder
