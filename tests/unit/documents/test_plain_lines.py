"""Manifests read in blocks of plain lines have the same entries as when read line by line."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests import _plain_lines
from s3batch_handler.documents.manifests._manifest import ManifestEntry, read_entries
from s3batch_handler.documents.manifests._plain_lines import PlainLines, count_lines, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PARTS = [
    *(b"bucket", b"photos/a.jpg", b"key", "é".encode(), "\U0001f600".encode(), b"a b", b"%22"),
    *(b",", b",", b",", b"\n", b"\n", b"\n", b"\r\n", b"\r", b'"', b'""', b'"a,b"', b'"a\nb"'),
    *(b"\0", b"\xff", b"\xc3", b"\x1f\x8b", "\ufeff".encode(), "\u2028".encode(), b"\x85"),
    *(b"b,k\n" * 30, b"b,k,v\n" * 30, b"b,k\r\n" * 20, b"x" * 70, b"bucket,key\n"),
]
LINES = st.sampled_from(
    [
        *(b"b,k\n", b"b,k\r\n", b"b,k,v\n", b"b,\n", b",k\n", b"b,k,\n", b"\n", b'b,"k"\n'),
        *(b'b,"k\nl"\n', b"b,k,v,w\n", b"b,k\xff\n", b"b,k\r", b'b,"\n', b"Bucket,Key\n"),
    ]
)
FIELDS = st.sampled_from(
    [
        *(None, None, ["Bucket", "Key"], ["Bucket", "Key", "VersionId"], ["Key", "Bucket"]),
        *(["Bucket", "Key", "Ignore"], ["Bucket", "Ignore", "VersionId", "Key"]),
    ]
)


def entries_in(items: Iterable[PlainLines | ManifestEntry]) -> list[ManifestEntry | str]:
    """Return the entries, and an error as its text. Plain lines know their numbers."""
    found: list[ManifestEntry | str] = []
    try:
        for item in items:
            if isinstance(item, PlainLines):
                assert item.first == len(found)
                found += [item.entry(index) for index in range(len(item))]
            else:
                found.append(item)
    except ManifestError as error:
        found.append(str(error))
    return found


def counts_in(sizes: Iterable[int]) -> tuple[int | str, ...]:
    """Return the sum of the counts, and an error as its text."""
    total = 0
    try:
        for size in sizes:
            total += size
    except ManifestError as error:
        return total, str(error)
    return (total,)


@given(
    data=st.lists(LINES, max_size=40).map(b"".join)
    | st.lists(st.sampled_from(PARTS), max_size=12).map(b"".join),
    fields=FIELDS,
    block=st.integers(1, 60),
    piece=st.integers(1, 30),
)
@example(data=b"b,k\n" * 50 + b"b,k", fields=None, block=40, piece=9)
@example(data=b"b,k\n" + b"b,k\n\x1f\x8b,k\n", fields=None, block=5, piece=3)
@example(data=b"b,k\n" * 3 + b'b,"x\nb,k\nb,k\ny"\n' + b"b,k\n", fields=None, block=60, piece=5)
def test_both_ways_find_the_same_entries_and_the_same_error(
    data: bytes, fields: Sequence[str] | None, block: int, piece: int
) -> None:
    """Whatever a manifest contains, and wherever its blocks end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_plain_lines, "_BLOCK", block)
        patch.setattr(_plain_lines, "_PIECE", piece)
        in_blocks = entries_in(read_lines(io.BytesIO(data), fields=fields, source="m.csv"))
        counted = counts_in(count_lines(io.BytesIO(data), fields=fields, source="m.csv"))

    assert in_blocks == entries_in(read_entries(io.BytesIO(data), fields=fields, source="m.csv"))
    errors = [each for each in in_blocks if isinstance(each, str)]
    assert counted == (len(in_blocks) - len(errors), *errors)


def test_a_usual_manifest_is_plain_after_its_first_line() -> None:
    """The first line may be a header, so it is read alone."""
    data = b"".join(b"photos,2024/%d.jpg\n" % number for number in range(20_000))

    first, *blocks = read_lines(io.BytesIO(data))

    assert first == ManifestEntry("photos", "2024/0.jpg", None)
    assert all(isinstance(block, PlainLines) for block in blocks)
    assert len(blocks) < 10


@pytest.mark.parametrize("line", [b"photos,\n", b",2024/a.jpg\n", b"photos,,v\n", b"photos,k,\n"])
@pytest.mark.parametrize("others", [b"photos,%d.jpg%b\n", b"photos-%d,a.jpg%b\n"])
def test_empty_cells_are_found_in_blocks(line: bytes, others: bytes) -> None:
    """Beside lines with the same bucket, and with different ones."""
    version = b",v" if line.count(b",") == 2 else b""
    lines = [others % (number, version) for number in range(5_000)]
    data = b"".join([*lines, line, *lines])

    in_blocks = entries_in(read_lines(io.BytesIO(data)))

    assert in_blocks == entries_in(read_entries(io.BytesIO(data)))
    assert len(in_blocks) in {5_001, 10_001}  # an error, or an empty version ID


def test_an_odd_line_costs_only_a_few_lines_around_it() -> None:
    """The other lines of its block are plain."""
    block = b"".join(b"photos,2024/%d.jpg\n" % number for number in range(20_000))

    items = list(read_lines(io.BytesIO(block + b'photos,"a,b"\n' + block)))

    assert sum(map(len, (item for item in items if isinstance(item, PlainLines)))) > 39_000
    assert ManifestEntry("photos", "a,b", None) in items


def test_an_error_after_plain_lines_names_its_line() -> None:
    block = b"".join(b"photos,2024/%d.jpg\n" % number for number in range(20_000))

    with pytest.raises(ManifestError, match=r"line 20001: has 1 columns"):
        list(read_lines(io.BytesIO(block + b"photos\n" + block)))


@pytest.mark.parametrize("size", [131_071, 131_072, 131_073, 200_000, 1_048_570, 1_100_000])
def test_long_lines_are_accepted_or_refused_in_both_ways(size: int) -> None:
    """The CSV reader has a limit for the length of a cell."""
    data = b"b,k\n" * 3 + b"b," + b"k" * size + b"\nb,k\n"

    in_blocks = entries_in(read_lines(io.BytesIO(data)))

    assert in_blocks == entries_in(read_entries(io.BytesIO(data)))


def test_arguments_are_checked_immediately() -> None:
    arguments: Any = {"fields": ["Key"]}

    with pytest.raises(ManifestError, match="Bucket is missing"):
        read_lines(io.BytesIO(b""), **arguments)
