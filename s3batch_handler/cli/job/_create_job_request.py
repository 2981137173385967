"""Build the request of CreateJob from the options of ``s3batch job submit``."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.core._errors import JobError
from s3batch_handler.documents.files._locations import bucket_and_key
from s3batch_handler.documents.manifests._inventory import INVENTORY_FORMAT
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT
from s3batch_handler.documents.reports._report import REPORT_FORMAT
from s3batch_handler.jobs._arns import bucket_arn, function_arn, role_arn
from s3batch_handler.jobs._job import JobSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._submit_options import SubmitOptions


DEFAULT_FIELDS: Final = "Bucket,Key"
DEFAULT_PRIORITY: Final = 10


def create_job_request(options: SubmitOptions, services: AwsServices) -> JobSpec:
    assert options.role is not None
    operation = _operation(options, services)
    report = _report(options, services)
    if "S3ComputeObjectChecksum" in operation and report["Enabled"]:  # requires the bucket owner
        report["ExpectedBucketOwner"] = services.account_id
    request = {
        "ConfirmationRequired": options.waits_for_confirmation,
        "Operation": operation,
        "Manifest": _manifest(options, services),
        "Report": report,
        "Priority": DEFAULT_PRIORITY if options.priority is None else options.priority,
        "RoleArn": role_arn(options.role, services),
        "Description": options.description,
        "Tags": options.tags,
        "ClientRequestToken": options.client_request_token or str(uuid.uuid4()),
    }
    try:
        return JobSpec.from_request(request)
    except JobError as error:
        raise InvalidArgument(str(error)) from error


def _operation(options: SubmitOptions, services: AwsServices) -> Any:
    if options.operation is not None:
        return _json(options.operation)
    assert options.function is not None
    invoke: dict[str, Any] = {"FunctionArn": function_arn(options.function, services)}
    if options.schema or options.arguments:
        invoke["InvocationSchemaVersion"] = options.schema or "2.0"
    if options.arguments:
        invoke["UserArguments"] = options.arguments
    return {"LambdaInvoke": invoke}


def _json(text: str) -> Any:
    source = "--operation"
    if text.startswith("@"):
        source = text[1:]
        text = Path(source).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"{source} is not valid JSON: {error}") from error


def _manifest(options: SubmitOptions, services: AwsServices) -> Mapping[str, Any]:
    bucket, key = bucket_and_key(options.manifest or "")
    location = {"Bucket": bucket, "Key": key}
    version = {}
    if options.manifest_version_id is not None:
        location["VersionId"] = options.manifest_version_id
        version["ObjectVersionId"] = options.manifest_version_id
    spec: dict[str, Any] = {"Format": INVENTORY_FORMAT}
    if not options.manifest_is_inventory:
        fields = options.fields or DEFAULT_FIELDS
        spec = {"Format": MANIFEST_FORMAT, "Fields": fields.split(",")}
    return {
        "Spec": spec,
        "Location": {
            "ObjectArn": f"{bucket_arn(bucket, services)}/{key}",
            **version,
            "ETag": services.etag(location),
        },
    }


def _report(options: SubmitOptions, services: AwsServices) -> dict[str, Any]:
    if options.report is None:
        return {"Enabled": False}
    bucket, prefix = bucket_and_key(options.report)
    prefix = prefix.rstrip("/")  # or the report would be at "prefix//job-…"
    return {
        "Enabled": True,
        "Bucket": bucket_arn(bucket, services),
        **({"Prefix": prefix} if prefix else {}),
        "Format": REPORT_FORMAT,
        "ReportScope": options.report_scope,
    }
