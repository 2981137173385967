"""The objects of the two jobs that ``s3batch smoke`` compares, one of each kind.

Not in the table: keys with a line feed or other control characters than tab, because the local S3
cannot store or list them; keys that are not valid UTF-8, which S3 refuses; unencoded keys and empty
version IDs, because AWS does not say whether they fail the whole job; and JSON in place of a key,
because it could name objects outside the prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.manifests._limits import MAX_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeObject:
    """One object, and the line of the manifest that names it.

    Attributes:
        kind: Its name in the output.
        reason: What could differ between AWS and the local engine.
        name: The key below the prefix.
        contents: The content of each version, oldest first; none if the object does not exist.
        is_deleted: Delete the object after it was uploaded.
        has_plus: Spell spaces as ``+`` in the manifest.
        lines: How many lines of the manifest name the object.
    """

    kind: str
    reason: str
    name: str
    contents: tuple[bytes, ...] = (b"smoke\n",)
    is_deleted: bool = False
    has_plus: bool = False
    lines: int = 1

    def key(self, prefix: str) -> str:
        """Return the decoded key. The longest key fills what the prefix leaves."""
        if self.name != LONGEST:
            return prefix + self.name
        return prefix + "x" * (MAX_KEY_BYTES - len(prefix.encode()))

    def spelling(self, prefix: str) -> str:
        """Return the key as the manifest spells it."""
        key = self.key(prefix)
        return quote_plus(key, safe="/") if self.has_plus else encode_key(key)


LONGEST: Final = "x…"

_TABLE: Final[Sequence[tuple[str, str, str, dict[str, Any]]]] = (
    ("plain key", "the usual case", "plain.txt", {}),
    ("space", "a space is spelled %20", "two words.txt", {}),
    ("space as +", "inventories spell a space +", "as in an inventory.txt", {"has_plus": True}),
    ("plus", "a plus is spelled %2B", "1+1.txt", {}),
    ("percent", "a percent sign is spelled %25", "100%.txt", {}),
    ("encoded twice", "a key that looks encoded is decoded only once", "1%2B1 %20.txt", {}),
    ("accent, composed", "Unicode normalization form C", "caf\u00e9.txt", {}),
    ("accent, decomposed", "Unicode normalization form D", "cafe\u0301.txt", {}),
    ("Japanese", "three bytes for each character", "\u3042\u82b1.txt", {}),
    ("emoji", "four bytes: outside the basic plane", "\U0001f33b.txt", {}),
    ("quotes", "quotes have a meaning in CSV", "say \"hi\" 'there'.txt", {}),
    ("comma", "a comma has a meaning in CSV", "a,b;c.txt", {}),
    ("tab", "a control character", "tab\there.txt", {}),
    ("punctuation", "characters of URLs and XML", "&=#?:@$!*()[]{}<>|^~`.txt", {}),
    ("backslash", "an escape character elsewhere", "a\\N\\b.txt", {}),
    ("leading slash", "an empty first folder", "/leading.txt", {}),
    ("double slash", "an empty folder in the middle", "a//b.txt", {}),
    ("dots", "not a path: .. is kept", "a/../b/./c.txt", {}),
    ("spaces at the ends", "spaces are not trimmed", " padded ", {}),
    ("folder", "consoles create empty objects for folders", "folder/", {"contents": (b"",)}),
    ("longest key", "S3 allows 1,024 bytes", LONGEST, {}),
    ("empty object", "an object of 0 bytes", "empty.txt", {"contents": (b"",)}),
    ("binary object", "a content that is not text", "binary", {"contents": (b"\xff\xfe\x00",)}),
    (
        "overwritten object",
        "without a version ID the latest version is used, with one the named version",
        "overwritten.txt",
        {"contents": (b"old\n", b"new content\n")},
    ),
    ("listed twice", "each line of the manifest is a task", "twice.txt", {"lines": 2}),
    ("missing object", "the function is called nevertheless", "missing.txt", {"contents": ()}),
    ("deleted object", "in a bucket with versions, a delete marker", "deleted.txt",
     {"is_deleted": True}),
)  # fmt: skip

OBJECTS: Final = tuple(
    SmokeObject(kind=kind, reason=reason, name=name, **more) for kind, reason, name, more in _TABLE
)
"""The table of kinds: docs/smoke.md repeats it."""
