"""``s3batch manifest create``: a manifest of the objects of a bucket."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._manifest_files import save_manifest
from s3batch_handler.cli._options import (
    bucket_option,
    endpoint_url_option,
    json_option,
    profile_option,
    quiet_option,
)
from s3batch_handler.cli._paths import check_file, check_s3_url
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.terminal._output import print_data, print_json
from s3batch_handler.cli.terminal._progress import report_listing
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.engine.manifests._prepared import manifest_of_objects

if TYPE_CHECKING:
    from s3batch_handler.cli._s3 import S3
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@click.command(cls=Command)
@click.argument("location", metavar="FILE|s3://…", shell_complete=complete_files)
@bucket_option("Bucket of the objects.", required=True)
@click.option("--prefix", default="", help="Prefix of the object keys.")
@click.option("--version-ids", is_flag=True, help="Include the version ID of each object.")
@profile_option
@click.option("--region", metavar="NAME", help="AWS Region of the bucket.")
@endpoint_url_option("S3 endpoint to use instead of AWS.")
@json_option
@quiet_option
def create(
    *,
    location: str,
    bucket: str,
    prefix: str,
    version_ids: bool,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    r"""Create a manifest of the objects of a bucket.

    The CSV manifest is saved when the whole bucket is listed. The command needs the permission
    s3:ListBucket; with --version-ids, s3:ListBucketVersions.

    Examples:
        s3batch manifest create manifest.csv \
            --bucket my-photos --prefix 2024/
        s3batch manifest create s3://my-jobs/photos.csv \
            --bucket my-photos
    """
    check_s3_url(location, "manifest")
    if not is_s3_url(location):
        check_file(Path(location), "manifest")
    s3 = RemoteS3(**connection)
    objects = report_listing(s3.objects(bucket, prefix, version_ids=version_ids), quiet=quiet)
    with manifest_of_objects(objects, source=f"s3://{bucket}/{prefix}") as made:
        _save(made, location, s3)
    if as_json:
        print_json({"manifest": location, "objects": made.count, "fields": made.fields})
        return
    print_data(f"Manifest  {escape_unprintable(location)}")
    print_data(f"Objects   {made.count:,}")
    print_data(f"Fields    {','.join(made.fields or ())}")


def _save(made: PreparedManifest, location: str, s3: S3) -> None:
    """Save a manifest; save it on this machine if S3 refuses it after a long listing."""
    try:
        save_manifest(made, location, s3)
    except Exception as error:
        if not is_s3_url(location):
            raise
        kept = f"s3batch-manifest-{secrets.token_hex(4)}.csv"
        save_manifest(made, kept, s3)
        problem = f"{describe(error)}; the manifest is kept in {kept}"
        raise ManifestError(problem, source=location) from error
