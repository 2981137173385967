"""CSV manifests."""

from __future__ import annotations

import hashlib
import io
import re
import tracemalloc
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import unquote, unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.manifests._manifest import (
    ManifestEntry,
    read_entries,
    read_manifest,
    write_manifest,
)
from s3batch_handler.testing import strategies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Buffer


def entries(content: bytes, fields: Sequence[str] | None = None) -> list[ManifestEntry]:
    return list(read_entries(io.BytesIO(content), fields=fields, source="m.csv"))


def refusal(content: bytes, fields: Sequence[str] | None = None) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        entries(content, fields)
    assert caught.value.source == "m.csv"
    return caught.value


def written(objects: list[ObjectRef]) -> bytes:
    target = io.BytesIO()
    write_manifest(target, objects)
    return target.getvalue()


keys = strategies.keys(only_utf8=True)
buckets = st.from_regex(r"[a-z0-9][a-z0-9.-]{2,20}", fullmatch=True)
versions = st.just("null") | st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1
)


@st.composite
def object_lists(draw: st.DrawFn) -> list[ObjectRef]:
    version = versions if draw(st.booleans()) else st.none()
    return draw(
        st.lists(st.builds(ObjectRef, bucket=buckets, key=keys, version_id=version), max_size=5)
    )


# ---------------------------------------------------------------- round trips


@given(object_lists())
def test_manifest_that_is_read_has_the_objects_that_were_written(objects: list[ObjectRef]) -> None:
    content = written(objects)

    assert list(read_manifest(io.BytesIO(content))) == objects


@given(keys)
def test_keys_are_the_same_in_both_url_decodings(key: str) -> None:
    """AWS's sample functions decode keys in two ways."""
    (entry,) = entries(written([ObjectRef(bucket="b", key=key)]))

    assert unquote(entry.encoded_key) == key
    assert unquote_plus(entry.encoded_key) == key


@given(st.binary(min_size=1))
def test_key_that_is_not_utf8_is_preserved(raw: bytes) -> None:
    """Its bytes are the same after reading and writing."""
    escaped = "".join(f"%{byte:02X}" for byte in raw)
    (ref,) = read_manifest(io.BytesIO(f"b,{escaped}\n".encode()))

    (again,) = read_manifest(io.BytesIO(written([ref])))

    assert again == ref
    assert again.key.encode("utf-8", "surrogateescape") == raw


@pytest.mark.parametrize("bucket", ["bucket", "Bucket"])
@pytest.mark.parametrize("key", ["key", "Key", "object"])
def test_object_that_looks_like_a_header_is_preserved(bucket: str, key: str) -> None:
    """The object "key" in the bucket "bucket" may also be the first one."""
    objects = [ObjectRef(bucket=bucket, key=key)] * 2

    assert list(read_manifest(io.BytesIO(written(objects)))) == objects


# ---------------------------------------------------------------- writing


def test_written_bytes_have_the_form_of_s3() -> None:
    """Lines end in LF; keys are URL-encoded, but not their slashes; there is no header."""
    target = io.BytesIO()

    info = write_manifest(
        target,
        [
            ObjectRef(bucket="b", key='year 2024/a+b,"é".jpg', version_id="v1"),
            ObjectRef(bucket="b", key="plain", version_id="null"),
        ],
    )

    assert target.getvalue() == b"b,year%202024/a%2Bb%2C%22%C3%A9%22.jpg,v1\nb,plain,null\n"
    assert info.count == 2
    assert info.fields == ("Bucket", "Key", "VersionId")


def test_cell_with_a_comma_is_quoted() -> None:
    """Only keys are URL-encoded."""
    content = written([ObjectRef(bucket="b", key="k", version_id='a,"b')])

    assert content == b'b,k,"a,""b"\n'


@settings(max_examples=20)
@given(object_lists())
def test_etag_is_the_md5_of_the_bytes(objects: list[ObjectRef]) -> None:
    """S3 computes this ETag for these bytes."""
    target = io.BytesIO()

    info = write_manifest(target, objects)

    assert info.etag == hashlib.md5(target.getvalue()).hexdigest()
    assert info.count == len(objects)


def test_manifest_without_objects_is_empty() -> None:
    """It has the columns of a manifest without version IDs."""
    target = io.BytesIO()

    info = write_manifest(target, [])

    assert (target.getvalue(), info.count, info.fields) == (b"", 0, ("Bucket", "Key"))


def test_target_stays_open() -> None:
    target = io.BytesIO()

    write_manifest(target, [ObjectRef(bucket="b", key="k")])

    assert not target.closed


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ([("b", "k", "v"), ("b", "k2", None)], "'k2' has no version ID.*'null' is the version"),
        ([("b", "k", "v"), ("b", "k2", "")], "'k2' has no version ID"),
        ([("b", "k", None), ("b", "k2", "v")], "'k2' has a version ID.*or none"),
        ([("b", "k", None), ("b", "", None)], "must have a bucket and a key"),
        ([("b", "k", None), ("", "k", None)], "must have a bucket and a key"),
        ([("b", "k", None), ("b\n", "k", None)], "not valid in S3"),
        ([("b", "k", "v"), ("b", "k", "v\r\n")], "not valid in S3"),
        ([("b", "k", None), ("b\ud800", "k", None)], "not valid in S3"),
        ([("b", "k", None), ("b", "\ud800", None)], "surrogates not allowed"),
    ],
)
def test_object_that_cannot_be_written_is_refused(
    objects: list[tuple[str, str, str | None]], says: str
) -> None:
    """The error has the line; all lines have a version ID, or none."""
    refs = [ObjectRef(bucket=b, key=k, version_id=version) for b, k, version in objects]

    with pytest.raises(ManifestError, match=says) as caught:
        write_manifest(io.BytesIO(), refs)

    assert caught.value.line == 2


# ---------------------------------------------------------------- reading


def test_entries_are_as_written_in_the_manifest() -> None:
    """Keys remain encoded; an empty cell differs from a missing column."""
    assert entries(b"b,a%20b+c\n") == [ManifestEntry("b", "a%20b+c", None)]
    assert entries(b"b,k,\nb,k,null\n") == [
        ManifestEntry("b", "k", ""),
        ManifestEntry("b", "k", "null"),
    ]


def test_object_of_an_entry_has_a_decoded_key() -> None:
    """Keys are decoded as in forms; an empty cell is not a version ID."""
    assert ManifestEntry("b", "a%20b+c%2B", None).object == ObjectRef(bucket="b", key="a b c+")
    assert ManifestEntry("b", "k", "").object == ObjectRef(bucket="b", key="k")
    assert ManifestEntry("b", "k", "v").object == ObjectRef(bucket="b", key="k", version_id="v")


@given(st.permutations(["Bucket", "Key", "VersionId", "Ignore", "Ignore"]), st.integers(2, 5))
def test_columns_may_have_any_order(order: list[str], width: int) -> None:
    """There may be several ignored columns, and they may be empty."""
    fields = sorted(order, key=["Bucket", "Key"].__contains__, reverse=True)[:width]
    fields.sort(key=order.index)
    cells = {"Bucket": "b", "Key": "k%2B", "VersionId": "v", "Ignore": ""}
    line = ",".join(cells[name] for name in fields).encode()

    (entry,) = entries(line, fields)

    assert entry == ("b", "k%2B", "v" if "VersionId" in fields else None)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_lines_end_in_lf_or_crlf(end: bytes) -> None:
    """The last line may have neither."""
    assert entries(b"b,k\nb,l" + end) == [("b", "k", None), ("b", "l", None)]
    assert entries(b"b,k\r\nb,l" + end) == [("b", "k", None), ("b", "l", None)]


def test_quoted_cells_are_read() -> None:
    """Commas, quotes and line breaks in them are data."""
    assert entries(b'"b","a,""b"\n"b","a\nb"\n') == [("b", 'a,"b', None), ("b", "a\nb", None)]


def test_empty_manifest_has_no_entries() -> None:
    assert entries(b"") == []
    assert entries(b"", ["Key", "Bucket"]) == []


def test_read_stream_stays_open() -> None:
    """It is not closed after the end, after an error, or if the reader stops early."""
    whole, broken, left = io.BytesIO(b"b,k\n"), io.BytesIO(b"\xff"), io.BytesIO(b"b,k\nb,k\n")

    list(read_entries(whole))
    with pytest.raises(ManifestError):
        list(read_entries(broken))
    unfinished = read_entries(left)
    next(unfinished)
    del unfinished

    assert not any(stream.closed for stream in (whole, broken, left))


def test_stream_may_be_closed_before_its_reader() -> None:
    stream = io.BytesIO(b"b,k\nb,k\n")
    reader = read_entries(stream)
    next(reader)

    stream.close()
    del reader


HEADERS = [
    b"Bucket,Key",
    b"bucket,key,versionid",
    b"BUCKET,KEY,VERSIONID,SIZE",
    b'"Bucket","Key"',
    b"Bucket Name,Object Key",
    b"bucket_name,key",
    b"Key,Bucket",
]


@pytest.mark.parametrize("fields", [None, ["Bucket", "Key"]])
def test_header_row_is_refused(fields: list[str] | None) -> None:
    """S3 would read it as an object."""
    for header in HEADERS:
        error = refusal(header + b"\nb,k\n", fields)

        assert error.line == 1
        assert "header row, which S3 reads as an object; remove it" in str(error)


def test_header_words_in_other_lines_are_data() -> None:
    assert entries(b"b,k\nbucket,key\n")[1] == ("bucket", "key", None)


INVALID_MANIFESTS: list[tuple[bytes, list[str] | None, int, str]] = [
    (b"b\n", None, 1, "expected 2 columns .* or 3 .*, got 1.*fields"),
    (b"b,k,v,x\n", None, 1, "got 4.*fields"),
    (b"b,k\nb,k,v\n", None, 2, r"has 3 columns, expected 2 \(Bucket, Key\)"),
    (b"b,k,v\nb,k,v\nb,k\n", None, 3, "has 2 columns, expected 3"),
    (b"b,k\n", ["Bucket", "Key", "Ignore"], 1, "has 2 columns, expected 3"),
    (b"b,k\n\nb,k\n", None, 2, "blank line"),
    (b"\nb,k\n", None, 1, "blank line"),
    (b"b,k\n\n", None, 2, "blank line"),
    (b"\xef\xbb\xbfb,k\n", None, 1, "byte order mark"),
    (b'\xef\xbb\xbf"b","k"\n', None, 1, "byte order mark"),
    (b"\xef\xbb\xbfBucket,Key\n", None, 1, "byte order mark"),
    (b"b,k\n,k\n", None, 2, "bucket is empty"),
    (b"b,k\nb,\n", None, 2, "key is empty"),
    (b",b\n", ["Key", "Bucket"], 1, "key is empty"),
    (b'b,k\nb,"k"x\n', None, 2, "not well-formed CSV"),
    (b'b,k\nb,"k\nb,k\nb,k\n', None, 2, "not well-formed CSV"),
    (b'b,"a\nb"\nb,"k', None, 3, "not well-formed CSV"),
    (b'b,"a\nb"\nb\n', None, 3, "has 1 columns"),
    (b"b,k\rb,k\r", None, 1, "not well-formed CSV"),
    (b"b,k\nb," + b"k" * 200_000, None, 2, "field larger than field limit"),
    (b"\x1f\x8b\x08\x00\x00", None, 1, "gzip; S3 requires plain CSV"),
]


def test_invalid_manifest_is_refused() -> None:
    """The message contains source, line and remedy."""
    for content, fields, line, problem in INVALID_MANIFESTS:
        error = refusal(content, fields)

        assert error.line == line
        assert str(error).startswith(f"m.csv, line {line}: ")
        assert re.search(problem, str(error))


@given(
    before=st.lists(st.sampled_from([b"b,k\n", b"b,\xc3\xa9\r\n", b'b,"x\ny"\n']), max_size=5),
    padding=st.integers(0, 20_000),
    cut=st.sampled_from([b"\xff", b"\xc3(", b"\xe2\x82", b"\x80"]),
    after=st.sampled_from([b"", b"\nb,k\n" * 3000]),
)
def test_line_of_a_byte_that_is_not_utf8_is_exact(
    before: list[bytes], padding: int, cut: bytes, after: bytes
) -> None:
    """The decoder reads chunks, which may end anywhere."""
    lines = b"".join(before) + b"b,0123456789\n" * (padding // 13)

    error = refusal(lines + b"b," + b"p" * (padding % 13) + cut + after)

    assert error.line == lines.count(b"\n") + 1
    assert "UTF-8" in str(error)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([], "Bucket is missing"),
        (["Key"], "Bucket is missing"),
        (["Bucket", "VersionId"], "Key is missing"),
        (["Bucket", "Key", "Size"], "unknown field 'Size'; use Bucket, Key, VersionId, Ignore"),
        (["bucket", "Key"], "unknown field 'bucket'"),
        (["Bucket", "Key", "Key"], "Key is given more than once"),
        ("Bucket,Key", "unknown field"),
    ],
)
def test_invalid_fields_are_refused(fields: Sequence[str], says: str) -> None:
    """They are refused before the manifest is read."""
    with pytest.raises(ManifestError, match=says) as caught:
        read_entries(io.BytesIO(b"b,k\n"), fields=fields)

    assert caught.value.line is None


# ---------------------------------------------------------------- streams of any length


class Repeating(io.RawIOBase):
    """A stream of the same line ``count`` times."""

    def __init__(self, line: bytes, count: int) -> None:
        self._block = line * 100
        self._left = count * len(line)
        self._at = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        chunk = self._block[self._at :][: min(len(view), self._left)]
        view[: len(chunk)] = chunk
        self._left -= len(chunk)
        self._at = (self._at + len(chunk)) % len(self._block)
        return len(chunk)


class Nowhere(io.RawIOBase):
    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        return memoryview(data).nbytes


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_memory_does_not_grow_with_the_manifest() -> None:
    """Copying a manifest of 1 MB requires less than a third of that."""
    stream = io.BufferedReader(Repeating(b"bucket-of-mine,photos/2024/x.jpg,null\n", 30_000))

    info = write_manifest(cast("BinaryIO", Nowhere()), read_manifest(stream))

    assert info.count == 30_000
    assert tracemalloc.get_traced_memory()[1] < 350_000


@pytest.mark.usefixtures("traced")
def test_file_without_line_breaks_does_not_fill_the_memory() -> None:
    """Another file, such as a disk image, is refused after its first megabyte."""
    stream = io.BufferedReader(Repeating(b"\0" * 100, 100_000))

    with pytest.raises(ManifestError, match="longer than 1,048,576 bytes") as caught:
        list(read_entries(stream))

    assert caught.value.line == 1
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
