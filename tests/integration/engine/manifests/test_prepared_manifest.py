"""Prepared manifests: read in full before a task runs, and read again for the run."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._errors import ManifestError, StateDamaged
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.manifests._prepared import (
    PreparedManifest,
    manifest_of_entries,
    manifest_of_objects,
    prepared_manifest,
    saved_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Pipe(io.BytesIO):
    """A stream that cannot seek."""

    @override
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_any_stream_is_counted_and_read_again(kind: type[io.BytesIO]) -> None:
    """The second pass starts when all lines have been checked."""
    with prepared_manifest(cast("BinaryIO", kind(b"b,1\nb,2\n")), source="m") as manifest:
        assert manifest.count == 2
        assert [entry.encoded_key for entry in manifest.entries()] == ["1", "2"]


def test_a_manifest_starts_at_the_position_of_its_stream() -> None:
    """The caller may have read a header row."""
    stream = io.BytesIO(b"Bucket,Key\nb,1\n")
    stream.readline()

    with prepared_manifest(stream, source="m") as manifest:
        assert [entry.encoded_key for entry in manifest.entries()] == ["1"]


@pytest.mark.parametrize("read", [PreparedManifest.entries, PreparedManifest.lines])
@pytest.mark.parametrize("change", [b"b,3\n", b"broken\n"])
def test_a_file_that_changes_during_the_run_is_noticed(
    tmp_path: Path, change: bytes, read: Callable[[PreparedManifest], Iterator[object]]
) -> None:
    """The error is raised after the entries that can still be read."""
    path = tmp_path / "m.csv"
    path.write_bytes(b"b,1\nb,2\n" * 10_000)
    with path.open("rb") as stream, prepared_manifest(stream, source="m.csv") as manifest:
        entries = read(manifest)
        next(entries)
        with path.open("ab") as file:
            file.write(change)

        with pytest.raises(ManifestError, match=r"m\.csv"):
            list(entries)


def test_an_incomplete_saved_manifest_is_damaged(tmp_path: Path) -> None:
    """Its job cannot continue, because tasks would be missing."""
    path = tmp_path / "m.csv"
    with prepared_manifest(io.BytesIO(b"b,1\nb,2\n"), source="m.csv", save_as=path) as manifest:
        facts = manifest.saved_arguments
    path.write_bytes(b"b,1\n")

    with pytest.raises(StateDamaged, match=r"m\.csv is damaged"), saved_manifest(path, **facts):
        pass


def test_a_saved_manifest_that_changes_during_the_run_is_noticed(tmp_path: Path) -> None:
    """It is checked like any other file."""
    path = tmp_path / "m.csv"
    with prepared_manifest(io.BytesIO(b"b,1\nb,2\n"), source="m.csv", save_as=path) as manifest:
        facts = manifest.saved_arguments

    with saved_manifest(path, **facts) as manifest:
        path.write_bytes(b"b,1\n")

        with pytest.raises(ManifestError, match="changed"):
            list(manifest.entries())


@pytest.mark.parametrize("instead", ["a folder", "nothing"])
def test_a_missing_saved_manifest_is_damaged(tmp_path: Path, instead: str) -> None:
    """The error names the file."""
    path = tmp_path / "m.csv"
    with prepared_manifest(io.BytesIO(b"b,1\n"), source="m.csv", save_as=path) as manifest:
        facts = manifest.saved_arguments
    path.unlink()
    if instead == "a folder":
        path.mkdir()

    with pytest.raises(StateDamaged, match=r"m\.csv is damaged"), saved_manifest(path, **facts):
        pass


def test_a_manifest_without_objects_is_refused() -> None:
    """The error suggests what to check."""
    with (
        pytest.raises(ManifestError, match="no objects found"),
        manifest_of_objects([], source="s3://b/"),
    ):
        pass


def test_objects_become_entries() -> None:
    """Keys are encoded, even if they are not UTF-8."""
    objects = [ObjectRef(bucket="b", key="a b\udcff")]

    with manifest_of_objects(objects, source="s3://b/") as manifest:
        assert [entry.encoded_key for entry in manifest.entries()] == ["a%20b%FF"]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(
    st.lists(st.builds(ManifestEntry, texts, texts, st.none()), min_size=1)
    | st.lists(st.builds(ManifestEntry, texts, texts, st.just("") | texts), min_size=1)
)
def test_entries_are_saved_unchanged(entries: list[ManifestEntry]) -> None:
    """They can be read several times. An empty version ID differs from none."""
    assume(not entries[0].bucket.startswith("\ufeff"))

    with manifest_of_entries(iter(entries), source="m") as manifest:
        assert manifest.count == len(entries)
        assert list(manifest.entries()) == entries
        assert list(manifest.entries()) == entries


def test_a_manifest_without_entries_is_refused() -> None:
    """The error names the source."""
    with (
        pytest.raises(ManifestError, match="m: the manifest is empty"),
        manifest_of_entries([], source="m"),
    ):
        pass
