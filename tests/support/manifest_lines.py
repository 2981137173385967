"""Generate manifests with all kinds of mistakes."""

from __future__ import annotations

from hypothesis import strategies as st

# Parts of manifests, right and wrong, in any order.
_CELLS = st.sampled_from(
    [
        *("photos", "videos", "Bucket", "", " ", "My_B", "s3://b", "a..b", "arn:aws:s3:::b"),
        *(
            "key",
            "a/b.jpg",
            "a%20b",
            "a b",
            "100%",
            "%FF",
            "%C3%BC",
            "ü",
            "a+b",
            "%2520",
            "x" * 1030,
        ),
        *(
            "null",
            "None",
            "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
            '"q"',
            '"a,b"',
            '"a\nb"',
            'a"b',
            '"',
        ),
        *("%EF%BB%BF", "{}", "%7B%22a%22:1%7D", "k ", "\t", "\r", "\x00", "a=b&c", "%25"),
    ]
)
_LINES = st.lists(_CELLS, max_size=4).map(",".join)


def _file(bom: bytes, lines: list[str], end: str) -> bytes:
    return bom + end.join(lines).encode()


def manifest_files() -> st.SearchStrategy[bytes]:
    """Generate the bytes of manifests, most of them with something wrong."""
    return st.builds(
        _file,
        st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
        st.lists(_LINES | st.sampled_from(["photos,a", "photos,b", "photos,a,null"]), max_size=6),
        st.sampled_from(["\n", "\n", "\r\n"]),
    ) | st.binary(max_size=40)
