"""``s3batch job submit --failed-from``: create a job for the failed tasks of another job."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._manifest_files import save_manifest
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli.report._location import FoundReport, find_report
from s3batch_handler.cli.report._redrive_manifest import (
    open_original,
    record_of,
    redrive_manifest,
    warn_of_unknown_arguments,
)
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._errors import JobNotFound
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import S3_URL, is_s3_url
from s3batch_handler.documents.reports._report_files import REDRIVE_TAG

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._submit_options import SubmitOptions
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.jobs._job import Job


def with_failed_tasks(
    options: SubmitOptions, services: AwsServices, *, folder: str | None
) -> SubmitOptions:
    """Upload a manifest of the failed tasks, and return the options of the new job.

    Options that are not given are those of the job in which the tasks failed.

    Args:
        options: The options, with ``--failed-from``.
        services: The services of the account.
        folder: The URL of the folder for the manifest; ``None``: the folder of the manifest of the
            job, because the role of the job can read it, or else the folder of the report.

    Raises:
        UsageError: An option is neither given nor known.
        ReportError: No failed task is left to run, or the report is not one of this job.
    """
    assert options.failed_from is not None
    report = find_report(options.failed_from, services=services)
    found = _with_job(report, services)
    complete = _completed(options, found)
    record = record_of(report)
    is_merged = record is not None and record.merged_jobs
    counted_by = report if is_merged else found  # a merged report has other counts than its job
    s3 = S3OfServices(services)
    with (
        open_original(options.manifest, options.fields, s3) as original,
        redrive_manifest(counted_by, original=original) as (manifest, _),
    ):
        # The name depends on the content, so a command that is repeated replaces its own file.
        name = f"job-{found.report.job_id}-redrive-{manifest.md5()[:8]}.csv"
        place = folder or _manifest_folder(found.job) or _report_folder(complete)
        url = f"{place.rstrip('/')}/{name}"
        save_manifest(manifest, url, s3)
        fields = ",".join(manifest.fields or ())
        if not options.quiet:
            tasks = counted(manifest.count, "failed task")
            print_message(f"manifest of {tasks}: {escape_unprintable(url)}")
    return replace(complete, failed_from=None, manifest=url, fields=fields)


def _with_job(found: FoundReport, services: AwsServices) -> FoundReport:
    """Return a report with its job, unless AWS does not know it, as a job on this machine."""
    job_id = found.report.job_id
    record = record_of(found)
    # For a report in S3, the record has no handler: others may write to its bucket.
    is_local = record is not None and "Handler" in record.local
    if found.job is not None or not job_id or is_local:
        return found
    try:
        return replace(found, job=services.control.describe_job(job_id))
    except JobNotFound:
        return found


def _completed(options: SubmitOptions, found: FoundReport) -> SubmitOptions:
    """Return options in which those that are not given are those of the job."""
    job_id = found.report.job_id
    options = replace(
        options,
        description=options.description or f"Redrive of job {job_id}",
        tags={REDRIVE_TAG: job_id, **options.tags} if job_id else options.tags,
    )
    if found.job is not None:
        options = _with_settings(options, found.job)
    record = record_of(found)
    if not (options.arguments or options.operation or options.quiet):
        warn_of_unknown_arguments(found, record)
    if record is not None and options.operation is None:
        options = _with_arguments(options, record)
    missing = {
        "--function": not (options.function or options.operation),
        "--role": not options.role,
        "--report": not (options.report or options.no_report),
    }
    for option, is_missing in missing.items():
        if is_missing:
            raise click.UsageError(
                f"Missing option {option}: the job of the report {options.failed_from} is not a "
                "job in this account and Region, so its settings are not known."
            )
    return options


def _with_settings(options: SubmitOptions, job: Job) -> SubmitOptions:
    """Return options with operation, role, report and priority of a job, unless they are given."""
    defaults: dict[str, Any] = {"role": options.role or job.role_arn}
    if options.priority is None:
        defaults["priority"] = job.priority
    if options.report is None and not options.no_report and job.report and job.report.bucket:
        prefix = f"/{job.report.prefix}" if job.report.prefix else ""
        defaults["report"] = f"{S3_URL}{bucket_name(job.report.bucket)}{prefix}"
    if not (options.function or options.operation) and job.operation:
        invoke = job.operation.lambda_invoke
        if invoke is not None:
            defaults["function"] = invoke.function_arn
        else:
            operation = job.operation.to_boto3()
            defaults["operation"] = json.dumps(operation, default=datetime.isoformat)
    return replace(options, **defaults)


def _with_arguments(options: SubmitOptions, record: JobRecord) -> SubmitOptions:
    """Return options with arguments and schema of a job, unless they are given."""
    if options.arguments or options.schema == "1.0":
        return options
    return replace(options, arguments=record.arguments, schema=options.schema or record.schema)


def _manifest_folder(job: Job | None) -> str | None:
    """Return the URL of the folder of a job's manifest; ``None`` if it is not known."""
    manifest = job and (job.manifest or job.generated_manifest_descriptor)
    if not manifest or manifest.location is None:
        return None
    try:
        item = manifest.location.object
    except ValueError:
        return None
    if item.bucket.startswith("arn:"):  # an access point: its ARN has slashes, as a URL has
        return None
    return f"{S3_URL}{item.bucket}/{item.key}".rpartition("/")[0]


def _report_folder(options: SubmitOptions) -> str:
    """Return the URL of the folder of reports.

    Raises:
        UsageError: There is no report, so there is no folder in S3 for the manifest.
    """
    if options.report is None or not is_s3_url(options.report):
        raise click.UsageError("Missing option --report: the manifest is uploaded to its folder.")
    return options.report
