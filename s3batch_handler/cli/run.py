"""``s3batch run``: a whole job on this machine."""

from __future__ import annotations

import re
import sys
import uuid
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click
from click.core import ParameterSource

from s3batch_handler.cli.job_io import (
    DEFAULT_REPORTS,
    S3,
    RemoteS3,
    check_writable,
    function_log,
    given_manifest,
    in_s3,
    listed_manifest,
    new_report,
    save_output,
)
from s3batch_handler.cli.options import (
    UsageProblem,
    arguments_option,
    endpoint_url_option,
    schema_for,
    schema_option,
)
from s3batch_handler.cli.output import say
from s3batch_handler.cli.progress import show_progress
from s3batch_handler.cli.saved_run import SavedRun
from s3batch_handler.cli.signals import ended_like_ctrl_c
from s3batch_handler.cli.summary import show_summary
from s3batch_handler.engine.runner import run_job
from s3batch_handler.engine.targets import check_target, invoker_for, is_elsewhere
from s3batch_handler.errors import InvalidFunction
from s3batch_handler.model import JobRef
from s3batch_handler.report import ReportScope
from s3batch_handler.status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from s3batch_handler.embedded_s3 import EmbeddedS3
    from s3batch_handler.engine.preparation import PreparedManifest
    from s3batch_handler.engine.runner import JobRun
    from s3batch_handler.report import ReportWriter


@click.command()
@click.argument("handler", metavar="HANDLER", required=False)
@click.option(
    "--manifest",
    metavar="FILE",
    help="A CSV manifest: a file, an s3:// URL, or - for standard input. Or the manifest.json of "
    "an S3 Inventory.",
)
@click.option("--fields", metavar="NAMES", help="The manifest's columns: Bucket,Key,Ignore,…")
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to serve as a bucket, by an S3 server of our own; all its files without "
    "--manifest.",
)
@click.option(
    "--output",
    metavar="BUCKET=DIR",
    multiple=True,
    help="With --source: an empty bucket to write to, saved to a folder at the end.",
)
@click.option("--bucket", metavar="NAME", help="All objects of a bucket; or what to call --source.")
@click.option("--prefix", default="", help="Only objects whose key begins so.")
@endpoint_url_option("The S3 to use, for the function as well.")
@click.option(
    "--save-manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the manifest that is made of --source or --bucket.",
)
@arguments_option
@schema_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Function calls at a time.  [default: one per processor; 1 at an address, 10 for an ARN]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="The function's timeout in seconds.  [default: 60; 900 for a function elsewhere]",
)
@click.option(
    "--max-redrives",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Further tries for a task that failed temporarily.",
)
@click.option(
    "--report",
    metavar="DIR|s3://…",
    default=DEFAULT_REPORTS,
    show_default=True,
    help="Where the completion report goes, as job-<id>/.",
)
@click.option("--no-report", is_flag=True, help="Write no completion report.")
@click.option(
    "--report-scope",
    type=click.Choice([scope.value for scope in ReportScope]),
    default=ReportScope.ALL_TASKS.value,
    show_default=True,
    help="Which tasks the report tells of.",
)
@click.option(
    "--log",
    metavar="FILE",
    help="Where the function's own output goes; - is standard error.  [default: job-<id>.log "
    "beside the report]",
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep what is needed to resume the job in a folder, until it is over.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="With --state alone: go on with the job that was cut off there, as it was begun.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, no talk.")
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Run HANDLER on every object of a manifest, a folder or a bucket, and write the report.

    HANDLER is module:name or path/to/app.py:name. It is called as in Lambda: in processes of its
    own, one call at a time each, ended when its timeout is over. Or it is the address of a function
    that runs already (sam local start-lambda, the runtime interface emulator), or a function's ARN.

    \b
        s3batch run app.py:handler --source photos/
        s3batch run app.py:handler --manifest manifest.csv --arguments target=thumbnails
        s3batch run app.py:handler --bucket my-bucket --prefix 2024/ --report s3://reports/
        s3batch run http://127.0.0.1:3001/2015-03-31/functions/MyFunction/invocations --manifest …
    """  # noqa: D301  not raw: click's mark is a backspace
    if options["resume"]:
        _check_resume(context)
    sys.exit(_run(_Options(**options)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
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


def _run(options: _Options) -> int:
    """Do it all; give the exit code."""
    if not options.resume:
        _check(options)
    with ExitStack() as stack:
        stack.enter_context(ended_like_ctrl_c())
        saved = stack.enter_context(_saved_run(options))
        job_id = str(uuid.uuid4())
        if saved is not None and options.resume:
            job_id, options = _as_begun(saved.asked, options)
        outputs = _outputs(options)
        server = stack.enter_context(_embedded_s3(options, outputs))
        s3 = server or RemoteS3(options.endpoint_url)
        report = new_report(
            *(_report_location(options), options.report_scope, job_id, s3),
            keep_here=saved is None,  # or else --resume writes it
        )
        if report is not None:
            stack.callback(report.discard)  # unless it is written
        if saved is not None and options.resume:
            manifest = stack.enter_context(saved.manifest())
        else:
            manifest = stack.enter_context(_manifest(options, s3, saved))
            if saved is not None:
                saved.begin({"job_id": job_id, **asdict(options)}, manifest)
            if options.save_manifest is not None:
                manifest.save(options.save_manifest)
        log = stack.enter_context(
            function_log(options.log, _report_location(options), job_id, quiet=options.quiet)
        )
        job = _run_job(
            options,
            job_id=job_id,
            manifest=manifest,
            s3=s3,
            report=report,
            log=log.stream,
            saved=saved,
        )
        show_summary(job, log=log.location, as_json=options.as_json)
        if saved is not None:
            _end(saved, job, options)
        outputs_are_saved = [
            save_output(server, bucket, folder, quiet=options.quiet)
            for bucket, folder in outputs.items()
            if server is not None
        ]
    succeeded = job.status is JobStatus.COMPLETE and not job.progress.failed
    return 0 if succeeded and all(outputs_are_saved) else 1


def _run_job(
    options: _Options,
    *,
    job_id: str,
    manifest: PreparedManifest,
    s3: S3,
    report: ReportWriter | None,
    log: BinaryIO | None,
    saved: SavedRun | None,
) -> JobRun:
    assert options.handler is not None
    invoker = invoker_for(
        options.handler,
        workers=options.workers,
        timeout=options.timeout,
        env=s3.environment,
        log=log,
    )
    with ExitStack() as stack:
        on_progress = stack.enter_context(
            show_progress(manifest.count, quiet=options.quiet, alone=log is not None)
        )
        try:
            return run_job(
                manifest.entries(),
                invoker,
                job=JobRef(id=job_id, arguments=options.arguments),
                schema_version=schema_for(options.schema, options.arguments),
                max_redrives=options.max_redrives,
                report=report,
                total=manifest.count,
                on_progress=on_progress,
                journal=None if saved is None else stack.enter_context(saved.journal()),
            )
        except InvalidFunction as error:  # no task was run
            if saved is not None and not options.resume:
                saved.end()
            raise UsageProblem(str(error)) from error


# ---------------------------------------------------------------- runs that can be resumed


def _saved_run(options: _Options) -> AbstractContextManager[SavedRun | None]:
    if options.state is None:
        return nullcontext()
    return SavedRun.open(options.state, resume=options.resume)


def _as_begun(asked: Mapping[str, Any], options: _Options) -> tuple[str, _Options]:
    """Give the job and the options that a run was begun with."""
    asked = {name: asked[name] for name in ("job_id", *_Options.__annotations__)}
    job_id = asked.pop("job_id")
    paths = {name: asked[name] and Path(asked[name]) for name in ("source", "save_manifest")}
    begun = _Options(**{**asked, **paths})
    return job_id, replace(
        begun,
        resume=True,
        state=options.state,
        workers=options.workers or begun.workers,
        as_json=options.as_json,
        quiet=options.quiet,
    )


_ALONE: Final = {"resume", "state", "workers", "as_json", "quiet"}


def _check_resume(context: click.Context) -> None:
    """Refuse what would contradict what the run was begun with."""
    if context.params["state"] is None:
        raise click.UsageError("--resume goes with --state, the folder of the job")
    for name in context.params.keys() - _ALONE:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = "HANDLER" if name == "handler" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"--resume goes on with what was asked for: leave out {option}")


def _end(saved: SavedRun, job: JobRun, options: _Options) -> None:
    """Let go of a run that is over, and has its report."""
    if job.report is None and job.progress.done and not options.no_report:
        say(f"the job is kept: s3batch run --resume --state {saved.folder} writes the report")
        return
    saved.end()


# ---------------------------------------------------------------- S3 and manifest


def _embedded_s3(
    options: _Options, outputs: Mapping[str, Path]
) -> AbstractContextManager[EmbeddedS3 | None]:
    if options.source is None:
        return nullcontext()
    from s3batch_handler.embedded_s3 import serve_folder  # moto takes a second to come

    return serve_folder(
        options.source,
        _bucket(options),
        empty_buckets=outputs,
        leave_out=_written(options, outputs.values()),
    )


def _written(options: _Options, outputs: Iterable[Path]) -> Iterator[Path]:
    """Give what jobs write: where one has run before, that is no input of the next."""
    yield Path(DEFAULT_REPORTS)
    if not in_s3(options.report):
        yield Path(options.report)
    if options.log is not None:
        yield Path(options.log)
    if options.save_manifest is not None:
        yield options.save_manifest
    if options.state is not None:
        yield options.state
    yield from outputs


def _bucket(options: _Options) -> str:
    if options.source is None or options.bucket:
        return options.bucket or ""
    from s3batch_handler.embedded_s3 import bucket_name_for

    return bucket_name_for(options.source)


def _manifest(
    options: _Options, s3: S3, saved: SavedRun | None
) -> AbstractContextManager[PreparedManifest]:
    keep = None if saved is None else saved.manifest_file
    if options.manifest:
        return given_manifest(options.manifest, options.fields, s3, keep=keep)
    return listed_manifest(_bucket(options), options.prefix, s3, keep=keep)


def _report_location(options: _Options) -> str | None:
    return None if options.no_report else options.report


# ---------------------------------------------------------------- slips of the pen


def _check(options: _Options) -> None:
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
    if not (options.no_report or in_s3(options.report)):
        _check_folder(options, Path(options.report), "--report")
    if options.save_manifest is not None:
        if options.manifest:
            raise click.UsageError("--save-manifest: there is one already, that of --manifest")
        check_writable(options.save_manifest.parent, "--save-manifest")
    if options.output and options.state:
        raise click.UsageError("--output is saved at the end only: it cannot go with --state")
    _outputs(options)


def _check_folder(options: _Options, folder: Path, option: str) -> None:
    """Look at a folder that the job writes to."""
    if options.source is not None and folder.resolve() == options.source.resolve():
        raise click.UsageError(f"{option} {folder}: that is --source; give it a folder of its own")
    check_writable(folder, option)


def _check_handler(handler: str, options: _Options) -> None:
    try:
        check_target(handler)
    except InvalidFunction as error:
        raise UsageProblem(str(error)) from error
    if options.source and is_elsewhere(handler):
        raise click.UsageError("--source brings an S3 that a function elsewhere cannot reach")
    if options.log and is_elsewhere(handler):
        raise click.UsageError("--log: the log of a function elsewhere is kept there")


def _outputs(options: _Options) -> dict[str, Path]:
    outputs: dict[str, Path] = {}
    for pair in options.output:
        bucket, equals, folder = pair.partition("=")
        if not (bucket and equals and folder):
            raise click.UsageError(f"--output {pair}: write BUCKET=DIR")
        _check_bucket_name(bucket)
        if bucket in outputs or bucket == _bucket(options):
            raise click.UsageError(f"--output {pair}: there is another bucket {bucket}")
        _check_folder(options, Path(folder), "--output")
        outputs[bucket] = Path(folder)
    return outputs


def _check_bucket_name(name: str) -> None:
    if not _BUCKET_NAME.fullmatch(name):
        raise click.UsageError(
            f"{name!r} is no name of a bucket: 3 to 63 lowercase letters, digits, dots, hyphens"
        )


_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
