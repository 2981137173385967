"""Manifests that are sorted, shuffled and compared with DuckDB, checked against plain Python."""

from __future__ import annotations

import tempfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._order import (
    difference,
    distinct_entries,
    shuffled_entries,
    sorted_entries,
)
from tests.support.manifest_spellings import lists, object_of

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("duckdb")


@settings(deadline=None, max_examples=60)
@given(lists())
def test_a_manifest_is_sorted_by_the_bytes_of_decoded_keys(lines: list[ManifestEntry]) -> None:
    """Lines of the same object keep their order, and all lines keep their spelling."""
    assert list(sorted_entries(lines)) == sorted(lines, key=object_of)


@settings(deadline=None, max_examples=60)
@given(lists())
def test_the_first_line_of_each_object_is_kept(lines: list[ManifestEntry]) -> None:
    first: dict[object, ManifestEntry] = {}
    for line in lines:
        first.setdefault(object_of(line), line)

    assert list(distinct_entries(lines)) == list(first.values())


@settings(deadline=None, max_examples=60)
@given(st.data(), st.booleans())
def test_a_difference_has_the_lines_of_objects_that_one_manifest_has_more_often(
    data: st.DataObject, has_versions: bool
) -> None:
    a, b = (data.draw(lists(has_versions=has_versions)) for _ in "ab")
    b += data.draw(st.lists(st.sampled_from(a), max_size=8)) if a else []

    with difference(a, b) as found:
        only_a, only_b = list(found.entries("a")), list(found.entries("b"))

    assert only_a == extra_lines(a, b)
    assert only_b == extra_lines(b, a)
    assert (found.a, found.b) == ((len(only_a), len(a)), (len(only_b), len(b)))


def extra_lines(lines: list[ManifestEntry], others: list[ManifestEntry]) -> list[ManifestEntry]:
    left = Counter(map(object_of, others))
    extra = []
    for line in lines:
        if left[object_of(line)]:
            left[object_of(line)] -= 1
        else:
            extra.append(line)
    return extra


@settings(deadline=None, max_examples=30)
@given(lists(), st.integers(0, 10**6))
def test_a_shuffled_manifest_has_the_same_lines(lines: list[ManifestEntry], seed: int) -> None:
    """The same seed gives the same order."""
    shuffled = list(shuffled_entries(lines, seed=seed))

    assert Counter(shuffled) == Counter(lines)
    assert list(shuffled_entries(lines, seed=seed)) == shuffled


def test_a_line_without_a_version_id_is_another_object() -> None:
    """It means the latest version, whichever that is."""
    with difference([ManifestEntry("b", "k", None)], [ManifestEntry("b", "k", "v")]) as found:
        assert (found.a.objects, found.b.objects) == (1, 1)


def test_a_temporary_folder_that_duckdb_cannot_name_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a*b"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    with pytest.raises(ManifestError, match="Set TMPDIR to another folder"):
        list(sorted_entries([ManifestEntry("b", "k", None)]))
