"""Facts about a manifest: what its lines have in common, without keeping them in memory."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._keys import decode_key
from s3batch_handler.documents.manifests._manifest import COLUMNS_BY_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.documents.manifests._manifest import ManifestEntry


@dataclass(slots=True)
class ManifestSummary:
    """Counts of the lines of a manifest that were read.

    Attributes:
        objects: The number of lines.
        fields: The columns that S3 reads; empty for an empty manifest.
        buckets: The number of lines of each bucket, for the first 1,000 buckets.
        other_buckets: The number of lines of other buckets.
        with_version_id: The number of lines with a version ID that is not empty.
        json_keys: The number of lines whose key is a JSON object: the payload of a task.
        first: The first lines.
    """

    objects: int = 0
    fields: tuple[str, ...] = ()
    buckets: Counter[str] = field(default_factory=Counter)
    other_buckets: int = 0
    with_version_id: int = 0
    json_keys: int = 0
    first: list[ManifestEntry] = field(default_factory=list)

    def add(self, entries: Iterable[ManifestEntry], *, head: int = 0) -> None:
        """Count lines, and keep the first ``head`` of them."""
        for entry in entries:
            if not self.objects:
                self.fields = COLUMNS_BY_WIDTH[2 if entry.version_id is None else 3]
            self.objects += 1
            if self.objects <= head:
                self.first.append(entry)
            if entry.bucket in self.buckets or len(self.buckets) < _MAX_BUCKETS:
                self.buckets[entry.bucket] += 1
            else:
                self.other_buckets += 1
            if entry.version_id:
                self.with_version_id += 1
            if is_json_object(entry.encoded_key):
                self.json_keys += 1


_MAX_BUCKETS: Final = 1_000


def is_json_object(encoded_key: str) -> bool:
    """Return whether a key is a JSON object."""
    if not encoded_key.startswith(_STARTS):  # most keys
        return False
    try:
        return isinstance(json.loads(decode_key(encoded_key)), dict)
    except (ValueError, RecursionError):
        return False


_STARTS: Final = ("{", "%7B", "%7b")


def object_facts(entries: Iterable[ManifestEntry]) -> Iterator[dict[str, str | None]]:
    """Yield the objects of lines, with decoded keys, as JSON values."""
    for bucket, key, version in entries:
        yield {"bucket": bucket, "key": decode_key(key), "version_id": version or None}
