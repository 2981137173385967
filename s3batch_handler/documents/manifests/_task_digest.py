"""A digest of the object of an entry, to find entries with the same object."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from s3batch_handler.core._keys import decode_key

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry


def task_digest(entry: ManifestEntry) -> bytes:
    """Return a digest of the object of an entry.

    Two spellings of a key have the same digest, and so have an empty version ID and none.
    """
    bucket, key, version = entry
    text = f"{bucket}\0{decode_key(key)}\0{version or ''}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
