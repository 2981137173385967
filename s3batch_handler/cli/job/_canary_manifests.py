"""The two manifests of ``s3batch job submit --sample``: the sample, and the other lines."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._manifest_files import open_manifest, save_manifest
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli._sample_size import count_of_sample
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import S3_URL
from s3batch_handler.documents.manifests._inventory import INVENTORY_FORMAT
from s3batch_handler.documents.manifests._sample import new_seed, random_choices
from s3batch_handler.engine.manifests._prepared import manifest_of_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._submit_options import SubmitOptions
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._job import JobSpec


class ManifestPart(NamedTuple):
    """A part of a manifest, uploaded to S3."""

    url: str
    bucket: str
    key: str
    fields: tuple[str, ...]


class ManifestParts(NamedTuple):
    """Both parts of a manifest."""

    sample: ManifestPart
    rest: ManifestPart
    name: str
    """What the manifests and the tags of both jobs have in common."""


def upload_parts(
    spec: JobSpec, options: SubmitOptions, services: AwsServices
) -> ManifestParts | None:
    """Upload a sample of the lines of a manifest, and the other lines.

    Returns:
        ``None`` if the sample has all lines. Then nothing is uploaded.
    """
    assert options.sample is not None
    url = _url_of_manifest(spec)
    s3 = S3OfServices(services)
    seed = new_seed() if options.seed is None else options.seed
    if not options.quiet:  # a manifest of gigabytes takes minutes
        print_message(f"choosing a sample of {escape_unprintable(url)}")
    with open_manifest(url, _fields(spec), s3, save_as=None) as manifest:
        _check_etag(spec, services, url)
        size = count_of_sample(options.sample, manifest.count)
        if size >= manifest.count:
            print_message(
                f"no canary job: the manifest has {counted(manifest.count, 'object')}, "
                f"and --sample is {options.sample}"
            )
            return None
        with (
            part_of_manifest(manifest, size, seed, is_sample=True) as sample,
            part_of_manifest(manifest, size, seed, is_sample=False) as rest,
        ):
            # The name depends on both parts: a repeated command replaces its own files, and no
            # file of another job that still needs it.
            name = hashlib.sha256(f"{sample.md5()} {rest.md5()}".encode()).hexdigest()[:8]
            stem = url.removesuffix(".csv").removesuffix("/manifest.json")
            parts = ManifestParts(
                _upload(sample, f"{stem}-canary-{name}.csv", s3),
                _upload(rest, f"{stem}-rest-{name}.csv", s3),
                name,
            )
            if not options.quiet:
                of_all = f"{sample.count:,} of {counted(manifest.count, 'object')}"
                print_message(
                    f"canary: {of_all} (--seed {seed}): {escape_unprintable(parts.sample.url)}"
                )
                print_message(
                    f"rest: {counted(rest.count, 'object')}: {escape_unprintable(parts.rest.url)}"
                )
            return parts


def _url_of_manifest(spec: JobSpec) -> str:
    if spec.manifest is None:
        raise InvalidArgument(
            "--sample needs a manifest, but S3 generates the manifest of this job. Omit --sample, "
            "or replace ManifestGenerator by a manifest from s3batch manifest create"
        )
    location = spec.manifest.location.object
    if location.bucket.startswith("arn:"):
        raise InvalidArgument(
            f"--sample cannot use a manifest at the access point {location.bucket}. Name the bucket"
        )
    return f"{S3_URL}{location.bucket}/{location.key}"


def _check_etag(spec: JobSpec, services: AwsServices, url: str) -> None:
    """Check that the manifest that was read, the latest version, is the one of the job."""
    assert spec.manifest is not None
    location = spec.manifest.location
    item = location.object
    if services.etag({"Bucket": item.bucket, "Key": item.key}) != location.etag:
        raise ManifestError(
            "its latest version has another ETag than that of the job; --sample reads the latest "
            "version",
            source=url,
        )


def _fields(spec: JobSpec) -> str | None:
    assert spec.manifest is not None
    if spec.manifest.spec.format == INVENTORY_FORMAT:
        return None
    return ",".join(spec.manifest.spec.fields or ())


@contextmanager
def part_of_manifest(
    manifest: PreparedManifest, size: int, seed: int, *, is_sample: bool
) -> Iterator[PreparedManifest]:
    """Create a manifest of the sample, or of the other lines, in a temporary file."""
    choices = random_choices(manifest.entries(), manifest.count, size=size, seed=seed)
    entries = (entry for entry, is_chosen in choices if is_chosen is is_sample)
    with manifest_of_entries(entries, source=manifest.source) as chosen:
        yield chosen


def _upload(manifest: PreparedManifest, url: str, s3: S3OfServices) -> ManifestPart:
    save_manifest(manifest, url, s3)
    bucket, _, key = url.removeprefix(S3_URL).partition("/")
    return ManifestPart(url, bucket, key, tuple(manifest.fields or ()))
