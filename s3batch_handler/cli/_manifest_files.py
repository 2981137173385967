"""Read the manifest of a job, list one from a bucket, and save one."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._observed_upload import Upload, observed_upload
from s3batch_handler.cli._paths import check_s3_url
from s3batch_handler.cli.terminal._progress import report_listing
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.engine.manifests._prepared import (
    PreparedManifest,
    manifest_of_entries,
    manifest_of_objects,
    prepared_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from s3batch_handler.cli._s3 import S3, HasClient
    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.manifests._listed_manifest import ListedManifest


@contextmanager
def open_manifest(
    location: str,
    fields: str | None,
    s3: HasClient,
    *,
    limit: int | None = None,
    save_as: Path | None,
    option: str = "--manifest",
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[PreparedManifest]:
    """Read a manifest: a file, an ``s3://`` URL, or ``-`` for standard input.

    A name that ends in ``.json`` is an inventory's ``manifest.json``, anything else a CSV manifest.
    With ``limit``, only so many lines are read. ``option`` names the manifest in errors.
    ``on_progress`` is called often with the number of lines that were read for the first time.
    """
    check_s3_url(location, option)
    if location.endswith(".json"):
        # pydantic is a slow import, and most manifests are CSV files
        from s3batch_handler.documents.manifests._inventory import read_inventory

        check_no_fields(fields)
        entries = read_inventory(location, s3=s3.client if is_s3_url(location) else None)
        first = _reported(islice(entries, limit), on_progress)
        with manifest_of_entries(first, source=location, save_as=save_as) as manifest:
            yield manifest
        return
    columns = fields.split(",") if fields else None
    with ExitStack() as files:
        stream = files.enter_context(open_stream(location, s3, option=option))
        if limit is None:
            whole = prepared_manifest(
                stream, fields=columns, source=location, save_as=save_as, on_progress=on_progress
            )
            yield files.enter_context(whole)
        else:
            first = islice(read_entries(stream, fields=columns, source=location), limit)
            yield files.enter_context(manifest_of_entries(first, source=location, save_as=save_as))


def _reported(
    entries: Iterable[ManifestEntry], on_progress: Callable[[int], None] | None
) -> Iterator[ManifestEntry]:
    """Yield entries, and report the number of those that were read."""
    for count, entry in enumerate(entries, 1):
        yield entry
        if on_progress is not None:
            on_progress(count)


def list_manifest(
    bucket: str,
    prefix: str,
    s3: S3,
    *,
    limit: int | None = None,
    save_as: Path | None,
    quiet: bool,
) -> AbstractContextManager[PreparedManifest]:
    """List the objects of a bucket as a manifest, or the first of them."""
    objects = islice(report_listing(s3.objects(bucket, prefix), quiet=quiet), limit)
    return manifest_of_objects(objects, source=f"s3://{bucket}/{prefix}", save_as=save_as)


def save_manifest(
    manifest: PreparedManifest | ListedManifest, location: str, s3: HasClient
) -> Upload:
    """Save a manifest as a file or as an ``s3://`` object: completely or not at all.

    Returns:
        What S3 responded; it is empty for a file.
    """
    if is_s3_url(location):
        folder, name = _object(location, s3)
        with observed_upload(s3.client) as upload:
            manifest.save(folder, name)
        return upload
    path = Path(location).resolve()  # replace the target of a link, not the link
    manifest.save(open_folder(path.parent), path.name)
    return Upload()


def check_no_fields(fields: str | None) -> None:
    """Check that no columns are given for an inventory."""
    if fields:
        raise InvalidArgument(
            "Option --fields is for CSV manifests only: an inventory names its own fields"
        )


def open_stream(location: str, s3: HasClient, *, option: str) -> BinaryIO:
    """Open a file, an ``s3://`` URL, or ``-`` for standard input."""
    if is_s3_url(location):
        folder, name = _object(location, s3)
        return folder.read(name)
    if location != "-":
        return Path(location).open("rb")
    if cast("Any", sys.stdin) is None:  # the parent process closed it
        raise InvalidArgument(f"{option} -: standard input is closed. Name a file")
    return sys.stdin.buffer


def _object(location: str, s3: HasClient) -> tuple[Folder, str]:
    """Return the bucket and the key of an object, unchanged: ``a//b`` and ``a/b`` differ."""
    bucket, key = bucket_and_key(location)
    return open_folder(f"s3://{bucket}", s3=s3.client), key
