"""What ``s3batch job submit --dry-run`` checks of the manifest of a job."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.doctor._check import error, ok, skipped, warning
from s3batch_handler.cli.job._dry_run_requests import check_region, unanswered
from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.documents.manifests._manifest import MANIFEST_FORMAT
from s3batch_handler.documents.manifests.check._codes import CODES, Severity
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck
from s3batch_handler.jobs._manifests import ManifestLocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._connection import Connection
    from s3batch_handler.documents.manifests.check._finding import Finding


@dataclass(slots=True)
class Found:
    """What the checks find out about the request.

    Attributes:
        account_id: The account of the job; ``None`` if it is not known.
        etag: The ETag of the manifest.
    """

    account_id: str | None = None
    etag: str | None = None


def check_manifest_of_job(
    connection: Connection, manifest: dict[str, Any], operation: str, found: Found
) -> Iterator[Check]:
    """Check that the manifest of a job can be read, and what is in it."""
    given = manifest["Location"]
    item = ManifestLocation.model_validate({"ETag": "unknown", **given}).object
    name = f"manifest s3://{item.bucket}/{item.key}"
    s3 = connection.client("s3")
    version = {} if item.version_id is None else {"VersionId": item.version_id}
    try:
        head = s3.head_object(Bucket=item.bucket, Key=item.key, **version)
    except Exception as problem:
        yield unanswered(name, problem, permission="s3:GetObject", missing="it does not exist")
        return
    found.etag = etag = head["ETag"].strip('"')
    problems = [*_problems_of(head, manifest, etag)]
    for message, remedy in problems:
        yield error(name, message, remedy)
    yield from check_region(s3, name, item.bucket, connection.region)
    if problems:
        return
    yield ok(name, f"{head['ContentLength']:,} bytes, ETag {etag}")
    content = f"content of {name}"
    if head["ContentLength"] > MAX_BYTES:
        place = f"s3://{item.bucket}/{item.key}"
        yield skipped(
            content,
            f"it is larger than {MAX_BYTES // 2**20} MB",
            f"run 's3batch manifest check {place} --operation {operation}'",
        )
        return
    try:
        body = s3.get_object(Bucket=item.bucket, Key=item.key, **version)["Body"].read()
    except Exception as problem:
        yield unanswered(content, problem, permission="s3:GetObject")
        return
    if manifest["Spec"]["Format"] == MANIFEST_FORMAT:
        yield from _check_lines(content, body, manifest["Spec"].get("Fields"), operation)
    else:
        yield from _check_inventory(content, body)


def _problems_of(
    head: dict[str, Any], manifest: dict[str, Any], etag: str
) -> Iterator[tuple[str, str]]:
    expected = manifest["Location"].get("ETag")
    if expected == f'"{etag}"':
        yield "the ETag in the request has quotes: the job would fail", f"write {etag}"
    elif expected is not None and expected != etag:
        yield (
            f"its ETag is {etag}, but the request has {expected}: the job would fail",
            "check what has changed, and remove ETag from the job file",
        )
    encryption = str(head.get("ServerSideEncryption", ""))
    if encryption.startswith("aws:kms") and manifest["Spec"]["Format"] == MANIFEST_FORMAT:
        yield (
            f"it is encrypted with {encryption}, and S3 cannot read such a manifest",
            "upload it with SSE-S3: --sse AES256 of 'aws s3 cp'",
        )
    if head["ContentLength"] == 0:
        yield "it is empty", "add a line for each object"


MAX_BYTES: Final = 16 * 2**20
"""The size up to which a dry run reads a manifest."""


def _check_lines(
    name: str, body: bytes, fields: list[str] | None, operation: str
) -> Iterator[Check]:
    if operation not in MAX_OBJECTS:  # a new operation, whose limits are not known
        operation = "LambdaInvoke"
    first: dict[Severity, Finding] = {}
    numbers: Counter[Severity] = Counter()
    try:
        check = ManifestCheck(io.BytesIO(body), fields=fields, operation=operation, details=1)
        for each in check.findings():
            first.setdefault(each.severity, each)
            numbers[each.severity] += 1
    except ManifestError as problem:
        yield error(name, str(problem), "correct Fields of the manifest")
        return
    for code, number in check.counted.items():
        numbers[CODES[code].severity] += number
    for severity, result in ((Severity.ERROR, error), (Severity.WARNING, warning)):
        if severity in first:
            found = first[severity]
            place = "" if found.line is None else f"line {found.line}: "
            more = numbers[severity] - 1
            others = f" (and {counted(more, 'other problem')})" if more else ""
            yield result(name, f"{place}{found.message}{others}", found.fix)
    if not first:
        yield ok(name, counted(check.objects, "object"))


def _check_inventory(name: str, body: bytes) -> Iterator[Check]:
    try:
        inventory = json.loads(body)
    except ValueError:
        yield error(name, "it is not JSON", "pass the manifest.json of an inventory")
        return
    file_format = inventory.get("fileFormat", "CSV") if isinstance(inventory, dict) else "CSV"
    if file_format != "CSV":
        yield error(
            name,
            f"the inventory is in {file_format}, and S3 Batch Operations reads CSV only",
            "convert it with 's3batch manifest create --inventory'",
        )
    else:
        yield ok(name, "an inventory in CSV")
