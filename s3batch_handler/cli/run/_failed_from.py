"""``s3batch run --failed-from``: run the failed tasks of a report again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._option_rules import check_options
from s3batch_handler.cli.job._aws_services import AwsServices
from s3batch_handler.cli.report._location import FoundReport, find_report
from s3batch_handler.cli.report._redrive_manifest import (
    open_original,
    record_of,
    redrive_manifest,
    warn_of_unknown_arguments,
)
from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.engine.invoke._function_loader import split_spec
from s3batch_handler.engine.invoke._target import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@dataclass(frozen=True, slots=True)
class FailedTasks:
    """The failed tasks of a report."""

    found: FoundReport

    @classmethod
    def find(cls, location: str, options: RunOptions) -> FailedTasks:
        """Find a report by its LOCATION."""
        services = AwsServices(
            endpoint_url=options.endpoint_url, profile=options.profile, region=options.region
        )
        return cls(find_report(location, services=services))

    @property
    def job_id(self) -> str:
        """Return the ID of the job in which the tasks failed."""
        return self.found.report.job_id

    def completed(self, options: RunOptions) -> RunOptions:
        """Return options in which those that are not given are those of the job.

        Raises:
            UsageError: The handler is neither given nor known, or an option cannot be combined
                with one of the job.
            InvalidArgument: An option of the job cannot be used here.
        """
        record = record_of(self.found)
        defaults = {} if record is None else _of_job(options, record)
        # Others may write to the bucket of a report: they must not choose the code that runs here.
        if record is not None and not is_s3_url(self.found.report.location):
            defaults |= _of_local(options, record)
        complete = replace(options, **defaults)
        if complete.handler is None:
            raise click.UsageError(
                "Missing argument HANDLER: only the report of a local job in a folder names it."
            )
        if not (options.arguments or options.quiet):
            warn_of_unknown_arguments(self.found, record)
        if defaults and not options.quiet:
            print_message(escape_unprintable(f"as in job {self.job_id}: {_described(defaults)}"))
        check_options(click.get_current_context(), defaults)
        complete.check()
        return complete

    @contextmanager
    def manifest(
        self, options: RunOptions, s3: HasClient, *, limit: int | None, save_as: Path | None
    ) -> Iterator[PreparedManifest]:
        """Create the manifest of the failed tasks; ``--manifest`` is that of their job."""
        with (
            open_original(options.manifest, options.fields, s3) as original,
            redrive_manifest(self.found, original=original, limit=limit, save_as=save_as) as (
                manifest,
                _,
            ),
        ):
            yield manifest


def _of_job(options: RunOptions, record: JobRecord) -> dict[str, Any]:
    """Return the arguments and the schema of a job, unless these options are given."""
    if options.arguments or options.schema == "1.0":
        return {}
    defaults: dict[str, Any] = {}
    if record.arguments:
        defaults["arguments"] = record.arguments
    if record.schema == "2.0" and options.schema is None:  # 1.0 is the default
        defaults["schema"] = record.schema
    return defaults


def _of_local(options: RunOptions, record: JobRecord) -> dict[str, Any]:
    """Return the handler and the objects of a local job, unless these options are given."""
    local = record.local
    defaults: dict[str, Any] = {}
    if options.handler is None and "Handler" in local:
        defaults["handler"] = handler_here(local)
    if options.source or options.endpoint_url or options.bucket:
        return defaults
    if "EndpointUrl" in local:
        defaults["endpoint_url"] = _without_secret(local, "EndpointUrl", "--endpoint-url")
    elif (
        "Source" in local
        and not is_remote(options.handler or "")
        and not (options.profile or options.region)  # for the objects in AWS
    ):
        source = Path(local["Source"])
        if not source.is_dir():
            raise InvalidArgument(
                f"--failed-from: the folder of the job, {source}, does not exist. Pass --source"
            )
        defaults |= {"source": source, "bucket": local.get("Bucket")}
    return defaults


def handler_here(local: Mapping[str, str]) -> str:
    """Return the handler of a job as it is written in the current folder.

    Raises:
        InvalidArgument: It is a module, which could be another one here.
    """
    handler = _without_secret(local, "Handler", "HANDLER")
    folder = local.get("Folder")
    if folder is None or is_remote(handler) or Path(folder).resolve() == Path.cwd():
        return handler
    place, _ = split_spec(handler)
    if not place.endswith(".py"):
        raise InvalidArgument(
            f"--failed-from: the job has run {handler} in {folder}, and the current folder may "
            "have another module of this name. Pass HANDLER, or change to that folder"
        )
    return str(Path(folder, handler))


def _without_secret(local: Mapping[str, str], name: str, option: str) -> str:
    """Return a value of ``job.json``, unless a credential was removed from it."""
    if "***" in local[name]:
        raise InvalidArgument(
            f"--failed-from: job.json has {local[name]} without its credentials. Pass {option}"
        )
    return local[name]


def _described(defaults: Mapping[str, Any]) -> str:
    """Describe the options of a job that are used again; the values of arguments may be secret."""
    texts = {name: f"--{name.replace('_', '-')} {value}" for name, value in defaults.items()}
    texts["handler"] = str(defaults.get("handler"))
    texts["arguments"] = counted(len(defaults.get("arguments", {})), "argument")
    return ", ".join(texts[name] for name in defaults)
