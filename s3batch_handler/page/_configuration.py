"""The configuration of a job as titled groups of facts, from DescribeJob or ``job.json``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._sanitize import truncate
from s3batch_handler.jobs._locations import s3_url
from s3batch_handler.page._job_facts import (
    MAX_TEXT,
    member,
    operation_of,
    text_of,
    without_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.documents.reports._run_record import RunRecord
    from s3batch_handler.page._document import Facts

Fact = tuple[str, str]


def configuration(
    description: Mapping[str, Any],
    run: RunRecord | None = None,
    *,
    report_facts: Iterable[Fact] = (),
) -> list[Facts]:
    """Return the settings of a job. Groups and facts that are not known are left out.

    Credentials are replaced: values that are named like some, and passwords in addresses.

    Args:
        description: The ``Job`` of DescribeJob, or ``job.json``.
        run: How the job ran, if it ran on this machine.
        report_facts: What else is known about its report.
    """
    groups = (
        ("Job", _of_job(description)),
        ("Operation", _of_operation(description)),
        ("Manifest", _of_manifest(description)),
        ("Report", chain(report_facts, _of_report(description))),
        ("Local run", _of_local_run(description, run)),
        ("Merged reports", _of_merge(description)),
    )
    found: list[Facts] = []
    for title, facts in groups:
        shown = [_shown(name, value) for name, value in islice(facts, _MAX_FACTS) if value]
        if shown:
            found.append({"title": title, "facts": shown})
    return found


def _of_job(description: Mapping[str, Any]) -> Iterator[Fact]:
    yield from _facts(
        description,
        ("ARN", "JobArn"),
        ("Priority", "Priority"),
        ("Role", "RoleArn"),
        ("Confirmation required", "ConfirmationRequired"),
    )


def _of_operation(description: Mapping[str, Any]) -> Iterator[Fact]:
    name = operation_of(description)
    settings = member(description, "Operation", name) if name else None
    yield "Operation", name or ""
    if name != "LambdaInvoke":
        yield from _flat(settings)
        return
    yield from _facts(
        settings, ("Function", "FunctionArn"), ("Schema version", "InvocationSchemaVersion")
    )
    arguments = member(settings or {}, "UserArguments")
    for argument, value in _flat(arguments):
        yield f"Argument {argument}", value


def _of_manifest(description: Mapping[str, Any]) -> Iterator[Fact]:
    manifest = member(description, "Manifest")
    yield "Location", s3_url(text_of(description, "Manifest", "Location", "ObjectArn") or "")
    yield from _facts(
        manifest,
        ("Version ID", "Location", "ObjectVersionId"),
        ("ETag", "Location", "ETag"),
        ("Format", "Spec", "Format"),
        ("Fields", "Spec", "Fields"),
    )
    generator = member(description, "ManifestGenerator")
    if isinstance(generator, Mapping):
        yield "Generator", next(map(str, generator), "")
        yield from _flat(next(iter(generator.values()), None))
    generated = text_of(description, "GeneratedManifestDescriptor", "Location", "ObjectArn")
    yield "Generated manifest", s3_url(generated or "")


def _of_report(description: Mapping[str, Any]) -> Iterator[Fact]:
    report = member(description, "Report")
    if member(report or {}, "Enabled") is False:
        yield "Report", "none"
        return
    yield "Bucket", s3_url(text_of(description, "Report", "Bucket") or "")
    yield from _facts(
        report,
        ("Prefix", "Prefix"),
        ("Scope", "ReportScope"),
        ("Format", "Format"),
        ("Expected bucket owner", "ExpectedBucketOwner"),
    )


def _of_local_run(description: Mapping[str, Any], run: RunRecord | None) -> Iterator[Fact]:
    local = member(description, "Local")
    yield from _facts(
        local,
        ("Handler", "Handler"),
        ("Folder", "Folder"),
        ("Manifest", "Manifest", "Location"),
        ("Failed tasks of", "FailedFrom", "Location"),
        ("Source", "Source"),
        ("Bucket", "Bucket"),
        ("Endpoint", "EndpointUrl"),
    )
    for name, value in _flat(member(local or {}, "Selection")):
        yield f"Selection: {name}", value
    if run is not None:
        yield "Workers", _value(run["workers"])
        yield "Function timeout", _seconds(run["function_timeout"])
    if member(local or {}, "MergedReports"):
        return  # the measurements are only those of the first job
    if run is None:  # otherwise the page has a section with durations
        yield (
            "Average duration of a call",
            _seconds(member(local or {}, "Measured", "AverageSeconds")),
        )
    memory = member(local or {}, "Measured", "MemoryMB")
    yield "Memory of a worker", f"{memory:,} MB" if isinstance(memory, int) else ""


def _of_merge(description: Mapping[str, Any]) -> Iterator[Fact]:
    reports = member(description, "Local", "MergedReports")
    for report in reports if isinstance(reports, (list, tuple)) else ():
        if isinstance(report, Mapping):
            yield text_of(report, "JobId") or "Unknown job", text_of(report, "Location") or ""


# ---------------------------------------------------------------- names and values


def _facts(settings: Any, *names: tuple[str, ...]) -> Iterator[Fact]:
    """Yield the members of settings, each by its title and its path."""
    if isinstance(settings, Mapping):
        for title, *path in names:
            yield title, _value(member(settings, *path))


def _flat(value: Any, name: str = "", depth: int = 0) -> Iterator[Fact]:
    """Yield all settings of a structure, each with its path: ``Filter.CreatedAfter``."""
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        for each, inner in value.items():
            yield from _flat(inner, f"{name}.{each}" if name else str(each), depth + 1)
    elif isinstance(value, (list, tuple)) and any(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value, 1):
            yield from _flat(each, f"{name} {number}", depth + 1)
    elif name:
        yield name, _value(value)


def _value(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat()
        case list() | tuple():
            return ", ".join(map(_value, value[:_MAX_FACTS]))
        case _:
            return str(value)


def _seconds(value: object) -> str:
    if not isinstance(value, (int, float)):
        return ""
    return f"{value:,.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def _shown(name: str, value: str) -> Fact:
    name, value = truncate(name, MAX_TEXT), truncate(value, MAX_TEXT)
    return name, without_credentials(name, value)


_MAX_FACTS: Final = 100
_MAX_DEPTH: Final = 8
