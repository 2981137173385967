"""``s3batch run --dry-run``: check what a job needs, and print what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._errors import InvalidArgument, error_line
from s3batch_handler.cli._options import schema_for
from s3batch_handler.cli._paths import check_writable
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.run._report import check_report
from s3batch_handler.cli.run._selection import Selection
from s3batch_handler.cli.terminal._output import counted, print_data, print_json, print_message
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.engine.invoke._target import default_timeout, default_workers
from s3batch_handler.engine.invoke._target_check import check_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from s3batch_handler.cli._s3 import S3
    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


def dry_run(
    options: RunOptions,
    s3: S3,
    variables: Mapping[str, str],
    manifest: AbstractContextManager[PreparedManifest],
) -> None:
    """Check what can be checked without running a task, and print what the job would do.

    The function is loaded, the manifest is read in full, and the location of the report is listed.
    Nothing is written. What could not be checked, and what may be intended, is a warning.

    Raises:
        InvalidArgument: The function cannot be loaded or reached, or a path is not writable.
        ManifestError: The manifest has an error.
    """
    warnings = [_check_function(options, variables)]
    if options.log not in (None, "-"):
        check_writable(Path(str(options.log)).parent, "--log")
    if options.report_location is not None:
        check_report(options.report_location, s3)
    with manifest as prepared:
        objects = tuple(entry.object for entry in islice(prepared.entries(), _FIRST_OBJECTS))
        selection = Selection.of(options, prepared)
        plan = _Plan(options, prepared.count, prepared.source, selection, objects)
    if isinstance(s3, RemoteS3):  # a local S3 has the files of the folder
        warnings.append(_check_object(objects[0], s3))
    problems = [warning for warning in warnings if warning is not None]
    if options.as_json:
        print_json({**plan.to_json(), "warnings": problems})
        return
    print_data("\n".join(plan.lines()))
    for problem in problems:
        print_message(f"s3batch: WARNING: {problem}")


def _check_function(options: RunOptions, variables: Mapping[str, str]) -> str | None:
    assert options.handler is not None
    variables = {**variables, "PYTHONDONTWRITEBYTECODE": "1"}  # a dry run writes no files
    try:
        return check_function(options.handler, variables=variables, profile=options.profile)
    except InvalidFunction as error:
        raise InvalidArgument(str(error)) from error


def _check_object(item: ObjectRef, s3: RemoteS3) -> str | None:
    """Check that an object can be read with the credentials of this command.

    The function may have others, or need no object, so this is only a warning.
    """
    try:
        s3.client.head_object(**item.location)
    except Exception as error:  # clients raise anything
        key = escape_unprintable(f"s3://{item.bucket}/{item.key}")
        return f"the first object, {key}, cannot be read here: {error_line(error)}"
    return None


_FIRST_OBJECTS: Final = 5


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a job would do."""

    options: RunOptions
    count: int
    source: str
    selection: Selection | None
    objects: tuple[ObjectRef, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        options = self.options
        handler = str(options.handler)
        return {
            "dry_run": True,
            "handler": handler,
            "total": self.count,
            "source": self.source,
            "selection": self.selection and self.selection.to_json(),
            "first_objects": [
                {"bucket": item.bucket, "key": item.key, "version_id": item.version_id}
                for item in self.objects
            ],
            "workers": None if options.dask else options.workers or default_workers(handler),
            "dask": options.dask,
            "timeout": options.timeout or default_timeout(handler),
            "schema": schema_for(options.schema, options.arguments),
            "arguments": options.arguments,
            "max_redrives": options.max_redrives,
            "tolerate": options.tolerate,
            "report": options.report_location,
            "report_scope": options.report_scope,
        }

    def lines(self) -> Iterator[str]:
        """Yield the plan as lines for people."""
        facts = self.to_json()
        yield "A dry run: no task was run, and nothing was written.\n"
        objects = f"{counted(self.count, 'object')} of {self.source}"
        rows = {
            "Handler": facts["handler"],
            "Objects": f"{self.selection}, {self.source}" if self.selection else objects,
            "Workers": facts["dask"] or f"{facts['workers']:,}",
            "Timeout": f"{facts['timeout']:g} s",
            "Schema": facts["schema"],
            "Arguments": ", ".join(f"{name}={value}" for name, value in facts["arguments"].items()),
            "Retries": f"{facts['max_redrives']:,}",
            "Tolerate": facts["tolerate"],
            "Report": f"{facts['report']}, {facts['report_scope']}" if facts["report"] else "none",
        }
        for name, value in rows.items():
            if value:
                yield f"{name:<10} {escape_unprintable(value)}"
        yield "\nThe first objects:"
        for item in self.objects:
            version = f", version {item.version_id}" if item.version_id else ""
            yield f"  {escape_unprintable(f's3://{item.bucket}/{item.key}{version}')}"
