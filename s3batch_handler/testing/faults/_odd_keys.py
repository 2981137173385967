"""Unusual forms of a key, which handlers have to decode."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus

from s3batch_handler.core._keys import encode_key
from s3batch_handler.testing.faults._aws_faults import FAILURE

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_BYTES = 1024


class OddKey(NamedTuple):
    """An unusual key.

    Attributes:
        name: What is unusual.
        key: The decoded key.
        encoded: The key in the event.
        is_processed: Whether a handler that succeeds for the usual key must succeed for this one.
        expected: The correct result codes if it need not succeed.
    """

    name: str
    key: str
    encoded: str
    is_processed: bool
    expected: tuple[str, ...]


def odd_keys(key: str) -> Iterator[OddKey]:
    """Yield unusual keys with the folder and the extension of a key.

    A key that is JSON has no unusual form, except one that is not valid UTF-8.
    """
    folder, slash, name = key.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    start = f"{folder}{slash}{stem if dot else name}"
    end = f"{dot}{extension}"

    def processed(title: str, middle: str) -> OddKey:
        odd = f"{start}{middle}{end}"
        return OddKey(title, odd, encode_key(odd), is_processed=True, expected=())

    if not key.lstrip().startswith("{"):
        yield processed("key with spaces", " with  spaces")
        spaces = f"{start} as in an inventory{end}"
        yield OddKey(
            "key with spaces as +", spaces, quote_plus(spaces, safe="/"),
            is_processed=True, expected=(),
        )  # fmt: skip
        yield processed("key with a plus sign", "+1")
        yield processed("key with percent signs", " 100%25%2B%")
        yield processed("key with accents and emoji", " é e\u0301 あ 🌻")
        # Without "?", which moto takes for the start of a version ID in copies.
        yield processed("key with punctuation", " &=#;:,@$!*'()[]~")
        room = _MAX_BYTES - len(f"{start}{end}".encode())
        yield processed("key of 1,024 bytes", "x" * room)
        json_key = '{"source": "a b.txt", "width": 80}'
        any_code = ("Succeeded", *FAILURE)
        yield OddKey(
            "JSON in place of a key", json_key, encode_key(json_key),
            is_processed=False, expected=any_code,
        )  # fmt: skip
    invalid = f"{start}\udce9\udcff{end}"
    yield OddKey(
        "key that is not valid UTF-8", invalid, encode_key(invalid),
        is_processed=False, expected=FAILURE,
    )  # fmt: skip
