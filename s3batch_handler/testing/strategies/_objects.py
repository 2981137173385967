"""Hypothesis strategies for objects: their buckets, keys and version IDs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.manifests._limits import MAX_KEY_BYTES

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

"""The length of the longest key in S3, in UTF-8 (S3 User Guide, "Object key naming guidelines")."""


def keys(*, only_utf8: bool = False) -> SearchStrategy[str]:
    """Generate decoded keys of at most 1,024 bytes, as they occur in buckets.

    They include paths, spaces, plus and percent signs, quotes, line breaks, accents, emoji, empty
    path segments, dots, leading and trailing spaces, very long keys, and JSON in place of a key.

    Args:
        only_utf8: Leave out keys that are not valid UTF-8. Such keys contain lone surrogates, as in
            :func:`os.fsdecode`, and ``@task_handler`` fails their tasks before it calls the
            function.
    """
    return _UTF8_KEYS if only_utf8 else _UTF8_KEYS | _OTHER_KEYS


_NAMES: Final = st.text("abcxyz019-_.", min_size=1, max_size=12)
_PATHS: Final = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)

_ODD_PARTS: Final = st.sampled_from(
    ["a", " ", "+", "%", "%20", "%2B", "%25", "/", "//", ".", "..", "../", "~", "&", "=", "?", "#",
     ";", ":", ",", "@", "!", "'", '"', "\\", "|", "<", ">", "{", "}", "[", "]", "^", "`", "$", "*",
     "\t", "\n", "\r\n", "é", "e\u0301", "ß", "あ", "🌻", "👩\u200d👩\u200d👧", "\u202e", "\ufeff",
     "\xa0", "\x7f", "None", "null"]
)  # fmt: skip
_ODD_KEYS: Final = st.lists(_ODD_PARTS, min_size=1, max_size=6).map("".join)

_ANY_TEXT: Final = st.text(
    st.characters(codec="utf-8"), min_size=1, max_size=MAX_KEY_BYTES // 4
)  # no character takes more than 4 bytes

_PADDED_KEYS: Final = st.tuples(
    st.sampled_from(["", " ", "/", "+", "\t"]), _PATHS, st.sampled_from([" ", "/", "+", ".", "\n"])
).map("".join)

_JSON_VALUES: Final = st.none() | st.booleans() | st.integers(0, 10_000) | _ODD_KEYS
_JSON_KEYS: Final = st.dictionaries(_NAMES, _JSON_VALUES, max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False)
)


def _repeat(unit: str, size: int) -> str:
    """Return a key of ``size`` bytes."""
    count, rest = divmod(size, len(unit.encode()))
    return unit * count + "a" * rest


# The smallest size is the first, because Hypothesis shrinks to it.
_LONG_KEYS: Final = st.builds(
    _repeat,
    st.sampled_from(["a", "a/", " ", "%", "+", "é", "あ", "🌻"]),
    st.sampled_from([4, 255, 256, MAX_KEY_BYTES - 1, MAX_KEY_BYTES]),
)
_UTF8_KEYS: Final = st.one_of(_PATHS, _ODD_KEYS, _ANY_TEXT, _PADDED_KEYS, _JSON_KEYS, _LONG_KEYS)


def _with_bytes(start: str, invalid: bytes, end: str) -> str:
    return (start.encode() + invalid + end.encode()).decode("utf-8", "surrogateescape")


_OTHER_KEYS: Final = st.builds(
    _with_bytes,
    _NAMES,
    st.sampled_from([b"\xff", b"\xe9", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xf0\x9f"]),
    _NAMES,
)


def buckets() -> SearchStrategy[str]:
    """Generate buckets as boto3 accepts them: names, directory buckets and access point ARNs."""
    return _BUCKETS


_BUCKETS: Final = st.one_of(
    st.text("abcxyz019-", min_size=1, max_size=12).map("b{}9".format),
    st.sampled_from(
        [
            "photos.example.com",
            "photos--use1-az4--x-s3",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers",
        ]
    ),
)


def version_ids() -> SearchStrategy[str]:
    """Generate version IDs: opaque texts, and ``null`` for the version before versioning."""
    return _VERSION_IDS


_VERSION_IDS: Final = st.just("null") | st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", min_size=1, max_size=32
)


def objects(*, keys: SearchStrategy[str] | None = None) -> SearchStrategy[ObjectRef]:
    """Generate objects, with and without a version ID.

    Args:
        keys: The keys of the objects  [default: all keys].
    """
    return st.builds(
        ObjectRef,
        bucket=_BUCKETS,
        key=_UTF8_KEYS | _OTHER_KEYS if keys is None else keys,
        version_id=st.none() | _VERSION_IDS,
    )
