"""Remove what a smoke test has created, with all versions, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.cli.smoke._places import Places
    from s3batch_handler.cli.smoke._upload import Uploads


def remove_everything(s3: Any, places: Places, uploads: Uploads) -> None:
    """Remove the objects, the manifest, the report, and what the function wrote to the prefix.

    What could not be removed is printed with the command that removes it.
    """
    for bucket, prefix in places.folders():
        try:
            _empty(s3, bucket, prefix, uploads)
        except Exception as error:
            url = escape_unprintable(f"s3://{bucket}/{prefix}")
            print_message(
                f"s3batch: {url} could not be emptied: {error_line(error)}; to remove the rest: "
                f"aws s3 rm --recursive {url}"
            )


def _empty(s3: Any, bucket: str, prefix: str, uploads: Uploads) -> None:
    """Remove all versions of all objects below a prefix."""
    try:
        for each, key, version in uploads.created:
            if each == bucket and key.startswith(prefix):
                _delete(s3, bucket, key, version)
        # The report, and the objects that the function wrote.
        _remove(s3, bucket, prefix, _all_versions(s3, bucket, prefix))
    except Exception:
        # Without the permissions for versions, or where listing them fails: in moto, for keys with
        # control characters. In a bucket with versions, removed objects keep their versions.
        _remove(s3, bucket, prefix, _objects(s3, bucket, prefix))
        if bucket in uploads.buckets_with_versions:
            raise


def _remove(s3: Any, bucket: str, prefix: str, found: Iterable[tuple[str, str | None]]) -> None:
    for key, version in found:
        if key.startswith(prefix):
            _delete(s3, bucket, key, version)


def _delete(s3: Any, bucket: str, key: str, version: str | None) -> None:
    s3.delete_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))


def _all_versions(s3: Any, bucket: str, prefix: str) -> list[tuple[str, str | None]]:
    """Return all versions and delete markers below a prefix."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [
        (each["Key"], each["VersionId"])
        for page in pages
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
    ]


def _objects(s3: Any, bucket: str, prefix: str) -> list[tuple[str, str | None]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [(each["Key"], None) for page in pages for each in page.get("Contents", ())]
