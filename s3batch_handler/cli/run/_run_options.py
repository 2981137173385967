"""What can be asked of ``s3batch run``, and what cannot be asked together."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from s3batch_handler.cli._job_io import DEFAULT_REPORTS, check_file, check_writable
from s3batch_handler.cli._options import (
    UsageProblem,
    arguments_option,
    bucket_option,
    endpoint_url_option,
    max_redrives_option,
    quiet_option,
    report_scope_option,
    schema_for,
    schema_option,
)
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.documents._storage import bucket_name_for, is_s3_url
from s3batch_handler.engine.invoke._target import check_target, is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line said; the names are those of the options."""

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
        """The bucket of the objects: as given, or made of the folder's name."""
        if self.source is None or self.bucket:
            return self.bucket or ""
        return bucket_name_for(self.source)

    @property
    def report_location(self) -> str | None:
        """Where the report goes; ``None``: there shall be none."""
        return None if self.no_report else self.report

    @property
    def schema_version(self) -> str:
        """The schema of the invocations."""
        return schema_for(self.schema, self.arguments)

    def outputs(self) -> dict[str, Path]:
        """Give the buckets to write to, with their folders.

        Raises:
            UsageError: One cannot be.
        """
        outputs: dict[str, Path] = {}
        for pair in self.output:
            bucket, equals, folder = pair.partition("=")
            if not (bucket and equals and folder):
                raise click.UsageError(f"--output {pair}: write BUCKET=DIR")
            _check_bucket_name(bucket)
            if bucket in outputs:
                raise click.UsageError(f"--output {pair}: there is another bucket {bucket}")
            _check_folder(self, Path(folder), "--output")
            outputs[bucket] = Path(folder)
        return outputs

    def written(self) -> Iterator[Path]:
        """Give what this job or an earlier one may have written: that is no input."""
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
        """Give the options that a run was begun with: those in ``asked``, as read from JSON.

        Options that may be given with ``--resume`` again are taken from here.
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
    """Add all options; the command gets them once it is known that they go together."""

    @wraps(command)
    def with_options(**values: Any) -> None:
        options = RunOptions(**values)
        if options.resume:
            _check_resume(click.get_current_context())
        else:
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
        help="A CSV manifest: a file, an s3:// URL, or - for standard input. Or the manifest.json "
        "of an S3 Inventory.",
    ),
    click.option("--fields", metavar="NAMES", help="The manifest's columns: Bucket,Key,Ignore,…"),
    click.option(
        "--source",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder to serve as a bucket, by an S3 server of our own; all its files without "
        "--manifest.",
    ),
    click.option(
        "--output",
        metavar="BUCKET=DIR",
        multiple=True,
        help="With --source: a bucket whose new objects are saved to a folder; may be --bucket.",
    ),
    bucket_option("All objects of a bucket; or what to call --source."),
    click.option("--prefix", default="", help="Only objects whose key begins so."),
    endpoint_url_option("The S3 to use, for the function as well."),
    click.option(
        "--save-manifest",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Save the manifest that is made of --source or --bucket.",
    ),
    arguments_option,
    schema_option,
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Function calls at a time.  "
        "[default: one per processor; 1 at an address, 10 for an ARN]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        help="The function's timeout in seconds.  [default: 60; 900 for a function elsewhere]",
    ),
    max_redrives_option,
    click.option(
        "--report",
        metavar="DIR|s3://…",
        default=DEFAULT_REPORTS,
        show_default=True,
        help="Where the completion report goes, as job-<id>/.",
    ),
    click.option("--no-report", is_flag=True, help="Write no completion report."),
    report_scope_option,
    click.option(
        "--log",
        metavar="FILE",
        help="Where the function's own output goes; - is standard error.  [default: job-<id>.log "
        "beside the report]",
    ),
    click.option(
        "--state",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Keep what is needed to resume the job in a folder, until it is over.",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="With --state alone: go on with the job that was cut off there, as it was begun.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    quiet_option,
)


# ---------------------------------------------------------------- slips of the pen


def _check_resume(context: click.Context) -> None:
    """Refuse what would contradict what the run was begun with."""
    if context.params["state"] is None:
        raise click.UsageError("--resume goes with --state, the folder of the job")
    for name in context.params.keys() - _WITH_RESUME:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = "HANDLER" if name == "handler" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"--resume goes on with what was asked for: leave out {option}")


_WITH_RESUME: Final = {"resume", "state", "workers", "as_json", "quiet"}


def _check(options: RunOptions) -> None:
    """Find what is wrong before a long manifest is read.

    Whether the function can be loaded shows when it is.
    """
    schema_for(options.schema, options.arguments)
    if options.handler is None:
        raise click.UsageError("say which function: HANDLER")
    _check_handler(options.handler, options)
    if not (options.manifest or options.source or options.bucket):
        raise click.UsageError("say which objects: --manifest, --source or --bucket")
    if options.manifest and options.bucket and not options.source:
        raise click.UsageError("--manifest or --bucket: one of them says which objects")
    if options.manifest and options.prefix:
        raise click.UsageError("--prefix goes with --bucket or --source, not with --manifest")
    if options.fields and not options.manifest:
        raise click.UsageError("--fields goes with --manifest")
    if options.output and not options.source:
        raise click.UsageError("--output goes with --source")
    if options.source and options.bucket:
        _check_bucket_name(options.bucket)
    if options.endpoint_url and options.source:
        raise click.UsageError("--source brings an S3 of its own: leave out --endpoint-url")
    if not (options.no_report or is_s3_url(options.report)):
        _check_folder(options, Path(options.report), "--report")
    if options.save_manifest is not None:
        if options.manifest:
            raise click.UsageError("--save-manifest: there is one already, that of --manifest")
        check_file(options.save_manifest, "--save-manifest")
    if options.output and options.state:
        raise click.UsageError("--output is saved at the end only: it cannot go with --state")
    options.outputs()


def _check_folder(options: RunOptions, folder: Path, option: str) -> None:
    """Look at a folder that the job writes to."""
    if options.source is not None and folder.resolve() == options.source.resolve():
        raise click.UsageError(f"{option} {folder}: that is --source; give it a folder of its own")
    check_writable(folder, option)


def _check_handler(handler: str, options: RunOptions) -> None:
    try:
        check_target(handler)
    except InvalidFunction as error:
        raise UsageProblem(str(error)) from error
    if options.source and is_elsewhere(handler):
        raise click.UsageError(
            "--source starts a local S3, which a function elsewhere cannot reach"
        )
    if options.log and is_elsewhere(handler):
        raise click.UsageError("--log: the log of a function elsewhere is kept there")


def _check_bucket_name(name: str) -> None:
    if not _BUCKET_NAME.fullmatch(name):
        raise click.UsageError(
            f"{name!r} is no name of a bucket: 3 to 63 lowercase letters, digits, dots, hyphens"
        )


_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
