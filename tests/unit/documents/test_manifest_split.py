"""Manifests that are split into parts."""

from __future__ import annotations

import errno
import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files import _whole_folder
from s3batch_handler.documents.files._whole_folder import whole_folder
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.documents.manifests._split import Split, split_manifest
from s3batch_handler.testing import strategies

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests._split_by_bucket import ManifestPart
    from s3batch_handler.testing.strategies._documents import ManifestFile


def entries(path: Path, fields: Any = None) -> list[ManifestEntry]:
    with path.open("rb") as stream:
        return list(read_entries(stream, fields=fields))


def entries_of_parts(folder: Path) -> list[list[ManifestEntry]]:
    return [entries(path) for path in sorted(folder.iterdir())]


def manifest(folder: Path, *lines: str) -> Path:
    path = folder / "photos.csv"
    path.write_text("".join(f"{line}\n" for line in lines), newline="")
    return path


ways = st.one_of(
    st.integers(1, 8).map(lambda parts: {"parts": parts}),
    st.integers(1, 8).map(lambda most: {"max_objects": most}),
    st.integers(3_500, 6_000).map(lambda most: {"max_bytes": most}),
)


@settings(deadline=None, max_examples=60)
@given(strategies.manifests(), ways)
def test_each_line_is_in_one_part_in_order(
    tmp_path_factory: pytest.TempPathFactory, file: ManifestFile, way: dict[str, Any]
) -> None:
    """The parts are manifests, and the keys keep their spelling."""
    folder = tmp_path_factory.mktemp("split")
    source = folder / "m.csv"
    source.write_bytes(file.content)
    lines = entries(source, file.fields)

    try:
        parts = split_manifest(source, folder / "parts", fields=file.fields, **way)
    except ManifestError:
        assert len(lines) < way.get("parts", 1)
        assert not (folder / "parts").exists()
        return

    found = entries_of_parts(folder / "parts")
    assert without_first_letters([line for part in found for line in part]) == (
        without_first_letters(lines)
    )
    assert [part.name for part in parts] == sorted(path.name for path in folder.glob("parts/*"))
    assert_equal_sizes(folder / "parts", parts, way)


def without_first_letters(lines: list[ManifestEntry]) -> list[Any]:
    """Return the lines without a spelling that only prevents that a line looks like a header."""
    return [line.object for line in lines]


def assert_equal_sizes(folder: Path, parts: list[ManifestPart], way: dict[str, int]) -> None:
    sizes = [part.info.count for part in parts]
    if "max_bytes" in way:
        assert max((folder / part.name).stat().st_size for part in parts) <= way["max_bytes"]
    else:
        assert max(sizes) - min(sizes) <= 1
    if "parts" in way:
        assert len(sizes) == way["parts"]
    if "max_objects" in way:
        assert len(sizes) == -(-sum(sizes) // way["max_objects"])


def test_parts_have_what_a_job_requires(tmp_path: Path) -> None:
    """The ETag is the MD5 of the file; an object that looks like a header is encoded."""
    source = manifest(tmp_path, "b,1", "bucket,key", "b,2")

    parts = split_manifest(source, tmp_path / "parts", parts=3)

    content = [(tmp_path / "parts" / part.name).read_bytes() for part in parts]
    assert content == [b"b,1\n", b"bucket,%6Bey\n", b"b,2\n"]
    assert [part.info.etag for part in parts] == [hashlib.md5(each).hexdigest() for each in content]
    assert [part.name for part in parts] == [f"photos-000{n}-of-0003.csv" for n in (1, 2, 3)]


def test_a_part_for_each_bucket(tmp_path: Path) -> None:
    """An access point has characters in its ARN that names of files may not have."""
    arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers"
    source = manifest(tmp_path, "b,1", "a,2", f"{arn},3", "b,4", f"{arn.replace('/', ':')},5")

    parts = split_manifest(source, tmp_path / "parts", by_bucket=True)

    name = "photos-arn-aws-s3-eu-west-1-123456789012-accesspoint-readers"
    assert {part.name: part.info.count for part in parts} == {
        "photos-a.csv": 1,
        "photos-b.csv": 2,
        f"{name}.csv": 1,
        f"{name}-2.csv": 1,
    }
    assert (tmp_path / "parts" / "photos-b.csv").read_text() == "b,1\nb,4\n"


def test_more_buckets_than_a_process_may_open_files(tmp_path: Path) -> None:
    names = [f"bucket-{number:03}" for number in range(200)]
    source = manifest(tmp_path, *(f"{name},{key}" for key in "xy" for name in names))

    parts = split_manifest(source, tmp_path / "parts", by_bucket=True)

    assert [part.info.count for part in parts] == [2] * len(names)
    assert (tmp_path / "parts" / "photos-bucket-007.csv").read_text() == (
        "bucket-007,x\nbucket-007,y\n"
    )


WRONG = {
    "fewer lines than parts": (
        ["b,1", "b,2"],
        {"parts": 3},
        "too few lines for 3 parts: 2. Pass a smaller number",
    ),
    "no lines": ([], {"max_objects": 3}, "the manifest is empty"),
    "no lines for buckets": ([], {"by_bucket": True}, "the manifest is empty"),
    "a header row": (["Bucket,Key", "b,1"], {"parts": 1}, "photos.csv, line 1: a header row"),
    "a byte order mark": (["\ufeffb,1"], {"parts": 1}, "line 1: begins with a byte order mark"),
    "an error in the last line": (["b,1", "b"], {"by_bucket": True}, "line 2: has 1 columns"),
    "a line that is larger than a part": (
        ["b,1", "b,1234567890"],
        {"max_bytes": 8},
        "object 2 has 13 bytes, but a part may only have 8",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("is_new", [True, False])
def test_an_error_leaves_no_files(tmp_path: Path, name: str, is_new: bool) -> None:
    """A new folder is not created, and an empty one stays empty."""
    lines, way, problem = WRONG[name]
    source = manifest(tmp_path, *lines)
    if not is_new:
        (tmp_path / "parts").mkdir()

    with pytest.raises(ManifestError, match=re.escape(problem)):
        split_manifest(source, tmp_path / "parts", **way)  # type: ignore[arg-type]

    assert sorted(path.name for path in tmp_path.rglob("*")) == (
        ["photos.csv"] if is_new else ["parts", "photos.csv"]
    )


@pytest.mark.parametrize("way", [{"parts": 1}, {"by_bucket": True}], ids=["parts", "by bucket"])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_the_names_of_parts_are_not_too_long(
    tmp_path: Path, way: dict[str, Any], letter: str
) -> None:
    """They begin like the name of the manifest, which may be as long as a name can be."""
    source = tmp_path / f"{letter * (250 // len(letter.encode()))}.csv"
    source.write_text(f"{'b' * 200},1\n")
    target = tmp_path / ("y" * 250)

    (part,) = split_manifest(source, target, **way)

    assert part.name.startswith(f"{letter * 60}")
    assert (target / part.name).read_bytes() == source.read_bytes()


def test_a_known_number_of_lines_is_not_counted_again(tmp_path: Path) -> None:
    lines = entries(manifest(tmp_path, "b,1", "b,2", "b,3"))

    read_once = iter([lines]).__next__

    parts = Split(parts=2).write(read_once, tmp_path, stem="m", source="m", count=3)

    assert [part.info.count for part in parts] == [2, 1]


@pytest.mark.parametrize("number", [1, 2, 4, 9])
def test_a_manifest_that_changes_meanwhile_is_an_error(tmp_path: Path, number: int) -> None:
    """No line gets lost, and no part is empty."""
    source = manifest(tmp_path, "b,1", "b,2", "b,3")
    lines = entries(source) * 3
    read = iter([lines[:3], lines[:number]]).__next__

    with pytest.raises(ManifestError, match="changed while it was split"):
        Split(parts=2).write(read, tmp_path, stem="m", source="m")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """An error of a write has no name of a file."""
    target = tmp_path / "parts"

    with (
        pytest.raises(OSError, match="full") as caught,
        whole_folder(target),
    ):
        raise OSError(errno.ENOSPC, "full")

    assert caught.value.filename == str(target)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    source = manifest(tmp_path, "b,1")

    with pytest.raises(FileExistsError, match="not empty"):
        split_manifest(source, tmp_path, parts=1)

    assert [path.name for path in tmp_path.iterdir()] == ["photos.csv"]


@pytest.mark.parametrize("way", [{}, {"parts": 2, "by_bucket": True}, {"max_bytes": 0}])
def test_one_way_to_split_is_required(tmp_path: Path, way: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pass"):
        split_manifest(manifest(tmp_path, "b,1"), tmp_path / "parts", **way)


def test_an_error_while_files_are_copied_removes_the_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that exists gets its files one after the other."""

    class FullDisk(_whole_folder.LocalFolder):  # type: ignore[name-defined,misc]
        def write(self, name: str, source: Any) -> None:
            if name == "2":
                raise OSError("full")
            super().write(name, source)

    monkeypatch.setattr(_whole_folder, "LocalFolder", FullDisk)
    with pytest.raises(OSError, match="full"):
        create_two_files(tmp_path)

    assert not list(tmp_path.iterdir())


def create_two_files(target: Path) -> None:
    with whole_folder(target) as folder:
        for name in "12":
            (folder / name).touch()
