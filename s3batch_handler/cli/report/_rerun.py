"""The commands that run the failed tasks of a report again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.report._redrive_manifest import record_of
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.core._redaction import redact
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._report_files import INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.jobs._job import Job


def is_of_local_job(found: FoundReport) -> bool:
    """Return whether a report is known to be of ``s3batch run``."""
    record = record_of(found)
    return record is not None and not record.local.keys().isdisjoint(("Manifest", "FailedFrom"))


def rerun_words(found: FoundReport) -> list[str] | None:
    """Return the command that runs all failed tasks; ``None`` if their job is not known."""
    report, location = found.report.location, found.arguments[0]
    if "--state" in found.arguments:  # which no command has together with --failed-from
        location = report.removesuffix(f"/{INDEX}")
    record = record_of(found)
    if is_of_local_job(found):
        handler = [] if record and "Handler" in record.local else ["HANDLER"]
        connection = _of_run(found.connection) if is_s3_url(report) else []
        return ["s3batch", "run", *handler, "--failed-from", location, *connection]
    if found.job is None and record is None and not is_s3_url(report):
        return None
    return ["s3batch", "job", "submit", "--failed-from", location, *_words(found.connection)]


def run_words(found: FoundReport, manifest: str) -> list[str]:
    """Return the command that runs a manifest of failed tasks on this machine."""
    record = record_of(found)
    local = record.local if record else {}
    connection = dict(found.connection)
    if "EndpointUrl" in local:
        address = local["EndpointUrl"]
        connection["--endpoint-url"] = "URL" if "***" in address else address
    elif "Source" in local:
        connection = {"--source": local["Source"], "--bucket": local.get("Bucket", "")}
    words = ["s3batch", "run", _handler(local), "--manifest", manifest]
    return words + _of_run(connection) + _of_job(record)


def submit_command(found: FoundReport, manifest: str, fields: Sequence[str]) -> str:
    """Return the command that creates a job for a manifest in S3, with … for what is not known."""
    words = ["s3batch", "job", "submit", "--manifest", manifest]
    if len(fields) == 3:
        words += ["--fields", ",".join(fields)]
    words += _words(found.connection) + _of_job(record_of(found))
    settings = _settings(found.job)
    unknown = (f"{name} …" for name, value in settings.items() if not value)
    return " ".join((shell_command(words + _words(settings)), *unknown))


def _settings(job: Job | None) -> dict[str, str]:
    invoke = job and job.operation and job.operation.lambda_invoke
    return {
        "--function": (invoke and invoke.function_arn) or "",
        "--role": (job and job.role_arn) or "",
        "--report": "",
    }


def _of_job(record: JobRecord | None) -> list[str]:
    """Return the arguments of a job as options, without the values that may be credentials."""
    words: list[str] = []
    if record is not None:
        for argument in (f"{name}={value}" for name, value in record.arguments.items()):
            words += ["--arguments", redact(argument)]
        if record.schema == "2.0" and not record.arguments:
            words += ["--schema", "2.0"]
    return words


def _handler(local: Mapping[str, str]) -> str:
    from s3batch_handler.cli.run._failed_from import handler_here  # a slow import

    try:
        return handler_here(local) if "Handler" in local else "HANDLER"
    except InvalidArgument:  # it is not the same here
        return "HANDLER"


def _of_run(connection: Mapping[str, str]) -> list[str]:
    """Return the options of ``s3batch run`` that select S3 and its credentials."""
    return _words({name: value for name, value in connection.items() if name != "--account-id"})


def _words(options: Mapping[str, str]) -> list[str]:
    return [word for name, value in options.items() if value for word in (name, value)]
