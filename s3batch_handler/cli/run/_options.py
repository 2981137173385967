"""The options of ``s3batch run``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._option_rules import check_options
from s3batch_handler.cli._options import (
    InvalidArgument,
    arguments_option,
    bucket_option,
    endpoint_url_option,
    max_redrives_option,
    quiet_option,
    report_scope_option,
    schema_for,
    schema_option,
)
from s3batch_handler.cli._paths import check_file, check_writable
from s3batch_handler.cli.run._report import DEFAULT_REPORTS
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.documents._storage import bucket_name_for, is_s3_url
from s3batch_handler.engine.invoke._target import check_target, is_remote

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
    endpoint_url: str | None
    save_manifest: Path | None
    arguments: dict[str, str]
    schema: str | None
    workers: int | None
    timeout: float | None
    max_redrives: int
    report: str
    no_report: bool
    report_scope: str
    log: str | None
    state: Path | None
    resume: bool
    as_json: bool
    quiet: bool

    @property
    def bucket_name(self) -> str:
        """The bucket of the objects: ``--bucket``, or the name of the folder."""
        if self.source is None or self.bucket:
            return self.bucket or ""
        return bucket_name_for(self.source)

    @property
    def report_location(self) -> str | None:
        """The location of the report; ``None`` with ``--no-report``."""
        return None if self.no_report else self.report

    @property
    def schema_version(self) -> str:
        """The schema of the invocations."""
        return schema_for(self.schema, self.arguments)

    def outputs(self) -> dict[str, Path]:
        """Return the buckets of ``--output``, with their folders.

        Raises:
            UsageError: A bucket or folder is not valid.
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
            _check_folder(self, Path(folder), "--output")
            outputs[bucket] = Path(folder)
        return outputs

    def written_paths(self) -> Iterator[Path]:
        """Yield the paths that this job or an earlier one writes to: they are not input."""
        yield Path(DEFAULT_REPORTS)
        if not is_s3_url(self.report):
            yield Path(self.report)
        if self.log is not None:
            yield Path(self.log)
        if self.save_manifest is not None:
            yield self.save_manifest
        if self.state is not None:
            yield self.state
        yield from self.outputs().values()

    def as_begun(self, asked: Mapping[str, Any]) -> RunOptions:
        """Return the saved options of a run, as read from JSON.

        Options that are allowed with ``--resume`` are taken from the command line.
        """
        begun = {field.name: asked[field.name] for field in fields(self)}
        paths = {name: begun[name] and Path(begun[name]) for name in ("source", "save_manifest")}
        return replace(
            RunOptions(**{**begun, **paths}),
            resume=True,
            state=self.state,
            workers=self.workers or begun["workers"],
            as_json=self.as_json,
            quiet=self.quiet,
        )


def run_options(command: Callable[[RunOptions], None]) -> Callable[..., None]:
    """Add the options to a command, which gets them checked, as one :class:`RunOptions`."""

    @wraps(command)
    def with_options(**values: Any) -> None:
        check_options(click.get_current_context())
        options = RunOptions(**values)
        if not options.resume:
            _check(options)
        command(options)

    decorated: Callable[..., None] = with_options
    for add in reversed(_OPTIONS):
        decorated = add(decorated)
    return decorated


_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.argument("handler", metavar="HANDLER", required=False),
    click.option(
        "--manifest",
        metavar="FILE",
        help="CSV manifest or manifest.json of an S3 Inventory: a file, s3:// URL, or - for stdin.",
    ),
    click.option(
        "--fields",
        metavar="NAMES",
        help="Columns of a CSV manifest, such as Key,Bucket,Ignore.  [default: Bucket,Key]",
    ),
    click.option(
        "--source",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder to serve as a bucket from a local S3; without --manifest, all its files.",
    ),
    click.option(
        "--output",
        metavar="BUCKET=DIR",
        multiple=True,
        help="With --source: folder for the objects written to a bucket; repeat for more.",
    ),
    bucket_option("Bucket whose objects to process; with --source, the name of its bucket."),
    click.option("--prefix", default="", help="Prefix of the object keys to process."),
    endpoint_url_option("S3 endpoint for this command and for the function."),
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
        type=click.IntRange(1),
        help="Number of parallel calls.  [default: one per processor; URL: 1; ARN: 10]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        help="Timeout of the function in seconds.  [default: 60; URL or ARN: 900]",
    ),
    max_redrives_option,
    click.option(
        "--report",
        metavar="DIR|s3://…",
        default=DEFAULT_REPORTS,
        show_default=True,
        help="Location of the completion report, a folder job-<id>/ in it.",
    ),
    click.option("--no-report", is_flag=True, help="Write no completion report."),
    report_scope_option,
    click.option(
        "--log",
        metavar="FILE",
        help="File for the function's output; - for stderr.  [default: job-<id>.log with report]",
    ),
    click.option(
        "--state",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the state of the job, so that it can be resumed.",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Resume the job of --state with its saved options.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    quiet_option,
)


# ---------------------------------------------------------------- values of options


def _check(options: RunOptions) -> None:
    """Check the values of the options before a long manifest is read.

    The workers report later whether the function can be loaded.
    """
    assert options.handler is not None
    schema_for(options.schema, options.arguments)
    _check_handler(options.handler, options)
    if options.source and options.bucket:
        _check_bucket_name(options.bucket)
    if not (options.no_report or is_s3_url(options.report)):
        _check_folder(options, Path(options.report), "--report")
    if options.save_manifest is not None:
        check_file(options.save_manifest, "--save-manifest")
    options.outputs()


def _check_folder(options: RunOptions, folder: Path, option: str) -> None:
    """Look at a folder that the job writes to."""
    if options.source is not None and folder.resolve() == options.source.resolve():
        raise click.UsageError(
            f"Options {option} and --source have the same folder {folder}: choose another one."
        )
    check_writable(folder, option)


def _check_handler(handler: str, options: RunOptions) -> None:
    try:
        check_target(handler)
    except InvalidFunction as error:
        raise InvalidArgument(str(error)) from error
    if options.source and is_remote(handler):
        raise click.UsageError(
            "Option --source starts a local S3, which a function elsewhere cannot reach."
        )
    if options.log and is_remote(handler):
        raise click.UsageError("Option --log needs a local function: others keep their log.")


def _check_bucket_name(name: str) -> None:
    if not _BUCKET_NAME.fullmatch(name):
        raise click.UsageError(
            f"{name!r} is not a bucket name: use 3 to 63 lowercase letters, digits, dots, hyphens."
        )


_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
