"""``job.json``: the record of a local job, beside its report.

It has the members of DescribeJob, ``Tags`` as in CreateJob, and in ``Local`` what only this machine
knows.
"""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli._options import schema_for
from s3batch_handler.cli.run._selection import Selection
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._redaction import redact
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url, split_location
from s3batch_handler.documents.manifests._part import Part
from s3batch_handler.documents.reports._report_files import (
    JOB_RECORD,
    REPORT_FORMAT,
    redrive_tags,
    write_job_record,
)
from s3batch_handler.engine.invoke._target import is_remote

if TYPE_CHECKING:
    from s3batch_handler.cli._s3 import S3
    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.documents.reports._run_record import Durations
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.engine.run._ledger import JobResult


def save_job_record(
    job: JobResult,
    options: RunOptions,
    manifest: PreparedManifest,
    s3: S3,
    *,
    created: datetime,
    redrive_of: str | None = None,
    cancel_reason: str | None = None,
) -> None:
    """Write ``job.json`` beside the report of a job, if it has one.

    If it cannot be written, a message says so: the report is complete without it.
    """
    if job.report is None:
        return
    location, _ = split_location(job.report)
    folder = open_folder(location, s3=s3.client if is_s3_url(location) else None)
    record = {
        **_description(job, options, location, created, cancel_reason),
        "Tags": redrive_tags(redrive_of),
        "Local": _local(options, manifest, job.statistics.durations),
    }
    try:
        write_job_record(folder, JOB_RECORD, record)
    except Exception as error:  # disks, networks and clients raise anything
        print_message(
            f"s3batch: {JOB_RECORD} could not be written beside the report: {error_line(error)}"
        )


def request_of_run(
    options: RunOptions, *, job_id: str, location: str | Path | None, created: datetime
) -> dict[str, Any]:
    """Return what DescribeJob would say about a job before it runs.

    ``location`` is the place of its report; ``None`` if it has none.
    """
    invoke: dict[str, Any] = {
        "InvocationSchemaVersion": schema_for(options.schema, options.arguments)
    }
    if options.arguments:
        invoke["UserArguments"] = options.arguments
    if str(options.handler).startswith("arn:"):
        invoke["FunctionArn"] = options.handler
    return {
        "JobId": job_id,
        "Operation": {"LambdaInvoke": invoke},
        "Priority": 0,
        "Report": _report_settings(location, options.report_scope),
        "CreationTime": created,
    }


def _description(
    job: JobResult,
    options: RunOptions,
    location: str | Path,
    created: datetime,
    cancel_reason: str | None,
) -> dict[str, Any]:
    """Return what DescribeJob would say about a job that has ended."""
    progress = job.progress
    counts: dict[str, Any] = {
        "TotalNumberOfTasks": progress.done if progress.total is None else progress.total,
        "NumberOfTasksSucceeded": progress.succeeded,
        "NumberOfTasksFailed": progress.failed,
        "Timers": {"ElapsedTimeInActiveSeconds": int(job.elapsed)},
    }
    failure = {"FailureCode": job.failure_code, "FailureReason": job.reason}
    description = {
        **request_of_run(options, job_id=job.job_id, location=location, created=created),
        "Status": job.status.value,
        "ProgressSummary": counts,
        "FailureReasons": [failure] if job.failure_code else [],
        "TerminationDate": datetime.now(UTC),
    }
    if cancel_reason is not None:
        description["StatusUpdateReason"] = cancel_reason
    return description


def _report_settings(location: str | Path | None, scope: str) -> dict[str, Any]:
    if location is None:
        return {"Enabled": False}
    settings = {"Enabled": True, "Format": REPORT_FORMAT, "ReportScope": scope}
    if is_s3_url(location):
        bucket, folder = bucket_and_key(location)
        settings["Bucket"] = f"arn:aws:s3:::{bucket}"
        if prefix := folder.rpartition("/")[0]:
            settings["Prefix"] = prefix
    return settings


def _local(
    options: RunOptions, manifest: PreparedManifest, durations: Durations | None
) -> dict[str, Any]:
    """Return what only this machine knows of a job, without the credentials in addresses."""
    facts = {
        **machine_of_run(options),
        **objects_of_run(options, manifest, ETag=manifest.md5()),
        "Measured": durations and _measured(durations, options),
    }
    return {name: value for name, value in facts.items() if value}


def machine_of_run(options: RunOptions) -> dict[str, Any]:
    """Return the members of ``Local`` that are known before the manifest of a job is read."""
    facts = {
        "Handler": redact(str(options.handler)),
        "Folder": _current_folder(),
        "Source": options.source and str(options.source.absolute()),
        "Bucket": options.bucket_name or None,
        "EndpointUrl": options.endpoint_url and redact(options.endpoint_url),
    }
    return {name: value for name, value in facts.items() if value}


def objects_of_run(
    options: RunOptions, manifest: PreparedManifest, **further: str
) -> dict[str, Any]:
    """Return the members of ``Local`` about the objects of a job."""
    source = "FailedFrom" if options.failed_from else "Manifest"
    selection = Selection.of(options, manifest)
    facts = {
        source: {"Location": _absolute(manifest.source), "Fields": manifest.fields, **further},
        "Selection": selection and selection.to_json(),
        "Part": options.part and _part(options.part, manifest),
    }
    return {name: value for name, value in facts.items() if value}


def _part(part: str, manifest: PreparedManifest) -> dict[str, Any]:
    """Return which part of which manifest a job has run, for ``report merge``."""
    number, of = Part.parse(part)
    whole = {"Lines": manifest.selected_from, "ETag": manifest.whole_md5}
    return {"Number": number, "Of": of, **whole}


def _measured(durations: Durations, options: RunOptions) -> dict[str, Any]:
    """Return what an estimate of the job in AWS needs, measured on this machine."""
    measured = {"Calls": durations["calls"], "AverageSeconds": round(durations["average"], 6)}
    if not is_remote(str(options.handler)):  # the memory of the largest worker process
        size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        measured["MemoryMB"] = size // (1024**2 if sys.platform == "darwin" else 1024)
    return measured


def _current_folder() -> str | None:
    """Return the folder in which the handler was found; ``None`` if it was deleted."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


def _absolute(location: str) -> str:
    """Return a location that is the same in every directory."""
    return location if is_s3_url(location) or location == "-" else str(Path(location).absolute())
