"""Run the job of a smoke test, in AWS or on this machine, and read what it left."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from s3batch_handler.core._aws_errors import aws_error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3batch_handler.cli.smoke._places import Places
    from s3batch_handler.jobs._job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """S3 and S3 Control, in AWS or on this machine.

    Attributes:
        s3: A client of boto3.
        create_job: Creates a job from the request of CreateJob, and returns its ID.
        wait: Waits for a job; calls the function with each description.
        describe: Returns the description of a job, as boto3 returns it.
    """

    s3: Any
    create_job: Callable[[Mapping[str, Any]], str]
    wait: Callable[[str, Callable[[Job], None]], None]
    describe: Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen of a job.

    Attributes:
        description: The job, as DescribeJob returns it.
        statuses: Its statuses, each once, as far as they were seen.
        files: The files of its report by key: ``manifest.json``, its ``.md5`` and the results.
        index: The key of ``manifest.json``.
        labels: A label for each version ID of its objects, and for its own ID.
    """

    description: Mapping[str, Any]
    statuses: tuple[str, ...]
    files: Mapping[str, bytes]
    index: str
    labels: Mapping[str, str]

    def manifest(self) -> dict[str, Any]:
        """Return ``manifest.json``; empty if there is no report, or if it has another format."""
        return _document(self.files.get(self.index))

    def results(self) -> list[dict[str, Any]]:
        """Return the entries of ``Results`` that name a file."""
        return _results(self.manifest())


def job_request(
    places: Places,
    manifest: Mapping[str, Any],
    *,
    function: str,
    role: str,
    schema: str | None,
    arguments: Mapping[str, str],
) -> dict[str, Any]:
    """Return the request of CreateJob."""
    invoke: dict[str, Any] = {"FunctionArn": function}
    if schema or arguments:
        invoke["InvocationSchemaVersion"] = schema or "2.0"
    if arguments:
        invoke["UserArguments"] = dict(arguments)
    return {
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": invoke},
        "Manifest": dict(manifest),
        "Report": {
            "Enabled": True,
            "Bucket": f"arn:{places.partition}:s3:::{places.report_bucket}",
            "Prefix": places.report_prefix,
            "Format": "Report_CSV_20180820",
            "ReportScope": "AllTasks",
        },
        "Priority": 10,
        "RoleArn": role,
        "Description": f"s3batch smoke: {places.name}",
        "ClientRequestToken": str(uuid.uuid4()),
    }


def _document(content: bytes | None) -> dict[str, Any]:
    """Return the JSON object of a file; empty if the file has another content."""
    try:
        document: object = json.loads(content or b"null")
    except (ValueError, RecursionError):
        return {}
    return _as_object(document)


def _results(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = manifest.get("Results")
    entries = cast("list[object]", found) if isinstance(found, list) else []
    return [entry for entry in map(_as_object, entries) if isinstance(entry.get("Key"), str)]


def _as_object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def observe(service: Service, job_id: str, places: Places, labels: Mapping[str, str]) -> Observed:
    """Wait for a job, and return what was seen of it."""
    statuses: list[str] = []

    def seen(job: Job) -> None:
        if job.status.value not in statuses[-1:]:
            statuses.append(job.status.value)

    service.wait(job_id, seen)
    index = f"{places.report_prefix}/job-{job_id}/manifest.json"
    return Observed(
        description=service.describe(job_id),
        statuses=tuple(statuses),
        files=_report_files(service.s3, places.report_bucket, index),
        index=index,
        labels={**labels, job_id: "<job ID>", places.name: "<smoke>"},
    )


def _report_files(s3: Any, bucket: str, index: str) -> dict[str, bytes]:
    """Read the files of a report; a file that does not exist is left out."""
    files: dict[str, bytes] = {}
    names = [index, f"{index}.md5"]
    for name in names:
        try:
            files[name] = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        except Exception as error:
            if aws_error_code(error) not in ("NoSuchKey", "404"):
                raise
        if name == index and name in files:
            names += [result["Key"] for result in _results(_document(files[name]))]
    return files
