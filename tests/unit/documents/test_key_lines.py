"""Manifest entries from lines: keys, ``s3://`` URLs, and JSON objects."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key
from s3batch_handler.documents.manifests._key_lines import read_keys, read_objects
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from typing import Any


def keys_of(data: bytes, **options: Any) -> list[str]:
    entries = read_keys(io.BytesIO(data), bucket="photos", source="keys.txt", **options)
    return [decode_key(entry.encoded_key) for entry in entries]


def objects_of(*lines: str, payload: bool = False) -> list[ManifestEntry]:
    stream = io.BytesIO("\n".join(lines).encode())
    return [*read_objects(stream, bucket="photos", payload=payload, source="objects.jsonl")]


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)))
def test_keys_that_end_with_nul_are_read_unchanged(keys: list[str]) -> None:
    """A key may contain everything but NUL, even line breaks; s3:// URLs are split."""
    keys = [key for key in keys if not (key.startswith(("s3://", "./")) or key.endswith("\n"))]

    assert keys_of("".join(f"{key}\0" for key in keys).encode(), null=True) == keys


@given(st.lists(st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8"), min_size=1)))
def test_keys_on_lines_are_read_unchanged(keys: list[str]) -> None:
    """Percent signs and plus signs are characters of the key: nothing is decoded."""
    keys = [key for key in keys if not key.startswith(("s3://", "\ufeff", "./"))]

    assert keys_of("\n".join(keys).encode()) == keys


def test_lines_of_windows_blank_lines_and_a_byte_order_mark_are_accepted() -> None:
    assert keys_of(b"\xef\xbb\xbfa.jpg\r\n\r\n  b.jpg \n") == ["a.jpg", "  b.jpg "]


def test_a_key_that_is_not_utf_8_keeps_its_bytes() -> None:
    (entry,) = read_keys(io.BytesIO(b"\xff.jpg\n"), bucket="photos", source="keys.txt")

    assert entry.encoded_key == "%FF.jpg"


def test_urls_name_their_own_bucket() -> None:
    stream = io.BytesIO(b"s3://other/a//b c\n")

    assert [*read_keys(stream, bucket=None, source="keys.txt")] == [
        ManifestEntry("other", "a//b%20c", None)
    ]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (b"s3://other/a\nb\n", "keys.txt, line 2: 'b' has no bucket"),
        (b"s3://other\n", "line 1: 's3://other' does not name an object"),
        (b"s3:///a\n", "does not name an object"),
        (b"x" * 3_000_000, "longer than 1 MiB"),
    ],
)
def test_a_line_that_names_no_object_is_an_error(lines: bytes, problem: str) -> None:
    with pytest.raises(ManifestError, match=problem):
        list(read_keys(io.BytesIO(lines), bucket=None, source="keys.txt"))


LISTING = "is a line of a listing, not a key"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"2024-01-31 12:00:00     123456 photos/a b.jpg", LISTING),
        (b"2024-01-31 12:00        1024   s3://photos/a.jpg", LISTING),
        (b"                           PRE photos/", LISTING),
        (b"-rw-r--r--  1 me  staff  512 Jan 31 12:00 a.jpg", LISTING),
        (b"drwxrwxrwt@ 2 root root 4096 May  9 2025 tmp", LISTING),
        (b"./photos/a.jpg", "begins with ./ as find prints it"),
        (b"a.jpg\0b.jpg\0", "contains a NUL character: pass --null"),
        ("\ufeffa.jpg".encode("utf-16-le"), "is in UTF-16: save the file in UTF-8"),
        (b"a" * 1025, "the key has 1,025 bytes, S3 allows at most 1,024"),
        ("ü".encode() * 513, "the key has 1,026 bytes"),
        (b"s3://photos/" + b"%" * 1025, "the key has 1,025 bytes"),
        (b"s3://pho,tos/a.jpg", "'pho,tos' is not a valid bucket name"),
    ],
)
def test_a_line_that_is_probably_not_a_key_is_an_error(line: bytes, problem: str) -> None:
    """A manifest of such lines would fail each task of the job."""
    with pytest.raises(ManifestError, match=r"keys\.txt, line 2: ") as error:
        keys_of(b"first\n" + line + b"\n")

    assert problem in str(error.value)


def test_lines_that_do_not_end_with_nul_are_an_error() -> None:
    with pytest.raises(ManifestError, match="omit --null if each key is on its own line"):
        keys_of(b"a\nb\n", null=True)


@pytest.mark.parametrize(
    "key", ["./a", "2024-01-31 12:00:00 1 a", " PRE a/", "\ufeffa", "s3://b/c", "é" * 512, "/a//b"]
)
def test_a_url_names_any_key(key: str) -> None:
    assert keys_of(f"s3://photos/{key}".encode()) == [key]


def test_json_objects_have_a_key_and_perhaps_a_bucket_and_a_version_id() -> None:
    entries = objects_of(
        '{"key": "a b.jpg", "version_id": "null"}',
        "",
        '{"key": "c", "bucket": "other", "version_id": "x1"}',
    )

    assert entries == [
        ManifestEntry("photos", "a%20b.jpg", "null"),
        ManifestEntry("other", "c", "x1"),
    ]


def test_a_payload_is_the_whole_object_as_json() -> None:
    """A function decodes the key and parses the object that was given."""
    members = {"key": "ü b", "width": [1, 2.5, None]}

    (entry,) = objects_of(json.dumps(members), payload=True)

    assert json.loads(decode_key(entry.encoded_key)) == members
    assert len(entry.encoded_key) <= 1024


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a.jpg", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"key": NaN}', "NaN is not JSON"),
        ('{"key": "a", "key": "b"}', "the member 'key' is there twice"),
        ('{"key": "a", "bucket": "b/c"}', "'b/c' is not a valid bucket name"),
        ('{"key": "a", "version_id": "1\\n2"}', "is not a version ID"),
        (json.dumps({"key": "a" * 1025}), "the key has 1,025 bytes"),
        ("[" * 100_000, "not a JSON object"),
        ("{}", '"key" is missing'),
        ('{"key": ""}', '"key" is missing'),
        ('{"key": 5}', '"key": expected text, got 5'),
        ('{"key": "a", "version_id": ""}', '"version_id" is empty'),
        ('{"key": "a", "size": 1}', "unknown member 'size'"),
        ('{"key": "a", "version_id": "1"}', '"version_id" is on some lines only'),
        (r'{"key": "\ud800"}', "half of a character"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "not a JSON object"),
    ],
)
def test_a_line_that_is_not_an_object_is_an_error_with_its_number(line: str, problem: str) -> None:
    with pytest.raises(ManifestError, match=r"objects\.jsonl, line 2: ") as error:
        objects_of('{"key": "first"}', line)

    assert problem in str(error.value)


def test_a_payload_is_valid_json() -> None:
    """Python reads 1e400 as infinity, for which JSON has no number."""
    with pytest.raises(ManifestError, match="a number is too large for a float: write it as text"):
        objects_of('{"x": 1e400}', payload=True)

    (entry,) = objects_of('{"x": 123456789012345678901234567890}', payload=True)
    assert decode_key(entry.encoded_key) == '{"x":123456789012345678901234567890}'


def test_a_payload_has_at_most_1024_characters_after_encoding() -> None:
    """The limit of S3 is that of the manifest's key field."""
    shell = len("%7B%22x%22%3A%22%22%7D")
    objects_of(json.dumps({"x": "a" * (1024 - shell)}), payload=True)

    with pytest.raises(ManifestError, match="1,025 characters after URL encoding, at most 1,024"):
        objects_of(json.dumps({"x": "a" * (1025 - shell)}), payload=True)
