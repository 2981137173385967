"""``s3batch run``: run a job on this machine."""

from __future__ import annotations

import sys
import tempfile
import uuid
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._env_file import read_env_file
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._manifest_files import list_manifest, open_manifest, save_manifest
from s3batch_handler.cli._notify import EndedJob, notify
from s3batch_handler.cli._options import schema_for
from s3batch_handler.cli._s3 import RemoteS3
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.run._dask import dask_pool
from s3batch_handler.cli.run._dry_run import dry_run
from s3batch_handler.cli.run._function_log import function_log
from s3batch_handler.cli.run._next_commands import next_commands
from s3batch_handler.cli.run._options import RunOptions, run_options
from s3batch_handler.cli.run._outputs import save_output, warn_of_loss, warn_of_unsaved
from s3batch_handler.cli.run._report import FailedRows, new_report
from s3batch_handler.cli.run._save_job_record import objects_of_run, save_job_record
from s3batch_handler.cli.run._save_run_record import save_run_record
from s3batch_handler.cli.run._saved_run import SavedRun
from s3batch_handler.cli.run._selection import EmptyPart, Selection, part_of_manifest, sampled
from s3batch_handler.cli.run._summary import print_summary, summary_json
from s3batch_handler.cli.terminal._output import (
    INTERRUPTED,
    end_terminal_line,
    print_json,
    print_message,
)
from s3batch_handler.cli.terminal._progress import show_progress
from s3batch_handler.core._errors import InvalidFunction, WorkersLost
from s3batch_handler.core._model import JobRef
from s3batch_handler.documents.manifests._part import Part
from s3batch_handler.documents.manifests._sample import new_seed
from s3batch_handler.documents.reports._rows import TaskStatus
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.run._cancellation import (
    RunControl,
    on_first_interrupt,
)
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from s3batch_handler.engine.state._state_folder import disk_errors_as_state_error
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from s3batch_handler.cli._s3 import S3
    from s3batch_handler.cli.run._failed_from import FailedTasks
    from s3batch_handler.cli.run._function_log import FunctionLog
    from s3batch_handler.cli.run._watched_run import WatchedRun
    from s3batch_handler.documents.reports._writer import ReportWriter
    from s3batch_handler.engine.invoke._invoker import Invoker
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.engine.run._ledger import JobResult
    from s3batch_handler.local_aws._folder_server import EmbeddedS3


@click.command(cls=Command)
@run_options
def run(options: RunOptions) -> None:
    r"""Run HANDLER on every object of a manifest, a folder or a bucket, and write the report.

    HANDLER is module:name or path/to/app.py:name. It is called as in Lambda: in worker processes,
    one call at a time in each, which are killed at the timeout. Or HANDLER is the URL of a running
    function (sam local start-lambda, the runtime interface emulator), or the ARN of a function.

    Examples:
        s3batch run app.py:handler --source photos/
        s3batch run app.py:handler --manifest manifest.csv \
            --arguments target=thumbnails
        s3batch run app.py:handler --bucket my-bucket \
            --prefix 2024/ --report s3://reports/
        s3batch run app.py:handler --manifest manifest.csv \
            --sample 100 --tolerate 5%
        s3batch run http://127.0.0.1:3001/… --manifest …
        s3batch run --failed-from s3batch-reports/job-…
    """
    try:
        sys.exit(_run(options))
    except EmptyPart:
        _print_empty_part(options)


def _print_empty_part(options: RunOptions) -> None:
    """Report that there is nothing to do: the manifest has fewer lines than parts."""
    print_message(f"part {options.part} of {options.manifest} has no lines: nothing to do")
    if options.as_json:
        counts = {"total": 0, "succeeded": 0, "failed": 0}
        print_json({"status": JobStatus.COMPLETE.value, **counts, "report": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run of a job.

    Attributes:
        options: The options of the command line, or those that were saved.
        saved: What is saved of the run; ``None`` without ``--state``.
        server: The local S3 of ``--source``.
        s3: The S3 that has the objects.
        variables: The environment variables of the function, beside those of this process.
        failed: The tasks of ``--failed-from``.
        redrive_of: The ID of the job in which these tasks failed.
    """

    job_id: str
    created: datetime
    options: RunOptions
    saved: SavedRun | None
    server: EmbeddedS3 | None
    s3: S3
    variables: Mapping[str, str]
    failed: FailedTasks | None
    redrive_of: str | None


def _run(options: RunOptions) -> int:
    """Run the job, and return the exit code."""
    with ExitStack() as stack:
        run = stack.enter_context(_open_run(options))
        options = run.options
        if options.dry_run:
            dry_run(options, run.s3, run.variables, _read_manifest(run, None))
            return 0
        report = new_report(
            options.report_location,
            options.report_scope,
            run.job_id,
            run.s3,
            keep_here=run.saved is None,  # or else --resume writes it
        )
        page = stack.enter_context(_page(run))
        manifest = stack.enter_context(_open_manifest(run))
        log = stack.enter_context(
            function_log(options.log, options.report_location, run.job_id, quiet=options.quiet)
        )
        if page is not None:
            page.begin(objects_of_run(options, manifest), manifest.count)
        started = datetime.now(UTC)
        job = _run_job(run, manifest, report, log, page)
        save_job_record(
            job,
            options,
            manifest,
            run.s3,
            created=run.created,
            redrive_of=run.redrive_of,
            cancel_reason=None if page is None else page.cancel_reason,
        )
        save_run_record(job, options, run.s3, created=run.created, started=started)
        if page is not None:
            page.end(job, next_commands(job, options, run.saved))
        facts: dict[str, Any] = {
            "log": log.location,
            "selection": Selection.of(options, manifest),
            "not_saved": run.server.written() if run.server else {},
        }
        if options.notify is not None:
            stack.callback(_notify, options.notify, job, facts)  # also if what follows fails
        outputs_are_saved = _save_outputs(run, job, facts)
        if run.saved is not None:
            _end(run.saved, job, options)
    if job.status in (JobStatus.CANCELLED, JobStatus.PAUSED):
        return INTERRUPTED
    succeeded = job.status is JobStatus.COMPLETE and not job.progress.failed
    return 0 if succeeded and outputs_are_saved else 1


@contextmanager
def _open_run(options: RunOptions) -> Iterator[_Run]:
    with ExitStack() as stack:
        saved = None
        job_id, created = str(uuid.uuid4()), datetime.now(UTC)
        failed = _find_failed_tasks(options)
        redrive_of = None if failed is None else failed.job_id
        if options.state is not None:
            saved = stack.enter_context(SavedRun.open(options.state, resume=options.resume))
            if options.resume:
                job_id = saved.options["job_id"]
                created = datetime.fromisoformat(saved.options.get("created") or str(created))
                redrive_of = saved.options.get("redrive_of")
                options = options.resumed_from(saved.options)
        if failed is not None:
            options = failed.completed(options)
        if options.sample is not None and options.seed is None:
            options = replace(options, seed=new_seed())
        server = stack.enter_context(_embedded_s3(options))
        stack.enter_context(_reporting_interruption(saved, server))
        s3, variables = _s3_and_variables(options, server)
        yield _Run(
            job_id=job_id,
            created=created,
            options=options,
            saved=saved,
            server=server,
            s3=s3,
            variables=variables,
            failed=failed,
            redrive_of=redrive_of,
        )


def _find_failed_tasks(options: RunOptions) -> FailedTasks | None:
    """Find the report of ``--failed-from``, unless a job is resumed."""
    if options.failed_from is None or options.resume:
        return None
    from s3batch_handler.cli.run._failed_from import FailedTasks  # a slow import

    return FailedTasks.find(options.failed_from, options)


def _run_job(
    run: _Run,
    manifest: PreparedManifest,
    report: ReportWriter | None,
    log: FunctionLog,
    page: WatchedRun | None,
) -> JobResult:
    options, saved = run.options, run.saved
    assert options.handler is not None
    with ExitStack() as stack:
        invoker: Invoker
        if options.dask is not None:
            invoker = dask_pool(options, run.variables, log)
        else:
            invoker = invoker_for(
                options.handler,
                workers=options.workers,
                timeout=options.timeout,
                variables=run.variables,
                profile=options.profile,
                log=log.stream if page is None else stack.enter_context(page.log.recorded(log)),
            )
        on_progress = stack.enter_context(
            show_progress(manifest.count, quiet=options.quiet, owns_terminal=log.stream is not None)
        )
        control = RunControl() if page is None else page.control
        journal = stack.enter_context(_journal(run, page, stack))
        # A journal that is resumed may lack the rows of tasks that were run without a page.
        kept_rows = FailedRows() if page is not None and saved is None else None
        if saved is not None:  # or else Ctrl-C cancels the job
            stack.enter_context(on_first_interrupt(control.pause))
        try:
            job = run_job(
                manifest.lines(),
                invoker,
                JobSettings(
                    job=JobRef(id=run.job_id, arguments=options.arguments),
                    schema_version=schema_for(options.schema, options.arguments),
                    max_redrives=options.max_redrives,
                    total=manifest.count,
                    threshold=FailureThreshold.parse(options.tolerate),
                    can_resume=saved is not None,
                ),
                report=report or kept_rows,
                on_progress=on_progress if page is None else page.followed(on_progress),
                journal=journal,
                control=control,
                observer=None if page is None else page.observer,
            )
        except InvalidFunction as error:  # no task was run
            if saved is not None and not options.resume:
                saved.end()
            raise InvalidArgument(str(error)) from error
        except WorkersLost as error:
            if not journal.answered:  # no task was run
                if saved is not None and not options.resume:
                    saved.end()
                raise InvalidArgument(str(error)) from error
            if saved is not None:
                end_terminal_line()
                print_message(f"the job is saved; to resume it: {saved.resume_command}")
            raise
        if page is not None:
            page.failed_tasks.keep(journal.rows(TaskStatus.FAILED), job)
            if job.status is JobStatus.CANCELLED and page.cancel_reason:
                return replace(job, reason=page.cancel_reason)
        return job


def _journal(run: _Run, page: WatchedRun | None, stack: ExitStack) -> Journal:
    """Open the journal of the job; a page also reads its file."""
    if page is None:
        return Journal() if run.saved is None else run.saved.journal()
    if run.saved is not None:
        page.failed_tasks.journal_file = run.saved.journal_file
        return run.saved.journal()
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="s3batch-run-"))
    page.failed_tasks.journal_file = Path(folder, "journal")
    return Journal(page.failed_tasks.journal_file)


def _page(run: _Run) -> AbstractContextManager[WatchedRun | None]:
    """Serve the page of the job, if it is requested."""
    if not run.options.page:
        return nullcontext()
    from s3batch_handler.cli.run._page import served_page  # a slow import

    return served_page(
        run.options, job_id=run.job_id, created=run.created, redrive_of=run.redrive_of
    )


def _save_outputs(run: _Run, job: JobResult, facts: dict[str, Any]) -> bool:
    """Save outputs, print the summary, report lost objects; return whether all could be saved.

    ``facts`` are those of the summary; objects that are saved are subtracted from ``not_saved``.
    """
    options, server, not_saved = run.options, run.server, facts["not_saved"]
    outputs = options.outputs()
    try:
        are_saved = [
            save_output(server, bucket, folder, not_saved, quiet=options.quiet)
            for bucket, folder in outputs.items()
            if server
        ]
    finally:  # even if a Ctrl-C ends the saving
        print_summary(
            job,
            **facts,
            function=options.function_words(),
            connection=options.connection_words(),
            as_json=options.as_json,
        )
    if server:
        # save_output has reported the objects of outputs.
        lost = {name: count for name, count in not_saved.items() if name not in outputs}
        warn_of_loss(lost, server.deleted(), options)
    return all(are_saved)


def _notify(command: str, job: JobResult, facts: Mapping[str, Any]) -> None:
    """Run the command of ``--notify``, unless the job is only paused."""
    if job.status is not JobStatus.PAUSED:
        ended = EndedJob(
            job_id=job.job_id,
            status=job.status,
            progress=job.progress,
            report=job.report,
            reason=job.reason,
            summary=summary_json(job, **facts),
        )
        notify(command, ended)


# ---------------------------------------------------------------- runs that can be resumed


@contextmanager
def _reporting_interruption(saved: SavedRun | None, server: EmbeddedS3 | None) -> Iterator[None]:
    """Report what is lost and what is kept when a Ctrl-C ends the command immediately."""
    try:
        yield
    except KeyboardInterrupt:
        end_terminal_line()
        if server is not None:
            warn_of_unsaved(server)
        if saved is not None and saved.can_be_resumed:
            print_message(f"the job is saved; to resume it: {saved.resume_command}")
        raise


def _end(saved: SavedRun, job: JobResult, options: RunOptions) -> None:
    """Remove the state of a run that has ended and has its report."""
    if job.status is JobStatus.PAUSED:
        print_message(f"the job is paused; to resume it: {saved.resume_command}")
    elif job.report is None and job.progress.done and not options.no_report:
        print_message(f"the job is saved; to write the report: {saved.resume_command}")
    else:
        saved.end(job)


# ---------------------------------------------------------------- S3 and manifest


def _embedded_s3(options: RunOptions) -> AbstractContextManager[EmbeddedS3 | None]:
    if options.source is None:
        return nullcontext()
    from s3batch_handler.local_aws._folder_server import serve_folder  # importing moto takes 1 s

    return serve_folder(
        options.source,
        options.bucket_name,
        empty_buckets=options.outputs().keys() - {options.bucket_name},
        leave_out=options.written_paths(),
    )


def _s3_and_variables(options: RunOptions, server: EmbeddedS3 | None) -> tuple[S3, dict[str, str]]:
    """Return the S3 of a run, and the environment variables of the function."""
    from_file = read_env_file(options.env_file) if options.env_file else {}
    if server is not None:  # a function must not reach AWS instead
        return server, {**from_file, **server.environment}
    remote = RemoteS3(options.endpoint_url, profile=options.profile, region=options.region)
    remote.check_profile()
    return remote, {**remote.environment, **from_file}


@contextmanager
def _open_manifest(run: _Run) -> Iterator[PreparedManifest]:
    """Read the manifest, or open the saved one; with ``--state``, save it with the options."""
    options, saved = run.options, run.saved
    with ExitStack() as stack:
        if saved is not None and options.resume:
            manifest = stack.enter_context(saved.manifest())
        elif saved is not None:
            with disk_errors_as_state_error(saved.folder):
                manifest = stack.enter_context(_read_manifest(run, saved.manifest_file))
                facts: dict[str, Any] = {"job_id": run.job_id, "created": run.created.isoformat()}
                facts["redrive_of"] = run.redrive_of
                saved.begin({**facts, **asdict(options)}, manifest)
        else:
            manifest = stack.enter_context(_read_manifest(run, None))
        if (selection := Selection.of(options, manifest)) and not options.quiet:
            print_message(str(selection))
        if options.save_manifest is not None and not options.resume:
            save_manifest(manifest, str(options.save_manifest), run.s3)
        yield manifest


def _read_manifest(run: _Run, save_as: Path | None) -> AbstractContextManager[PreparedManifest]:
    options = run.options
    if options.part is not None:
        whole = _read_manifest(replace(run, options=replace(options, part=None)), None)
        return part_of_manifest(whole, Part.parse(options.part), save_as=save_as)
    if options.sample is not None:
        whole = _read_manifest(replace(run, options=replace(options, sample=None)), None)
        return sampled(whole, options, save_as=save_as)
    how: Any = {"limit": options.limit, "save_as": save_as}
    if run.failed is not None:
        return run.failed.manifest(options, run.s3, **how)
    if options.manifest:
        return open_manifest(options.manifest, options.fields, run.s3, **how)
    bucket, prefix = options.bucket_name, options.prefix
    return list_manifest(bucket, prefix, run.s3, quiet=options.quiet, **how)
