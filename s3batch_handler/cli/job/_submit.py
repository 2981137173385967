"""``s3batch job submit``: from what a person writes to the request of CreateJob."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._options import (
    UsageProblem,
    arguments_option,
    json_option,
    quiet_option,
    report_scope_option,
    retry_for_option,
    schema_for,
    schema_option,
    tags_option,
)
from s3batch_handler.cli._output import say, show, show_json
from s3batch_handler.cli.job._service import Service, service_options
from s3batch_handler.cli.job._view import exit_code, show_job, watch
from s3batch_handler.core._errors import JobError, ManifestError
from s3batch_handler.core._sanitize import printable
from s3batch_handler.documents._inventory import INVENTORY_FORMAT
from s3batch_handler.documents._manifest import MANIFEST_FORMAT, read_entries
from s3batch_handler.documents._report import REPORT_FORMAT
from s3batch_handler.documents._storage import bucket_and_key
from s3batch_handler.jobs._job import JobSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.cli.job._stack import Stack


@click.command()
@click.option(
    "--manifest",
    metavar="s3://…|FILE",
    required=True,
    help="The manifest: CSV, or an inventory's manifest.json. Its ETag is looked up. With --stack, "
    "but not with --dry-run, also a file, which is put into the stack's bucket.",
)
@click.option(
    "--stack",
    metavar="NAME",
    help="Take --function, --role and --report from the outputs of this stack of template.yaml.",
)
@click.option("--manifest-version-id", metavar="ID", help="Which version of the manifest.")
@click.option(
    "--fields",
    metavar="NAMES",
    help="The columns of a CSV manifest.  [default: Bucket,Key; of a file as its first line says]",
)
@click.option(
    "--function",
    metavar="NAME|ARN",
    help="The Lambda function to invoke; name:qualifier for a version or alias.",
)
@arguments_option
@schema_option
@click.option(
    "--operation",
    metavar="JSON|@FILE",
    help="Another operation, as in CreateJob: '{\"S3DeleteObjectTagging\": {}}'.",
)
@click.option("--role", metavar="NAME|ARN", help="The role that S3 assumes.")
@click.option("--report", metavar="s3://…", help="Where the completion report goes.")
@click.option("--no-report", is_flag=True, help="Have no completion report written.")
@report_scope_option
@click.option(
    "--priority",
    type=click.IntRange(0, 2147483647),
    default=10,
    show_default=True,
    help="The higher, the sooner.",
)
@click.option("--description", metavar="TEXT", help="What the job is for.")
@tags_option
@click.option(
    "--confirm/--no-confirm",
    default=None,
    help="Have the job wait for s3batch job confirm before it runs, or start at once. --wait needs "
    "one of the two.  [default: confirm]",
)
@click.option(
    "--client-request-token",
    metavar="TEXT",
    help="The same request with the same token makes one job.  [default: a new one]",
)
@click.option("--dry-run", is_flag=True, help="Print the request as JSON, and make no job.")
@click.option("--wait", is_flag=True, help="Wait until the job is over.")
@retry_for_option("With --wait: time to retry while AWS cannot be reached.  [default: 600]")
@json_option
@quiet_option
@service_options
def submit(service: Service, **options: Any) -> None:
    """Make a job, and print its id.

    Account, Region and partition are added to names of functions and roles. With --wait the exit
    code is 1 if the job or any of its tasks failed, 3 if it could not be watched.

    \b
        s3batch job submit --stack s3batch-compress --manifest manifest.csv \\
            --arguments target=compressed
        s3batch job submit --manifest s3://my-bucket/manifest.csv --function thumbnails \\
            --role batch --report s3://my-bucket/reports --arguments width=80
        s3batch job submit … --dry-run > job.json
        aws s3control create-job --cli-input-json file://job.json
    """  # noqa: D301  not raw: click's mark is a backspace
    _submit(_Options(**options), service)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the command line said; the names are those of the options."""

    manifest: str
    stack: str | None
    manifest_version_id: str | None
    fields: str | None
    function: str | None
    arguments: dict[str, str]
    schema: str | None
    operation: str | None
    role: str | None
    report: str | None
    no_report: bool
    report_scope: str
    priority: int
    description: str | None
    tags: dict[str, str]
    confirm: bool | None
    client_request_token: str | None
    dry_run: bool
    wait: bool
    retry_for: float | None
    as_json: bool
    quiet: bool

    @property
    def waits_for_confirmation(self) -> bool:
        return self.confirm is not False


def _submit(options: _Options, service: Service) -> None:
    _check(options)
    if options.stack is not None:
        options = _completed(options, service.stack(options.stack), service)
    spec = _spec(options, service)
    _check_function(spec, service)
    if options.dry_run:
        show_json({"AccountId": service.account_id, **spec.to_request()})
        return
    job_id = service.control.create_job(spec)
    if options.waits_for_confirmation and not options.quiet:
        say(f"it waits for its confirmation: s3batch job confirm {printable(job_id)}")
    if not options.wait:
        _show_id(job_id, options)
        return
    if not options.quiet:
        say(f"job {printable(job_id)}")
    try:
        job = watch(service, job_id, quiet=options.quiet, retry_for=options.retry_for)
    except (Exception, KeyboardInterrupt):
        _show_id(job_id, options)  # the job continues
        raise
    show_job(job, as_json=options.as_json)
    sys.exit(exit_code(job))


def _check_function(spec: JobSpec, service: Service) -> None:
    """Refuse a function that S3 cannot invoke, if its configuration can be read.

    Lambda Developer Guide: durable functions are invoked by a qualified ARN; a function with tenant
    isolation is invoked with a tenant ID, for which CreateJob has no member.

    Raises:
        UsageProblem: Every task would fail.
    """
    invoke = spec.operation.lambda_invoke
    if invoke is None or invoke.function_arn is None:
        return
    name = invoke.function_arn
    configuration = service.function(name)
    if configuration.get("TenancyConfig"):
        raise UsageProblem(
            f"function {name} uses tenant isolation (TenancyConfig): S3 Batch Operations sends no "
            "tenant ID, so every task would fail. Use a function without tenant isolation"
        )
    if configuration.get("DurableConfig") and ":" not in _split_function(name)[1]:
        raise UsageProblem(
            f"function {name} is a durable function: Lambda invokes it only by a version or an "
            f"alias. Add one, as in {name}:1"
        )


def _show_id(job_id: str, options: _Options) -> None:
    if options.as_json:
        show_json({"JobId": job_id})
    else:
        show(printable(job_id))


def _completed(options: _Options, stack: Stack, service: Service) -> _Options:
    """Take from the stack what is not given, and put a manifest that is a file into its bucket."""
    function = stack.function if options.operation is None else None
    report = None if options.no_report else stack.reports
    complete = replace(
        options,
        function=options.function or function,
        role=options.role or stack.role,
        report=options.report or report,
    )
    if not _is_file(options.manifest):
        return complete
    path = Path(options.manifest)
    fields = _fields_of(path, options.fields)
    url = f"{stack.manifests}/{path.name}"
    bucket, key = bucket_and_key(url)
    version = service.put(path, bucket=bucket, key=key)
    return replace(complete, manifest=url, manifest_version_id=version, fields=fields)


def _fields_of(path: Path, said: str | None) -> str:
    """Tell the columns of a manifest: as said, and if that is nothing by its first line.

    Raises:
        ManifestError: That line is none of a manifest, or of another one than was said.
    """
    with path.open("rb") as file:
        columns = said.split(",") if said else None
        first = next(read_entries(file, fields=columns, source=str(path)), None)
    if first is None:
        raise ManifestError("it is empty: there is no object to work on", source=str(path))
    return said or (_FIELDS if first.version_id is None else f"{_FIELDS},VersionId")


_FIELDS: Final = "Bucket,Key"


# ---------------------------------------------------------------- the request


def _spec(options: _Options, service: Service) -> JobSpec:
    assert options.role is not None
    operation = _operation(options, service)
    report = _report(options, service)
    if "S3ComputeObjectChecksum" in operation and report["Enabled"]:  # requires the bucket owner
        report["ExpectedBucketOwner"] = service.account_id
    request = {
        "ConfirmationRequired": options.waits_for_confirmation,
        "Operation": operation,
        "Manifest": _manifest(options, service),
        "Report": report,
        "Priority": options.priority,
        "RoleArn": role_arn(options.role, service),
        "Description": options.description,
        "Tags": options.tags,
        "ClientRequestToken": options.client_request_token or str(uuid.uuid4()),
    }
    try:
        return JobSpec.from_request(request)
    except JobError as error:
        raise UsageProblem(str(error)) from error


def _operation(options: _Options, service: Service) -> Any:
    if options.operation is not None:
        return _json(options.operation)
    assert options.function is not None
    invoke: dict[str, Any] = {"FunctionArn": function_arn(options.function, service)}
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
        raise UsageProblem(f"{source}: no JSON: {error}") from error


def _manifest(options: _Options, service: Service) -> Mapping[str, Any]:
    bucket, key = bucket_and_key(options.manifest)
    location = {"Bucket": bucket, "Key": key}
    version = {}
    if options.manifest_version_id is not None:
        location["VersionId"] = options.manifest_version_id
        version["ObjectVersionId"] = options.manifest_version_id
    spec: dict[str, Any] = {"Format": INVENTORY_FORMAT}
    if not _is_inventory(options.manifest):
        fields = options.fields or _FIELDS
        spec = {"Format": MANIFEST_FORMAT, "Fields": fields.split(",")}
    return {
        "Spec": spec,
        "Location": {
            "ObjectArn": f"{_bucket_arn(bucket, service)}/{key}",
            **version,
            "ETag": service.etag(location),
        },
    }


def _is_inventory(manifest: str) -> bool:
    return manifest.endswith("/manifest.json")


def _report(options: _Options, service: Service) -> dict[str, Any]:
    if options.report is None:
        return {"Enabled": False}
    bucket, prefix = bucket_and_key(options.report)
    prefix = prefix.rstrip("/")  # or the report would be at "prefix//job-…"
    return {
        "Enabled": True,
        "Bucket": _bucket_arn(bucket, service),
        **({"Prefix": prefix} if prefix else {}),
        "Format": REPORT_FORMAT,
        "ReportScope": options.report_scope,
    }


# ---------------------------------------------------------------- ARNs


def function_arn(name: str, service: Service) -> str:
    """Complete a function's name or partial ARN: ``thumbnails:PROD``, ``1234…:function:f``."""
    if name.startswith("arn:"):
        return name
    before, function = _split_function(name)
    given = [part for part in before.split(":") if part]
    account_id = next((part for part in given if part.isdigit()), None) or service.account_id
    region = next((part for part in given if not part.isdigit()), service.region)
    return f"arn:{service.partition}:lambda:{region}:{account_id}:function:{function}"


def _split_function(name: str) -> tuple[str, str]:
    """Split a name or an ARN into what is before ``function:``, and the name with its qualifier."""
    before, _, function = f":{name}".rpartition(":function:")
    return before, function.removeprefix(":")


def role_arn(name: str, service: Service) -> str:
    """Complete a role's name, or its path and name: ``service-role/batch``."""
    if name.startswith("arn:"):
        return name
    return f"arn:{service.partition}:iam::{service.account_id}:role/{name.lstrip('/')}"


def _bucket_arn(bucket: str, service: Service) -> str:
    return f"arn:{service.partition}:s3:::{bucket}"


# ---------------------------------------------------------------- slips of the pen


def _check(options: _Options) -> None:
    """Find what is wrong before AWS is asked for anything."""
    if not _said_once(options, options.function is not None, options.operation is not None):
        raise click.UsageError(
            "say what to do: --function or --operation, or --stack for the function of a stack"
        )
    if not _said_once(options, options.role is not None):
        raise click.UsageError("say as whom: --role, or --stack for the role of a stack")
    if options.operation is not None and (options.arguments or options.schema):
        raise click.UsageError("--arguments and --schema go with --function")
    schema_for(options.schema, options.arguments)
    if not _said_once(options, options.report is not None, options.no_report):
        raise click.UsageError("--report s3://bucket/prefix or --no-report: one of them")
    if options.report is not None and not bucket_and_key(options.report)[0]:
        raise click.UsageError(f"--report {options.report}: write s3://bucket/prefix")
    if options.fields and _is_inventory(options.manifest):
        raise click.UsageError("--fields goes with CSV manifests: an inventory has its own")
    if options.stack == "":
        raise click.UsageError("--stack wants the name of a stack")
    if options.retry_for is not None and not options.wait:
        raise click.UsageError("--retry-for goes with --wait")
    if options.dry_run and options.wait:
        raise click.UsageError("--dry-run makes no job to --wait for")
    if options.wait and options.confirm is None:
        raise click.UsageError(
            "--wait would wait for s3batch job confirm, too: say --no-confirm to start the job at "
            "once, or --confirm if somebody confirms it meanwhile"
        )
    if options.stack is not None and _is_file(options.manifest):
        _check_file(options)
    elif not all(bucket_and_key(options.manifest)):
        raise click.UsageError(f"--manifest {options.manifest}: write s3://bucket/key")


def _said_once(options: _Options, *said: bool) -> bool:
    """Tell whether one of several options is given, and only one; with --stack none will do."""
    return sum(said) == 1 or (not any(said) and options.stack is not None)


def _check_file(options: _Options) -> None:
    """Refuse what does not go with a manifest on this machine."""
    if options.dry_run:
        raise click.UsageError("--dry-run puts no file into the bucket: write s3://bucket/key")
    if options.manifest_version_id is not None:
        raise click.UsageError("--manifest-version-id goes with s3://bucket/key")
    if Path(options.manifest).name == "manifest.json":
        raise click.UsageError("an inventory stays where S3 wrote it: write s3://bucket/key")


def _is_file(manifest: str) -> bool:
    return "://" not in manifest
