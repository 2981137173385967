"""Keys and buckets: how S3 Batch Operations spells them, and what they are in boto3."""

from __future__ import annotations

from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3batch_handler.core._keys import (
    bucket_name,
    decode_key,
    encode_key,
    is_directory_bucket,
    is_utf8,
    printable_key,
)
from s3batch_handler.testing.strategies import keys

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SURROGATE_ESCAPES = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)


def test_keys_are_form_decoded(subtests: pytest.Subtests) -> None:
    """A key is form-decoded; text that is not an escape is kept."""
    for encoded, key in [
        ("photos/summer.jpg", "photos/summer.jpg"),
        ("a%20b.txt", "a b.txt"),
        ("a+b.txt", "a b.txt"),
        ("a%2Bb.txt", "a+b.txt"),
        ("a%2bb.txt", "a+b.txt"),
        ("100%25.txt", "100%.txt"),
        ("pct%2520literal", "pct%20literal"),
        ("%E3%81%82%F0%9F%8C%BB", "あ🌻"),
        ("あ%20🌻", "あ 🌻"),
        ("back\\slash%20and%5Cslash", "back\\slash and\\slash"),
        ("\\x41%20", "\\x41 "),
        ("line%0Abreak", "line\nbreak"),
        ("nothing%", "nothing%"),
        ("nothing%2", "nothing%2"),
        ("nothing%zz%20", "nothing%zz "),
        ("%%20", "% "),
        ("", ""),
    ]:
        with subtests.test(encoded=encoded):
            assert decode_key(encoded) == key


@given(st.one_of(TEXT, st.from_regex(r"([a-z/+]|%[0-9a-fA-F]{2}|%.|\\)*", fullmatch=True)))
@example("%")
@example("%\\x20")
def test_decoding_agrees_with_unquote_plus(encoded: str) -> None:
    """All that ``unquote_plus`` of Python can read is read in the same way."""
    expected = unquote_plus(encoded, errors="surrogateescape")

    decoded = decode_key(encoded)

    assert decoded == expected


def test_bytes_that_are_not_valid_utf8(subtests: pytest.Subtests) -> None:
    """They differ from every valid key, and are encoded again as they were."""
    for encoded in ["%FF%FE", "caf%E9.jpg", "%ED%A0%80", "%C3", "a\\%E9"]:
        with subtests.test(encoded=encoded):
            key = decode_key(encoded)

            assert not is_utf8(key)
            assert encode_key(key) == encoded.replace("\\", "%5C")


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), SURROGATE_ESCAPES)))
def test_half_of_a_surrogate_pair_is_not_valid_utf8(key: str) -> None:
    """A key is valid UTF-8 unless it has half of a surrogate pair."""
    assert is_utf8(key) == (not any("\ud800" <= character <= "\udfff" for character in key))


@given(keys(only_utf8=True))
def test_encoded_keys_are_read_by_every_decoder(key: str) -> None:
    """Form decoding, plain decoding and our own decoding read it correctly."""
    encoded = encode_key(key)

    assert unquote(encoded) == unquote_plus(encoded) == decode_key(encoded) == key
    assert encoded.isascii()
    assert encoded.count("/") == key.count("/")


@given(keys(only_utf8=True))
def test_keys_in_both_common_encodings_are_read(key: str) -> None:
    """Keys in both common encodings are read correctly."""
    assert decode_key(quote(key, safe="/")) == key
    assert decode_key(quote_plus(key, safe="/")) == key


def test_bucket_name_is_found_in_each_form(subtests: pytest.Subtests) -> None:
    """``bucket_name`` returns the name for each form of a bucket."""
    for arn, bucket in [
        ("holiday-photos", "holiday-photos"),
        ("arn:aws:s3:::holiday-photos", "holiday-photos"),
        ("arn:aws-cn:s3:::holiday-photos", "holiday-photos"),
        ("arn:aws-us-gov:s3:::holiday-photos", "holiday-photos"),
        ("arn:aws-iso-b:s3:::holiday-photos", "holiday-photos"),
        ("arn:aws:::holiday-photos", "holiday-photos"),
        ("arn:aws:s3:us-east-1:0123456788:holiday-photos", "holiday-photos"),
        ("arn:aws:s3:::accesspoint", "accesspoint"),
        ("arn:aws:s3express:us-east-1:123456789012:bucket/h--use1-az4--x-s3", "h--use1-az4--x-s3"),
        ("arn:aws:s3express:us-east-1:123456789012:/bucket/h--use1-az4--x-s3", "h--use1-az4--x-s3"),
        (
            "arn:aws:s3express:us-east-1:123456789012:accesspoint/h--use1-az4--xa-s3",
            "h--use1-az4--xa-s3",
        ),
    ]:
        with subtests.test(arn=arn):
            assert bucket_name(arn) == bucket


def test_bucket_name_of_an_access_point_is_its_arn(subtests: pytest.Subtests) -> None:
    """boto3 takes an access point by its ARN."""
    for arn in [
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers",
        "arn:aws:s3:eu-west-1:123456789012:accesspoint:readers",
        "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/readers",
        "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
        "arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/readers",
        "arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-01/accesspoint/readers",
    ]:
        with subtests.test(arn=arn):
            assert bucket_name(arn) == arn


def test_arn_of_something_else_is_refused(subtests: pytest.Subtests) -> None:
    """An ARN that does not name a bucket is refused."""
    for arn in [
        "",
        "arn:",
        "arn:aws:s3:::",
        "arn:aws:s3:::photos/summer.jpg",
        "photos/summer.jpg",
        "arn:aws:s3express:us-east-1:123456789012:bucket/",
        "arn:aws:s3express:us-east-1:123456789012:/bucket/",
        "arn:aws:s3express:us-east-1:123456789012://bucket/h--use1-az4--x-s3",
    ]:
        with subtests.test(arn=arn), pytest.raises(ValueError, match="does not name a bucket"):
            bucket_name(arn)


def test_half_of_a_surrogate_pair_in_an_encoded_key_is_not_valid_utf8() -> None:
    """JSON can contain it, S3 keys cannot: the task fails, the event is read."""
    key = decode_key("caf\ud83c%20b")

    assert not is_utf8(key)
    assert printable_key(key) == "caf%ED%A0%BC%20b"


def test_key_that_cannot_be_encoded_is_printed_escaped() -> None:
    assert printable_key("caf\ud83c") == "'caf\\ud83c'"


def test_directory_buckets_are_recognized_by_their_suffix() -> None:
    assert is_directory_bucket("photos--use1-az4--x-s3")
    assert not is_directory_bucket("photos")
    assert not is_directory_bucket("photos--x-s3--copy")
