"""The requests that list a range of keys: ListObjectsV2 or ListObjectVersions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from s3batch_handler.core._keys import is_directory_bucket
from s3batch_handler.jobs.listing._tags import tags_of_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.jobs.listing._key_ranges import KeyRange


@dataclass(frozen=True, slots=True)
class Versions:
    """Which versions of objects are listed."""

    latest: bool = True
    noncurrent: bool = False

    def includes(self, found: Mapping[str, Any]) -> bool:
        return self.latest if found["IsLatest"] else self.noncurrent


class Page(NamedTuple):
    """A page of a listing.

    Attributes:
        found: The objects, without delete markers.
        cursor: The last key that was listed, also if it is that of a delete marker.
        version_cursor: The last version of it, in a listing of versions.
        token: Continues the listing; ``None`` after the last page.
    """

    found: list[Mapping[str, Any]]
    cursor: str
    version_cursor: str | None
    token: str | None


class ListingRequests:
    """Sends requests for a bucket, and counts them.

    Args:
        s3: An S3 client.
        bucket: The name of the bucket.
        all_versions: List versions.
    """

    def __init__(self, s3: Any, bucket: str, *, all_versions: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._s3 = s3
        self._bucket = {"Bucket": bucket}
        self._all_versions = all_versions
        # Directory buckets neither sort keys nor accept a key to start after.
        self.can_start_anywhere = not is_directory_bucket(bucket)
        self._lock = Lock()

    def page(self, keys: KeyRange, token: str | None) -> Page:
        """Return the next page of a range."""
        if self._all_versions:
            return self._page_of_versions(keys)
        where = {"ContinuationToken": token} if token else _start_after(keys.cursor)
        self._count("ListObjectsV2")
        response = self._s3.list_objects_v2(**self._bucket, Prefix=keys.prefix, **where)
        found = response.get("Contents", [])
        more = response["NextContinuationToken"] if response.get("IsTruncated") else None
        return Page(found, found[-1]["Key"] if found else keys.cursor, None, more)

    def _page_of_versions(self, keys: KeyRange) -> Page:
        where = {"KeyMarker": keys.cursor} if keys.cursor else {}
        if keys.version_cursor:
            where["VersionIdMarker"] = keys.version_cursor
        self._count("ListObjectVersions")
        response = self._s3.list_object_versions(**self._bucket, Prefix=keys.prefix, **where)
        found = response.get("Versions", [])
        if not response.get("IsTruncated"):
            return Page(found, keys.cursor, None, None)
        version = response.get("NextVersionIdMarker")
        return Page(found, response["NextKeyMarker"], version, response["NextKeyMarker"])

    def folders(self, keys: KeyRange) -> list[str]:
        """Return the first folders of ``keys.folder`` that come after what is listed."""
        self._count("ListObjectsV2")
        response = self._s3.list_objects_v2(
            **self._bucket, Prefix=keys.folder, Delimiter="/", **_start_after(keys.cursor)
        )
        found = [each["Prefix"] for each in response.get("CommonPrefixes", ())]
        return [folder for folder in found if folder > keys.cursor and keys.contains(folder)]

    def first_key_after(self, key: str, prefix: str) -> str | None:
        """Return the first key after this one; ``None`` if there is none."""
        self._count("ListObjectsV2")
        response = self._s3.list_objects_v2(
            **self._bucket, Prefix=prefix, MaxKeys=1, StartAfter=key
        )
        return next((found["Key"] for found in response.get("Contents", ())), None)

    def tags(self, found: Mapping[str, Any]) -> dict[str, str]:
        """Return the tags of an object."""
        self._count("GetObjectTagging")
        return tags_of_object(self._s3, found, **self._bucket)

    def _count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1


def _start_after(key: str) -> dict[str, str]:
    return {"StartAfter": key} if key else {}
