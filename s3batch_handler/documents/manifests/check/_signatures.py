"""The first bytes of files that are not manifests, but may be passed as one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from s3batch_handler.documents.manifests.check._finding import finding

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests.check._finding import Finding

BOM: Final = b"\xef\xbb\xbf"

LONGEST_START: Final = 64
"""How many bytes are compared with signatures; also some byte order marks."""


def signature_finding(start: bytes) -> Finding | None:
    """Return a finding if the first bytes of a file are not text in UTF-8."""
    for signature, code, message in _SIGNATURES:
        if signature.match(start):
            return finding(code, 1, message)
    return None


_SIGNATURES: Final = (
    (re.compile(rb"\x1f\x8b"), "Compressed", "the file is compressed with gzip"),
    (re.compile(rb"\xff\xfe|\xfe\xff"), "NotUtf8", "the file is UTF-16, not UTF-8"),
    (re.compile(rb"PK\x03\x04"), "NotCsv", "the file is a zip archive or an Excel workbook"),
    # A key may begin with these letters, so a control character must follow.
    (re.compile(rb"PAR1.*[\0-\x08\x0e-\x1f]", re.DOTALL), "NotCsv", "the file is Parquet"),
    (re.compile(rb"ORC.*[\0-\x08\x0e-\x1f]", re.DOTALL), "NotCsv", "the file is ORC"),
)
