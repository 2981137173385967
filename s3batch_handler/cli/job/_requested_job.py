"""Combine a job file, or a job, with the options of ``s3batch job submit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.core._errors import JobFileError
from s3batch_handler.documents.files._locations import S3_URL, bucket_and_key
from s3batch_handler.documents.manifests._inventory import INVENTORY_FORMAT
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT
from s3batch_handler.documents.reports._report_files import REPORT_FORMAT
from s3batch_handler.jobs.files._formats import parse_job_file
from s3batch_handler.jobs.files._job_file import job_file_of
from s3batch_handler.jobs.files._nodes import Node, merged

if TYPE_CHECKING:
    from s3batch_handler.cli.job._stack_outputs import StackOutputs
    from s3batch_handler.cli.job._submit_options import SubmitOptions
    from s3batch_handler.jobs.files._job_file import JobFile


def requested_job(options: SubmitOptions, *, stack: StackOutputs | None = None) -> JobFile:
    """Return the job of a job file, with the options of the command line instead of its members.

    Without a file, the job has the options only. A stack has what neither of them has.

    Raises:
        JobFileError: The file is not valid.
        InvalidArgument: An option is not valid.
    """
    if options.file is not None:
        content = _content(options.file)
        return _job(content, options.file, options, stack)
    try:
        # A new job waits for confirmation, unless the options or a file say otherwise.
        return _job(Node.of({"ConfirmationRequired": True}), "", options, stack)
    except JobFileError as error:
        raise InvalidArgument("; ".join(error.lines)) from error


def _content(path: str) -> Node:
    try:
        return parse_job_file(path)
    except OSError as error:
        raise InvalidArgument(f"--file {path}: {error.strerror}") from error


def changed_job(request: dict[str, Any], source: str, options: SubmitOptions) -> JobFile:
    """Return the job of a request, with the options of the command line instead of its members."""
    return job_file_of(Node({}), source, change=lambda _: with_options(Node.of(request), options))


def _job(content: Node, source: str, options: SubmitOptions, stack: StackOutputs | None) -> JobFile:
    def change(members: Node) -> Node:
        return with_options(_with_stack(members, stack), options)

    return job_file_of(
        content,
        source,
        variables=options.variables,
        profile=options.job_profile,
        change=change,
    )


def _with_stack(members: Node, stack: StackOutputs | None) -> Node:
    """Return members with the function, the role and the report of a stack, if they have none."""
    if stack is None:
        return members
    defaults = {
        "Operation": {"LambdaInvoke": {"FunctionArn": stack.function}},
        "RoleArn": stack.role,
        "Report": {"Bucket": stack.reports},
    }
    return Node({**Node.of(defaults).members, **members.members}, members.line)


# ---------------------------------------------------------------- options


def with_options(members: Node, options: SubmitOptions) -> Node:
    """Return members with what the options say, instead of what they had."""
    changed = dict(members.members)
    for name, value in (
        ("ConfirmationRequired", options.confirm),
        ("RoleArn", options.role),
        ("Priority", options.priority),
        ("Description", options.description),
        ("ClientRequestToken", options.client_request_token),
    ):
        if value is not None:
            changed[name] = Node.of(value)
    if options.tags:
        changed["Tags"] = merged(_tags(changed.get("Tags")), Node.of(options.tags))
    for name, part in (
        ("Operation", _operation),
        ("Manifest", _manifest),
        ("Report", _report),
    ):
        node = part(changed.get(name, Node({})), options)
        if node is not None:
            changed[name] = node
    if options.manifest is not None:
        changed.pop("ManifestGenerator", None)
    return Node(changed, members.line)


def _tags(tags: Node | None) -> Node:
    """Return tags as a mapping, also those of a tag set."""
    if tags is None or not isinstance(tags.value, list):
        return tags or Node({})
    pairs = ((tag.members.get("Key"), tag.members.get("Value")) for tag in tags.value)
    return Node({str(key.value): value for key, value in pairs if key and value}, tags.line)


def _operation(operation: Node, options: SubmitOptions) -> Node | None:
    if options.operation is not None:
        return Node.of(_json(options.operation))
    changes: dict[str, Any] = {
        "FunctionArn": options.function,
        "InvocationSchemaVersion": options.schema,
        "UserArguments": options.arguments or None,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        return None
    invoke = operation.members.get("LambdaInvoke")
    if invoke is None and options.function is None:
        raise click.UsageError(
            "Options --arguments and --schema are for functions: add --function, or LambdaInvoke "
            "to the job file."
        )
    if options.arguments and options.schema is None and invoke is not None:
        # Arguments need schema 2.0, also if the job that they are added to has 1.0.
        changes["InvocationSchemaVersion"] = "2.0"
    return Node({"LambdaInvoke": merged(invoke or Node({}), Node.of(changes))}, operation.line)


def _json(text: str) -> Any:
    source = "--operation"
    if text.startswith("@"):
        source = text[1:]
        try:
            text = Path(source).read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidArgument(f"--operation {text}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InvalidArgument(f"--operation {text}: it is not UTF-8") from error
    try:
        operation = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"{source} is not valid JSON: {error}") from error
    return operation


def _manifest(manifest: Node, options: SubmitOptions) -> Node | None:
    spec, location = manifest.members.get("Spec"), manifest.members.get("Location", Node({}))
    if options.fields is not None or options.manifest_is_inventory:
        spec = Node.of({"Format": INVENTORY_FORMAT})
        if options.fields is not None:
            spec = Node.of({"Format": MANIFEST_FORMAT, "Fields": options.fields.split(",")})
    elif options.manifest is not None and spec is not None:
        format_ = spec.members.get("Format")
        if format_ is not None and format_.value == INVENTORY_FORMAT:
            spec = None
    if options.manifest is not None:
        location = Node.of({"ObjectArn": options.manifest})
    if options.manifest_version_id is not None:
        version = {"ObjectVersionId": options.manifest_version_id, "ETag": None}
        location = merged(Node({"ETag": Node(""), **location.members}), Node.of(version))
    if options.etag is not None:
        location = merged(location, Node.of({"ETag": options.etag}))
    changed = {"Spec": spec, "Location": location if location.members else None}
    given = (options.fields, options.manifest, options.manifest_version_id, options.etag)
    if all(each is None for each in given):
        return None
    return Node({name: node for name, node in changed.items() if node}, manifest.line)


def _report(report: Node, options: SubmitOptions) -> Node | None:
    if options.no_report:
        return Node.of({"Enabled": False})
    changes: dict[str, Any] = {}
    if options.report is not None:
        bucket, prefix = bucket_and_key(options.report)
        prefix = prefix.rstrip("/")  # or the report would be at "prefix//job-…"
        kept = {name: node for name, node in report.members.items() if name != "Prefix"}
        defaults = {"Format": REPORT_FORMAT, "ReportScope": "AllTasks"}
        report = Node({**Node.of(defaults).members, **kept}, report.line)
        changes = {"Enabled": True, "Bucket": f"{S3_URL}{bucket}"}
        if prefix:
            changes["Prefix"] = prefix
    if options.report_scope is not None:
        changes["ReportScope"] = options.report_scope
    return merged(report, Node.of(changes)) if changes else None
