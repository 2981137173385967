"""The buckets, versions and files that a local copy of a manifest names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._errors import ManifestError

if TYPE_CHECKING:
    from s3batch_handler.policies._job import PolicyOptions, Request


def with_manifest(options: PolicyOptions, path: str, request: Request) -> PolicyOptions:
    """Return the options with what a local copy of the manifest says.

    Of an inventory, only the ``manifest.json`` is read, which names one bucket.

    Raises:
        ManifestError: The file is not valid.
    """
    if Path(path).name.endswith(".json"):
        return _with_inventory(options, path)
    return _with_csv(options, path, request)


def _with_inventory(options: PolicyOptions, path: str) -> PolicyOptions:
    import json

    from s3batch_handler.documents.manifests._inventory import parse_inventory

    with Path(path).open("rb") as stream:
        inventory = parse_inventory(stream, source=path)
    source = json.loads(Path(path).read_bytes()).get("sourceBucket")
    return replace(
        options,
        objects=options.objects or ((source,) if isinstance(source, str) else ()),
        versions="VersionId" in inventory.columns if options.versions is None else options.versions,
        inventory_files=tuple(
            f"{inventory.destination_bucket}/{part.key}" for part in inventory.parts
        ),
    )


def _with_csv(options: PolicyOptions, path: str, request: Request) -> PolicyOptions:
    from s3batch_handler.documents.manifests._manifest import read_entries

    spec = (request.get("Manifest") or {}).get("Spec") or {}
    buckets: set[str] = set()
    versions = False
    with spinner(f"reading {path}"), Path(path).open("rb") as stream:
        for entry in read_entries(stream, fields=spec.get("Fields"), source=path):
            buckets.add(entry.bucket)
            versions = versions or entry.version_id is not None
    if not buckets:
        raise ManifestError("the manifest is empty: name another file", source=path)
    return replace(
        options,
        objects=options.objects or tuple(sorted(buckets)),
        versions=versions if options.versions is None else options.versions,
    )
