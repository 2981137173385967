"""A manifest before anything runs: read in full, and the same when it is read again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._errors import ManifestError, StateDamaged
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents._manifest import ManifestEntry
from s3batch_handler.engine.manifests._prepared import (
    manifest_of_entries,
    manifest_of_objects,
    prepared_manifest,
    saved_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path


class Pipe(io.BytesIO):
    """A stream that cannot go back."""

    @override
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_any_stream_is_counted_and_read_again(kind: type[io.BytesIO]) -> None:
    """Twice over: a job begins when the last line is known to be good."""
    with prepared_manifest(cast("BinaryIO", kind(b"b,1\nb,2\n")), source="m") as manifest:
        assert manifest.count == 2
        assert [entry.encoded_key for entry in manifest.entries()] == ["1", "2"]


def test_what_was_read_before_is_left_out() -> None:
    """A stream is taken from where it stands: somebody has taken the rest on purpose."""
    stream = io.BytesIO(b"Bucket,Key\nb,1\n")
    stream.readline()

    with prepared_manifest(stream, source="m") as manifest:
        assert [entry.encoded_key for entry in manifest.entries()] == ["1"]


@pytest.mark.parametrize("change", [b"b,3\n", b"broken\n"])
def test_file_that_changes_meanwhile(tmp_path: Path, change: bytes) -> None:
    """It is not the manifest that was checked: an error, after what can still be read."""
    path = tmp_path / "m.csv"
    path.write_bytes(b"b,1\nb,2\n" * 10_000)
    with path.open("rb") as stream, prepared_manifest(stream, source="m.csv") as manifest:
        entries = manifest.entries()
        next(entries)
        with path.open("ab") as file:
            file.write(change)

        with pytest.raises(ManifestError, match=r"m\.csv"):
            list(entries)


def test_a_kept_manifest_that_is_not_whole_any_more(tmp_path: Path) -> None:
    """Whoever goes on with its job is told: a task that is missing is no task that is done."""
    path = tmp_path / "m.csv"
    with prepared_manifest(io.BytesIO(b"b,1\nb,2\n"), source="m.csv", save_as=path) as manifest:
        facts = manifest.saved_arguments
    path.write_bytes(b"b,1\n")

    with pytest.raises(StateDamaged, match=r"m\.csv is damaged"), saved_manifest(path, **facts):
        pass


def test_a_kept_manifest_that_is_changed_while_it_is_read(tmp_path: Path) -> None:
    """As with any other manifest."""
    path = tmp_path / "m.csv"
    with prepared_manifest(io.BytesIO(b"b,1\nb,2\n"), source="m.csv", save_as=path) as manifest:
        facts = manifest.saved_arguments

    with saved_manifest(path, **facts) as manifest:
        path.write_bytes(b"b,1\n")

        with pytest.raises(ManifestError, match="changed"):
            list(manifest.entries())


@pytest.mark.parametrize("instead", ["a folder", "nothing"])
def test_a_kept_manifest_that_is_not_there(tmp_path: Path, instead: str) -> None:
    """The error names it."""
    path = tmp_path / "m.csv"
    with prepared_manifest(io.BytesIO(b"b,1\n"), source="m.csv", save_as=path) as manifest:
        facts = manifest.saved_arguments
    path.unlink()
    if instead == "a folder":
        path.mkdir()

    with pytest.raises(StateDamaged, match=r"m\.csv is damaged"), saved_manifest(path, **facts):
        pass


def test_listing_without_an_object() -> None:
    """Nothing to do is a mistake of whoever asked."""
    with (
        pytest.raises(ManifestError, match="no objects found"),
        manifest_of_objects([], source="s3://b/"),
    ):
        pass


def test_listing_is_a_manifest() -> None:
    """Keys are encoded, whatever is in them."""
    objects = [ObjectRef.from_valid({"bucket": "b", "key": "a b\udcff", "version_id": None})]

    with manifest_of_objects(objects, source="s3://b/") as manifest:
        assert [entry.encoded_key for entry in manifest.entries()] == ["a%20b%FF"]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(
    st.lists(st.builds(ManifestEntry, texts, texts, st.none()), min_size=1)
    | st.lists(st.builds(ManifestEntry, texts, texts, st.just("") | texts), min_size=1)
)
def test_lines_from_elsewhere_are_kept_as_they_stand(entries: list[ManifestEntry]) -> None:
    """Any number of times, whatever is in them: an empty version id is not the same as none."""
    assume(not entries[0].bucket.startswith("\ufeff"))

    with manifest_of_entries(iter(entries), source="m") as manifest:
        assert manifest.count == len(entries)
        assert list(manifest.entries()) == entries
        assert list(manifest.entries()) == entries


def test_nothing_from_elsewhere() -> None:
    """As with any manifest."""
    with (
        pytest.raises(ManifestError, match="m: the manifest is empty"),
        manifest_of_entries([], source="m"),
    ):
        pass
