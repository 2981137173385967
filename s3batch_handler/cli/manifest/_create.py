"""``s3batch manifest create``: a manifest of a listing, of lines, of an inventory or a report."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._manifest_files import save_manifest
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.manifest._create_options import create_options
from s3batch_handler.cli.manifest._create_sources import open_source
from s3batch_handler.cli.manifest._listing import listed_manifest
from s3batch_handler.cli.terminal._facts import print_facts
from s3batch_handler.cli.terminal._output import (
    print_json,
    print_message,
    shell_command,
)
from s3batch_handler.cli.terminal._progress import report_listing
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.engine.manifests._listed_manifest import ListedManifest
from s3batch_handler.engine.manifests._prepared import manifest_of_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from s3batch_handler.cli._observed_upload import Upload
    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.manifest._create_options import CreateOptions
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@click.command(cls=Command)
@create_options
@service_options
def create(*, options: CreateOptions, services: AwsServices) -> None:
    r"""Create a manifest of the objects of a bucket, or of another list.

    The CSV manifest is saved when it is complete. Listing a bucket needs the permission
    s3:ListBucket; with --versions, s3:ListBucketVersions; with --tag, s3:GetObjectTagging.

    Examples:
        s3batch manifest create manifest.csv \
            --bucket my-photos --prefix 2024/ --suffix .jpg
        s3batch manifest create s3://my-jobs/photos.csv \
            --bucket my-photos --newer-than 7d
        s3batch manifest create manifest.csv \
            --keys keys.txt --bucket my-photos
        s3batch manifest create manifest.csv \
            --inventory s3://my-lists/…/manifest.json
    """
    with _made(options, services) as manifest:
        upload = _save(manifest, options.location, S3OfServices(services))
        etag = upload.etag or manifest.md5()  # the ETag after an upload in one request
    fields = manifest.fields or ()
    facts: dict[str, object] = {
        "manifest": options.location,
        "objects": manifest.count,
        "fields": fields,
        "etag": etag,
        "version_id": upload.version_id,
        "requests": manifest.requests if isinstance(manifest, ListedManifest) else {},
    }
    if options.as_json:
        print_json(facts)
        return
    print_facts({name: facts[name] for name in ("manifest", "objects", "fields", "etag")})
    if options.quiet:
        return
    for words in _next_commands(options.location, fields, etag, services):
        print_message(f"next: {shell_command(words)}")


@contextmanager
def _made(
    options: CreateOptions, services: AwsServices
) -> Iterator[PreparedManifest | ListedManifest]:
    """Write the manifest to temporary files."""
    with ExitStack() as files:
        if options.lists_a_bucket:
            yield files.enter_context(listed_manifest(options, services))
            return
        entries = files.enter_context(open_source(options, services))
        source = options.source_name
        reported = report_listing(_at_least_one(entries, source), quiet=options.quiet)
        yield files.enter_context(manifest_of_entries(reported, source=source))


def _at_least_one(entries: Iterable[ManifestEntry], source: str) -> Iterator[ManifestEntry]:
    is_empty = True
    for entry in entries:
        is_empty = False
        yield entry
    if is_empty:
        raise ManifestError("no objects found: check bucket, prefix and filters", source=source)


def _next_commands(
    location: str, fields: Sequence[str], etag: str, services: AwsServices
) -> Iterator[list[str]]:
    """Yield the commands that check the manifest and create a job for it."""
    connection = services.options if is_s3_url(location) else []
    yield ["s3batch", "manifest", "check", location, *connection]
    if is_s3_url(location):
        columns = ["--fields", ",".join(fields)] if len(fields) == 3 else []
        manifest = ["--manifest", location, "--etag", etag, *columns]
        yield ["s3batch", "job", "submit", *manifest, *connection, "--stack", "NAME"]


def _save(manifest: PreparedManifest | ListedManifest, location: str, s3: HasClient) -> Upload:
    """Save a manifest; save it on this machine if S3 refuses it and its source is gone."""
    try:
        return save_manifest(manifest, location, s3)
    except Exception as error:
        if isinstance(manifest, ListedManifest) or not is_s3_url(location):
            raise  # --resume uploads a listing again
        kept = f"s3batch-manifest-{secrets.token_hex(4)}.csv"
        save_manifest(manifest, kept, s3)
        problem = f"{describe(error)}; the manifest is kept in {kept}"
        raise ManifestError(problem, source=location) from error
