"""``s3batch job submit --sample``: a canary job first, and the rest if it went well."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._manifest_files import open_manifest, save_manifest
from s3batch_handler.cli._sample_size import count_of_sample
from s3batch_handler.cli.job._watch import watch
from s3batch_handler.cli.report._redrive_manifest import S3OfServices
from s3batch_handler.cli.terminal._job_style import task_counts
from s3batch_handler.cli.terminal._output import counted, print_message, shell_command
from s3batch_handler.core._errors import JobFailed, ManifestError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import S3_URL
from s3batch_handler.documents.manifests._inventory import INVENTORY_FORMAT
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT
from s3batch_handler.documents.manifests._sample import new_seed, random_choices
from s3batch_handler.engine.manifests._prepared import manifest_of_entries
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._submit_options import SubmitOptions
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._job import Job

CANARY_TAG: Final = "s3batch:canary"
"""The tag of a canary job and of the job for the rest. Both have the same value."""


def rest_after_canary(spec: JobSpec, options: SubmitOptions, services: AwsServices) -> JobSpec:
    """Run a job for a sample of a manifest, and return the request of the job for the rest.

    The canary job needs no confirmation. Both manifests are uploaded before it is created, so the
    rest can be submitted by hand, too.

    Returns:
        The same request if the sample has all objects: then there is no canary job.

    Raises:
        JobFailed: More tasks failed than are tolerated, or the canary job did not complete.
        JobNotWatched: The canary job could not be watched.
    """
    parts = _upload_parts(spec, options, services)
    if parts is None:
        return spec
    canary = _part_of(spec, parts.sample, parts, services, ConfirmationRequired=False)
    rest = _part_of(spec, parts.rest, parts, services)
    job_id = services.control.create_job(canary)
    if not options.quiet:
        print_message(f"canary job {escape_unprintable(job_id)}")
    by_hand = f"the rest is not submitted: its manifest is {parts.rest.url}"
    try:
        job = watch(services, job_id, quiet=options.quiet, retry_for=options.retry_for)
    except (Exception, KeyboardInterrupt):
        print_message(escape_unprintable(by_hand))
        raise
    _check_canary(job, options, services, by_hand=by_hand)
    if not options.quiet:
        print_message(f"canary job {escape_unprintable(job_id)}: {task_counts(job.progress)}")
    return rest


def _check_canary(job: Job, options: SubmitOptions, services: AwsServices, *, by_hand: str) -> None:
    counts = job.progress
    threshold = FailureThreshold.parse(options.tolerate or "0")
    tolerated = threshold.tolerated(total=counts.total, run=counts.done) or 0
    if job.status is JobStatus.COMPLETE and counts.failed <= tolerated:
        return
    reasons = [failure.failure_reason or failure.failure_code for failure in job.failure_reasons]
    problem = f"canary job {job.job_id} is {job.status}, {task_counts(counts)}"
    for reason in filter(None, reasons):
        problem += f": {reason}"
    if job.status is JobStatus.COMPLETE:
        problem += f" (tolerated: {options.tolerate or 0})"
    has_report = job.report is not None and job.report.enabled and counts.failed
    command = ("report", "summary") if has_report else ("job", "describe")
    see = shell_command(["s3batch", *command, job.job_id, *services.options])
    raise JobFailed(f"{problem}; {by_hand}. See {see}", job_id=job.job_id)


# ---------------------------------------------------------------- manifests


class _Part(NamedTuple):
    """A part of a manifest, uploaded to S3."""

    url: str
    bucket: str
    key: str
    fields: tuple[str, ...]


class _Parts(NamedTuple):
    sample: _Part
    rest: _Part
    name: str
    """What the manifests and the tags of both jobs have in common."""


def _upload_parts(spec: JobSpec, options: SubmitOptions, services: AwsServices) -> _Parts | None:
    """Upload a sample of the lines of a manifest, and the other lines."""
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
            _chosen(manifest, size, seed, is_sample=True) as sample,
            _chosen(manifest, size, seed, is_sample=False) as rest,
        ):
            # The name depends on the content, so a repeated command replaces its own files.
            name = sample.md5()[:8]
            stem = url.removesuffix(".csv").removesuffix("/manifest.json")
            parts = _Parts(
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
            "--sample needs a manifest: S3 generates the manifest of this job after its creation"
        )
    location = spec.manifest.location.object
    if location.bucket.startswith("arn:"):
        raise InvalidArgument(
            f"--sample needs a manifest in a bucket, not at the access point {location.bucket}"
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
def _chosen(
    manifest: PreparedManifest, size: int, seed: int, *, is_sample: bool
) -> Iterator[PreparedManifest]:
    choices = random_choices(manifest.entries(), manifest.count, size=size, seed=seed)
    entries = (entry for entry, is_chosen in choices if is_chosen is is_sample)
    with manifest_of_entries(entries, source=manifest.source) as chosen:
        yield chosen


def _upload(manifest: PreparedManifest, url: str, s3: S3OfServices) -> _Part:
    save_manifest(manifest, url, s3)
    bucket, _, key = url.removeprefix(S3_URL).partition("/")
    return _Part(url, bucket, key, tuple(manifest.fields or ()))


def _part_of(
    spec: JobSpec, part: _Part, parts: _Parts, services: AwsServices, **members: Any
) -> JobSpec:
    """Return the request of a job for a part of the manifest."""
    request: Mapping[str, Any] = spec.to_request()
    is_canary = part is parts.sample
    name = f"Canary of: {spec.description}" if spec.description else "Canary"
    tags = {**spec.tags, CANARY_TAG: parts.name}
    changes: dict[str, Any] = {
        "Manifest": {
            "Spec": {"Format": MANIFEST_FORMAT, "Fields": [*part.fields]},
            "Location": {
                "ObjectArn": f"arn:{services.partition}:s3:::{part.bucket}/{part.key}",
                "ETag": services.etag({"Bucket": part.bucket, "Key": part.key}),
            },
        },
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if is_canary:
        changes["ClientRequestToken"] = str(uuid.uuid4())
        changes["Description"] = name[:256]
    return JobSpec.from_request({**request, **changes, **members})
