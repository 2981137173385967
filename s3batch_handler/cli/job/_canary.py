"""``s3batch job submit --sample``: a canary job first, and the rest if it went well."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.cli.job._canary_manifests import upload_parts
from s3batch_handler.cli.job._watch import watch
from s3batch_handler.cli.terminal._failure_tables import plain_failure_lines
from s3batch_handler.cli.terminal._job_style import task_counts
from s3batch_handler.cli.terminal._output import print_message, shell_command
from s3batch_handler.core._errors import JobFailed
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._locations import report_url
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._structures import tag_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._canary_manifests import ManifestPart
    from s3batch_handler.cli.job._submit_options import SubmitOptions
    from s3batch_handler.jobs._job import Job

CANARY_TAG: Final = "s3batch:canary"
"""The tag of a canary job and of the job for the rest. Both have the same value."""


class CreatedJobs(NamedTuple):
    """The job for the rest, and the canary job before it, if there was one."""

    job_id: str
    canary_job_id: str | None


def create_after_canary(
    spec: JobSpec, options: SubmitOptions, services: AwsServices
) -> CreatedJobs:
    """Run a job for a sample of a manifest, and create the job for the rest if it went well.

    The canary job needs no confirmation. Both manifests are uploaded before it is created, so the
    rest can be submitted by hand, too. If the sample has all objects, there is no canary job.

    Raises:
        JobFailed: More tasks failed than are tolerated, or the canary job did not complete.
        JobNotWatched: The canary job could not be watched.
    """
    parts = upload_parts(spec, options, services)
    if parts is None:
        return CreatedJobs(services.control.create_job(spec), None)
    tags = {**spec.tags, CANARY_TAG: parts.name}
    name = f"Canary of: {spec.description}" if spec.description else "Canary"
    canary = _part_of(
        spec,
        parts.sample,
        tags,
        services,
        ConfirmationRequired=False,
        ClientRequestToken=str(uuid.uuid4()),
        Description=name[:256],
    )
    rest = _part_of(spec, parts.rest, tags, services)
    canary_id = services.control.create_job(canary)
    if not options.quiet:
        print_message(f"canary job {escape_unprintable(canary_id)}")
    try:
        ended = watch(services, canary_id, quiet=options.quiet, retry_for=options.retry_for)
        _check_canary(ended, options, services)
        if not options.quiet:
            counts = task_counts(ended.progress)
            print_message(f"canary job {escape_unprintable(canary_id)}: {counts}")
        return CreatedJobs(services.control.create_job(rest), canary_id)
    except (Exception, KeyboardInterrupt):
        for line in _how_to_submit(parts.rest, rest, canary_id, services):
            print_message(line)
        raise


def _check_canary(job: Job, options: SubmitOptions, services: AwsServices) -> None:
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
    url = report_url(job) if counts.failed else None
    if url is not None:
        _print_failures(url, services)
    command = ("job", "describe") if url is None else ("report", "summary")
    see = shell_command(["s3batch", *command, job.job_id, *services.options])
    raise JobFailed(f"{problem}. See {see}", job_id=job.job_id)


def _print_failures(report: str, services: AwsServices) -> None:
    """Print why tasks failed, if the report can be read."""
    with suppress(Exception):  # no permission to read it, or S3 has not written it yet
        summary = read_report(report, s3=services.s3).summary()
        for line in plain_failure_lines(summary.failures, summary.failed):
            print_message(line)


def _how_to_submit(
    part: ManifestPart, rest: JobSpec, canary_id: str, services: AwsServices
) -> Iterator[str]:
    """Yield what is left to do after a canary job that did not go well."""
    clone = ["s3batch", "job", "clone", canary_id, "--manifest", part.url]
    clone += ["--fields", ",".join(part.fields), "--description", rest.description or "Rest"]
    if rest.waits_for_confirmation:
        clone.append("--confirm")
    yield escape_unprintable(f"the rest is not submitted: its manifest is {part.url}")
    yield f"to submit it anyway: {shell_command([*clone, *services.options])}"


def _part_of(
    spec: JobSpec,
    part: ManifestPart,
    tags: Mapping[str, str],
    services: AwsServices,
    **members: Any,
) -> JobSpec:
    """Return the request of a job for a part of the manifest."""
    manifest = {
        "Spec": {"Format": MANIFEST_FORMAT, "Fields": [*part.fields]},
        "Location": {
            "ObjectArn": f"arn:{services.partition}:s3:::{part.bucket}/{part.key}",
            "ETag": services.etag({"Bucket": part.bucket, "Key": part.key}),
        },
    }
    return JobSpec.from_request(
        {**spec.to_request(), "Manifest": manifest, "Tags": tag_set(tags), **members}
    )
