"""Upload the objects and the manifest of a smoke test, and remember what to remove."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.smoke._objects import OBJECTS
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.cli.smoke._objects import SmokeObject
    from s3batch_handler.cli.smoke._places import Places


@dataclass(slots=True)
class Uploads:
    """What was uploaded.

    Attributes:
        versions: The version IDs of each key, oldest first; ``None`` in a bucket without versions.
        markers: The version ID of the delete marker of each deleted key.
        created: Bucket, key and version ID of everything that was created, for its removal.
    """

    versions: dict[str, list[str | None]] = field(default_factory=dict)
    markers: dict[str, str | None] = field(default_factory=dict)
    created: list[tuple[str, str, str | None]] = field(default_factory=list)

    @property
    def buckets_with_versions(self) -> set[str]:
        """Return the buckets whose objects got a version ID."""
        return {bucket for bucket, _, version in self.created if version}

    @property
    def labels(self) -> dict[str, str]:
        """Return a label for each version ID, which is the same in both jobs."""
        numbered = {
            version: f"<version {number}>"
            for versions in self.versions.values()
            for number, version in enumerate(versions, 1)
            if version
        }
        return numbered | dict.fromkeys(filter(None, self.markers.values()), "<delete marker>")


def upload_objects(s3: Any, places: Places, uploads: Uploads) -> None:
    """Upload the objects. What was uploaded before an error is in ``uploads``, too."""
    bucket = places.bucket
    for item in OBJECTS:
        key = item.key(places.prefix)
        for content in item.contents:
            uploads.created.append((bucket, key, None))
            version = s3.put_object(Bucket=bucket, Key=key, Body=content).get("VersionId")
            uploads.created[-1] = (bucket, key, version)
            uploads.versions.setdefault(key, []).append(version)
        if item.is_deleted:
            marker = s3.delete_object(Bucket=bucket, Key=key).get("VersionId")
            uploads.created.append((bucket, key, marker))
            uploads.markers[key] = marker


def upload_manifest(
    s3: Any, places: Places, uploads: Uploads, *, version_ids: bool
) -> dict[str, Any]:
    """Upload the manifest, and return it as CreateJob names it."""
    lines = [
        ",".join((places.bucket, item.spelling(places.prefix), *version))
        for item, version in manifest_lines(places, uploads, version_ids=version_ids)
    ]
    bucket, key = places.manifest_bucket, places.manifest_key
    uploads.created.append((bucket, key, None))
    response = s3.put_object(Bucket=bucket, Key=key, Body="\n".join((*lines, "")).encode())
    version_id = response.get("VersionId")
    uploads.created[-1] = (bucket, key, version_id)
    return {
        "Spec": {
            "Format": MANIFEST_FORMAT,
            "Fields": ["Bucket", "Key", *(["VersionId"] if version_ids else [])],
        },
        "Location": {
            "ObjectArn": f"arn:{places.partition}:s3:::{bucket}/{key}",
            "ETag": response["ETag"].strip('"'),
            **({"ObjectVersionId": version_id} if version_id else {}),
        },
    }


def manifest_lines(
    places: Places, uploads: Uploads, *, version_ids: bool
) -> Iterator[tuple[SmokeObject, Sequence[str]]]:
    """Yield each line of the manifest as its object and the version ID, if it has one.

    With version IDs, the line of an overwritten object names its first version. A deleted object
    has no line: the local S3 does not answer 405 for the version of a delete marker, as S3 does.
    """
    for item in OBJECTS:
        if version_ids and item.is_deleted:
            continue
        version = next(iter(uploads.versions.get(item.key(places.prefix), ())), None)
        for _ in range(item.lines):
            yield item, (version or "null",) if version_ids else ()
