"""Run ``s3batch manifest`` in tests, and read what it has written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from s3batch_handler.documents.manifests._manifest import read_entries

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from tests.support.shell import Run, Shell

LINES = ("b,a%20b", "b,z", "c,x", "b,a+b", 'b,"q"', "b,%7B%22n%22%3A1%7D")
"""A manifest, in which one object is on two lines."""


def manifest(s3batch: Shell, *arguments: str, stdin: str | None = None) -> Run:
    """Run a command; S3 has any credentials."""
    credentials = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    run = s3batch("manifest", *arguments, stdin=stdin, AWS_REGION="us-east-1", **credentials)
    assert "Traceback" not in run.stderr
    return run


def facts(s3batch: Shell, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
    """Return what a command has printed as JSON."""
    run = manifest(s3batch, *arguments, "--json", stdin=stdin)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def lines_of(s3batch: Shell, name: str) -> list[str]:
    return (s3batch.folder / name).read_text().splitlines()


def entries_of(s3batch: Shell, name: str) -> list[ManifestEntry]:
    with (s3batch.folder / name).open("rb") as stream:
        return list(read_entries(stream))
