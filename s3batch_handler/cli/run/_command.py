"""``s3batch run``: run a job on this machine."""

from __future__ import annotations

import sys
import uuid
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

import click

from s3batch_handler.cli._manifest_files import list_manifest, open_manifest, save_manifest
from s3batch_handler.cli._options import InvalidArgument
from s3batch_handler.cli._output import INTERRUPTED, end_terminal_line, print_message
from s3batch_handler.cli._progress import show_progress
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.run._function_log import function_log
from s3batch_handler.cli.run._options import RunOptions, run_options
from s3batch_handler.cli.run._outputs import save_output, warn_of_loss, warn_of_unsaved
from s3batch_handler.cli.run._report import new_report
from s3batch_handler.cli.run._saved_run import SavedRun
from s3batch_handler.cli.run._summary import print_summary
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import JobRef
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.run._cancellation import (
    RunControl,
    cancel_on_first_interrupt,
    signals_as_ctrl_c,
)
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.engine.state._state_folder import disk_errors_as_state_error
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from s3batch_handler.cli._s3 import S3
    from s3batch_handler.documents._report_writer import ReportWriter
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.local_aws._folder_server import EmbeddedS3


@click.command()
@run_options
def run(options: RunOptions) -> None:
    """Run HANDLER on every object of a manifest, a folder or a bucket, and write the report.

    HANDLER is module:name or path/to/app.py:name. It is called as in Lambda: in worker processes,
    one call at a time in each, which are killed at the timeout. Or HANDLER is the URL of a running
    function (sam local start-lambda, the runtime interface emulator), or the ARN of a function.

    \b
        s3batch run app.py:handler --source photos/
        s3batch run app.py:handler --manifest manifest.csv --arguments target=thumbnails
        s3batch run app.py:handler --bucket my-bucket --prefix 2024/ --report s3://reports/
        s3batch run http://127.0.0.1:3001/2015-03-31/functions/MyFunction/invocations --manifest …
    """
    sys.exit(_run(options))


def _run(options: RunOptions) -> int:
    """Run the job, and return the exit code."""
    with ExitStack() as stack:
        stack.enter_context(signals_as_ctrl_c())
        saved = stack.enter_context(_saved_run(options))
        job_id = str(uuid.uuid4())
        if saved is not None and options.resume:
            job_id, options = saved.asked["job_id"], options.as_begun(saved.asked)
        outputs = options.outputs()
        server = stack.enter_context(_embedded_s3(options, outputs))
        stack.enter_context(_reporting_interruption(saved, server))
        s3 = server or RemoteS3(options.endpoint_url)
        report = new_report(
            options.report_location,
            options.report_scope,
            job_id,
            s3,
            keep_here=saved is None,  # or else --resume writes it
        )
        if saved is not None and options.resume:
            manifest = stack.enter_context(saved.manifest())
        else:
            with nullcontext() if saved is None else disk_errors_as_state_error(saved.folder):
                manifest = stack.enter_context(_manifest(options, s3, saved))
                if saved is not None:
                    saved.begin({"job_id": job_id, **asdict(options)}, manifest)
            if options.save_manifest is not None:
                save_manifest(manifest, str(options.save_manifest), s3)
        log = stack.enter_context(
            function_log(options.log, options.report_location, job_id, quiet=options.quiet)
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
        not_saved = {} if server is None else server.written()
        try:
            outputs_are_saved = [
                save_output(server, bucket, folder, not_saved, quiet=options.quiet)
                for bucket, folder in outputs.items()
                if server is not None
            ]
        finally:  # even if a Ctrl-C ends the saving
            print_summary(job, log=log.location, not_saved=not_saved, as_json=options.as_json)
        if server is not None:
            # save_output has reported the objects of outputs.
            lost = {name: count for name, count in not_saved.items() if name not in outputs}
            warn_of_loss(lost, server.deleted(), options)
        if saved is not None:
            _end(saved, job, options)
    if job.status in (JobStatus.CANCELLED, JobStatus.PAUSED):
        return INTERRUPTED
    succeeded = job.status is JobStatus.COMPLETE and not job.progress.failed
    return 0 if succeeded and all(outputs_are_saved) else 1


def _run_job(
    options: RunOptions,
    *,
    job_id: str,
    manifest: PreparedManifest,
    s3: S3,
    report: ReportWriter | None,
    log: BinaryIO | None,
    saved: SavedRun | None,
) -> JobResult:
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
            show_progress(manifest.count, quiet=options.quiet, owns_terminal=log is not None)
        )
        control = RunControl()
        if saved is not None:  # or else Ctrl-C cancels the job
            stack.enter_context(cancel_on_first_interrupt(control.pause))
        try:
            return run_job(
                manifest.entries(),
                invoker,
                JobSettings(
                    job=JobRef(id=job_id, arguments=options.arguments),
                    schema_version=options.schema_version,
                    max_redrives=options.max_redrives,
                    total=manifest.count,
                ),
                report=report,
                on_progress=on_progress,
                journal=None if saved is None else stack.enter_context(saved.journal()),
                control=control,
            )
        except InvalidFunction as error:  # no task was run
            if saved is not None and not options.resume:
                saved.end()
            raise InvalidArgument(str(error)) from error


# ---------------------------------------------------------------- runs that can be resumed


def _saved_run(options: RunOptions) -> AbstractContextManager[SavedRun | None]:
    if options.state is None:
        return nullcontext()
    return SavedRun.open(options.state, resume=options.resume)


@contextmanager
def _reporting_interruption(saved: SavedRun | None, server: EmbeddedS3 | None) -> Iterator[None]:
    """Report what is lost and what is kept when a Ctrl-C ends everything at once."""
    try:
        yield
    except KeyboardInterrupt:
        end_terminal_line()
        if server is not None:
            warn_of_unsaved(server)
        if saved is not None and saved.can_be_resumed:
            print_message(f"the job is kept; to resume it: {saved.resume_command}")
        raise


def _end(saved: SavedRun, job: JobResult, options: RunOptions) -> None:
    """Remove the state of a run that has ended and has its report."""
    if job.status is JobStatus.PAUSED:
        print_message(f"the job is paused; to resume it: {saved.resume_command}")
    elif job.report is None and job.progress.done and not options.no_report:
        print_message(f"the job is kept: {saved.resume_command} writes the report")
    else:
        saved.end()


# ---------------------------------------------------------------- S3 and manifest


def _embedded_s3(
    options: RunOptions, outputs: Mapping[str, Path]
) -> AbstractContextManager[EmbeddedS3 | None]:
    if options.source is None:
        return nullcontext()
    from s3batch_handler.local_aws._folder_server import serve_folder  # moto takes a second to come

    return serve_folder(
        options.source,
        options.bucket_name,
        empty_buckets=outputs.keys() - {options.bucket_name},
        leave_out=options.written_paths(),
    )


def _manifest(
    options: RunOptions, s3: S3, saved: SavedRun | None
) -> AbstractContextManager[PreparedManifest]:
    keep = None if saved is None else saved.manifest_file
    if options.manifest:
        return open_manifest(options.manifest, options.fields, s3, keep=keep)
    return list_manifest(options.bucket_name, options.prefix, s3, keep=keep, quiet=options.quiet)
