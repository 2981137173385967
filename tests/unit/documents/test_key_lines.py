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
    keys = [key for key in keys if not key.startswith("s3://")]

    assert keys_of("".join(f"{key}\0" for key in keys).encode(), null=True) == keys


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), min_size=1)))
def test_keys_on_lines_are_read_unchanged(keys: list[str]) -> None:
    """Percent signs and plus signs are characters of the key: nothing is decoded."""
    keys = [key for key in keys if not key.startswith(("s3://", "\ufeff"))]

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
        (b"s3://other\n", "line 1: b's3://other' does not name an object"),
        (b"s3:///a\n", "does not name an object"),
        (b"x" * 3_000_000, "longer than 1 MiB"),
    ],
)
def test_a_line_that_names_no_object_is_an_error(lines: bytes, problem: str) -> None:
    with pytest.raises(ManifestError, match=problem):
        list(read_keys(io.BytesIO(lines), bucket=None, source="keys.txt"))


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


def test_a_payload_has_at_most_1024_characters_after_encoding() -> None:
    """The limit of S3 is that of the manifest's key field."""
    shell = len("%7B%22x%22%3A%22%22%7D")
    objects_of(json.dumps({"x": "a" * (1024 - shell)}), payload=True)

    with pytest.raises(ManifestError, match="1,025 characters after URL encoding, at most 1,024"):
        objects_of(json.dumps({"x": "a" * (1025 - shell)}), payload=True)
