"""The options of ``s3batch run``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._notify import notify_option
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._option_rules import options_as
from s3batch_handler.cli._options import (
    arguments_option,
    bucket_name_of,
    bucket_option,
    dask_option,
    endpoint_url_option,
    env_file_option,
    json_option,
    max_redrives_option,
    no_report_option,
    not_empty,
    profile_option,
    quiet_option,
    report_scope_option,
    schema_for,
    schema_option,
    source_option,
    timeout_option,
    tolerate_option,
    upload_option,
)
from s3batch_handler.cli._paths import check_csv_manifest, check_file, check_writable
from s3batch_handler.cli.run._report import DEFAULT_REPORTS
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._redaction import redact
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.manifests._part import Part
from s3batch_handler.engine.invoke._dask_cluster import is_on_this_machine
from s3batch_handler.engine.invoke._target import check_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of the command line, by their names."""

    handler: str | None
    manifest: str | None
    fields: str | None
    source: Path | None
    output: Sequence[str]
    bucket: str | None
    prefix: str
    profile: str | None
    region: str | None
    env_file: Path | None
    endpoint_url: str | None
    limit: int | None
    sample: int | None
    seed: int | None
    part: str | None
    failed_from: str | None
    save_manifest: Path | None
    arguments: dict[str, str]
    schema: str | None
    workers: int | None
    dask: str | None
    upload: bool
    timeout: float | None
    max_redrives: int
    tolerate: str | None
    report: str
    no_report: bool
    report_scope: str
    log: str | None
    state: Path | None
    resume: bool
    page: bool
    page_port: int
    dry_run: bool
    notify: str | None
    as_json: bool
    quiet: bool

    @property
    def bucket_name(self) -> str:
        return bucket_name_of(self.bucket, self.source)

    @property
    def report_location(self) -> str | None:
        return None if self.no_report else self.report

    def connection_words(self) -> list[str]:
        """Return the options of the command line that select S3 and its credentials."""
        options = {
            "--profile": self.profile,
            "--region": self.region,
            "--endpoint-url": self.endpoint_url,
        }
        return [word for name, value in options.items() if value for word in (name, value)]

    def function_words(self) -> list[str]:
        """Return HANDLER and the user arguments as on the command line, without credentials."""
        words = [redact(self.handler or "HANDLER")]
        for name, value in self.arguments.items():
            words += ["--arguments", redact(f"{name}={value}")]
        return words

    def outputs(self) -> dict[str, Path]:
        """Return the buckets of ``--output``, with their folders.

        Raises:
            UsageError: A value is not valid.
        """
        outputs: dict[str, Path] = {}
        for pair in self.output:
            bucket, equals, folder = pair.partition("=")
            if not (bucket and equals and folder):
                raise click.UsageError(f"Option --output has the value {pair}: write BUCKET=DIR.")
            _check_bucket_name(bucket)
            if bucket in outputs:
                raise click.UsageError(
                    f"Option --output has bucket {bucket} twice: pass each bucket once."
                )
            outputs[bucket] = Path(folder)
        return outputs

    def written_paths(self) -> Iterator[Path]:
        """Yield the paths that this job or an earlier one writes to: they are not input."""
        yield Path(DEFAULT_REPORTS)
        if not is_s3_url(self.report):
            yield Path(self.report)
        if self.log is not None:
            yield Path(self.log)
        yield from filter(None, (self.save_manifest, self.state))
        yield from self.outputs().values()

    def resumed_from(self, saved: Mapping[str, Any]) -> RunOptions:
        """Return the saved options of a run, as read from JSON.

        Options that are allowed with ``--resume`` are taken from the command line.
        """
        values: dict[str, Any] = {field.name: saved.get(field.name) for field in fields(self)}
        names = ("source", "save_manifest", "env_file")
        paths = {name: values[name] and Path(values[name]) for name in names}
        return replace(
            RunOptions(**{**values, **paths}),
            resume=True,
            state=self.state,
            workers=self.workers or values["workers"],
            dask=self.dask or values["dask"],
            upload=self.upload or bool(values["upload"]),
            notify=self.notify or values["notify"],
            env_file=self.env_file or paths["env_file"],
            page=self.page,
            page_port=self.page_port,
            as_json=self.as_json,
            quiet=self.quiet,
        )

    def check(self) -> None:
        """Check the values of the options before a long manifest is read.

        The workers report later whether the function can be loaded.
        """
        if self.resume:
            return
        schema_for(self.schema, self.arguments)
        if self.handler is not None:
            _check_handler(self.handler)
        if self.source and self.bucket:
            _check_bucket_name(self.bucket)
        if self.dask:
            self._check_dask(self.dask)
        if not (self.no_report or is_s3_url(self.report)):
            self._check_folder(Path(self.report), "--report")
        if self.save_manifest is not None:
            check_csv_manifest(str(self.save_manifest), "--save-manifest")
            check_file(self.save_manifest, "--save-manifest")
        for folder in self.outputs().values():
            self._check_folder(folder, "--output")

    def _check_dask(self, address: str) -> None:
        if is_on_this_machine(address):
            return
        for option, value in {"--source": self.source, "--log": self.log}.items():
            if value is not None:
                raise click.UsageError(
                    f"Option {option} works with --dask local:N only: the workers of "
                    f"{address} are other machines. {_INSTEAD[option]}"
                )

    def _check_folder(self, folder: Path, option: str) -> None:
        """Check that the job can write to a folder."""
        if self.source is not None and folder.resolve() == self.source.resolve():
            raise click.UsageError(
                f"Options {option} and --source have the same folder {folder}: choose another one."
            )
        check_writable(folder, option)


def _check_handler(handler: str) -> None:
    try:
        check_target(handler)
    except InvalidFunction as error:
        raise InvalidArgument(str(error)) from error


def _check_bucket_name(name: str) -> None:
    if not _BUCKET_NAME.fullmatch(name):
        raise click.UsageError(
            f"{name!r} is not a bucket name: use 3 to 63 lowercase letters, digits, dots, hyphens."
        )


_INSTEAD: Final = {
    "--source": "Pass --manifest and an --endpoint-url that they reach.",
    "--log": "They write the function's output to their own standard error.",
}
_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _part(value: str) -> str:
    try:
        return str(Part.parse(value))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


run_options: Callable[[Callable[[RunOptions], None]], Callable[..., None]] = options_as(
    RunOptions,
    click.argument("handler", metavar="HANDLER", required=False, shell_complete=complete_files),
    click.option(
        "--manifest",
        metavar="FILE|s3://…|-",
        type=not_empty,
        shell_complete=complete_files,
        help="CSV manifest, or manifest.json of an S3 Inventory.",
    ),
    click.option(
        "--fields", metavar="NAMES", help="Columns of a CSV manifest.  [default: Bucket,Key]"
    ),
    click.option(
        "--failed-from",
        metavar="LOCATION",
        shell_complete=complete_reports,
        help="Run the failed tasks of this job or report again.",
    ),
    source_option,
    click.option(
        "--output",
        metavar="BUCKET=DIR",
        multiple=True,
        help="Folder for the new objects of a bucket; repeat for more.",
    ),
    bucket_option("Bucket of the objects.  [default: the name of --source]"),
    click.option("--prefix", default="", help="Prefix of the object keys."),
    profile_option,
    click.option("--region", metavar="NAME", help="AWS Region, also of the function."),
    env_file_option,
    endpoint_url_option("S3 endpoint for this command and for the function."),
    click.option(
        "--limit",
        type=Integer(1),
        metavar="NUMBER",
        help="Run only the first objects.  [default: all]",
    ),
    click.option(
        "--sample",
        type=Integer(1),
        metavar="NUMBER",
        help="Run only a random sample of the objects.  [default: all]",
    ),
    click.option(
        "--seed",
        type=Integer(0),
        metavar="NUMBER",
        help="Seed of --sample, to repeat it.  [default: a new seed]",
    ),
    click.option(
        "--part",
        type=_part,
        metavar="K/N",
        help="Run only part K of N, from 0, such as 0/16.  [default: all]",
    ),
    click.option(
        "--save-manifest",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="File for the manifest of --source or --bucket.",
    ),
    arguments_option,
    schema_option,
    click.option(
        "--workers",
        type=Integer(1),
        metavar="NUMBER",
        help="Parallel calls.  [default: one per CPU; URL: 1; ARN: 10]",
    ),
    dask_option,
    upload_option,
    timeout_option,
    max_redrives_option,
    tolerate_option,
    click.option(
        "--report",
        metavar="DIR|s3://…",
        shell_complete=complete_files,
        default=DEFAULT_REPORTS,
        show_default=True,
        help="Location of the completion report.",
    ),
    no_report_option,
    report_scope_option,
    click.option(
        "--log",
        metavar="FILE|-",
        shell_complete=complete_files,
        help="Log of the function; - for stderr.  [default: beside the report]",
    ),
    click.option(
        "--state",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the state of the job, to resume it later.",
    ),
    click.option("--resume", is_flag=True, help="Resume the job of --state."),
    click.option("--page", is_flag=True, help="Show the job in a browser while it runs."),
    click.option(
        "--page-port",
        type=Integer(0, 65535),
        metavar="NUMBER",
        default=0,
        help="Port of the page.  [default: a free port]",
    ),
    click.option("--dry-run", is_flag=True, help="Check everything; run no task."),
    notify_option,
    json_option,
    quiet_option,
)
