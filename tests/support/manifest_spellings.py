"""Lines of manifests for tests: several spellings of the same keys, and keys of any bytes."""

from __future__ import annotations

from urllib.parse import quote, quote_from_bytes, quote_plus

from hypothesis import strategies as st

from s3batch_handler.core._keys import decode_key
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.testing import strategies

ODD_TEXTS = ["é", "e\u0301", "日本", "🌻", 'a"b', "a'b", 'a","b', "a\nb", "a\r\nb", "a,b"]


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Generate an encoded key: few keys, so that lists have several spellings of the same one."""
    raw = draw(
        st.sampled_from([b"a b", b"a+b", b"a%20b", b"\xff", b"\xff\xfe", b"%", b"%zz", b"\x00"])
        | st.sampled_from(
            ["é", "e\u0301", "日本", "🌻", 'a"b', "a'b", 'a","b', "a\nb", "a\r\nb", "a,b"]
        ).map(str.encode)
        | strategies.keys().map(lambda key: key.encode("utf-8", "surrogateescape"))
    )
    ways = [quote_from_bytes(raw, safe="/"), quote_from_bytes(raw, safe=""), quote_plus(raw)]
    if not {b"%", b"+"} & {raw[n : n + 1] for n in range(len(raw))}:
        text = raw.decode("utf-8", "replace")
        if text.encode() == raw:
            ways.append(text)  # not encoded at all
    if raw[:1].isalpha():
        ways.append(f"%{raw[0]:02x}{quote(raw[1:])}")
    return draw(st.sampled_from(ways))


@st.composite
def lists(draw: st.DrawFn, *, has_versions: bool | None = None) -> list[ManifestEntry]:
    """Generate the lines of a manifest."""
    if has_versions is None:
        has_versions = draw(st.booleans())
    version = st.sampled_from(["", "null", "v1", "V1", "é"]) if has_versions else st.none()
    buckets = st.sampled_from(["b", "a", "b-2", "b.2"]) | strategies.buckets()
    lines = st.builds(ManifestEntry, buckets, spellings(), version)
    return draw(st.lists(lines, max_size=12))


def object_of(entry: ManifestEntry) -> tuple[bytes, bytes, bytes]:
    """Return what two lines of the same object have in common, as bytes."""
    key = decode_key(entry.encoded_key).encode("utf-8", "surrogateescape")
    return entry.bucket.encode(), key, (entry.version_id or "").encode()
