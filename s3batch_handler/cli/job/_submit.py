"""``s3batch job submit``: create a job."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.job._end import show_end
from s3batch_handler.cli.job._submit_checks import check_function, check_manifest
from s3batch_handler.cli.job._submit_options import SubmitOptions, submit_options
from s3batch_handler.cli.job._watch import watch
from s3batch_handler.cli.terminal._output import print_data, print_json, print_message
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import bucket_and_key
from s3batch_handler.documents.manifests._manifest import read_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._stack_outputs import StackOutputs
    from s3batch_handler.jobs.files._job_file import JobFile


@click.command(cls=Command)
@submit_options
@service_options
def submit(options: SubmitOptions, services: AwsServices) -> None:
    r"""Create a job, and print its ID.

    Names of functions and roles are completed to ARNs. With --file, the options override the
    members of the job file. With --stack, the manifest can be a local CSV file, which is uploaded.
    With --failed-from, the options of the job are the defaults. With --sample, a job for a random
    sample of the manifest runs first, without confirmation. The job for the other objects is
    created only if no task of the sample failed.

    Exit code 1: with --wait, the job or any of its tasks failed; with --dry-run, AWS would refuse
    the request, or the job would fail; with --sample, a task of the sample failed. 3: the job could
    not be watched.

    Examples:
        s3batch job submit -f job.yaml --job-profile prod
        s3batch job submit --stack s3batch-compress \
            --manifest my.csv --arguments target=compressed
        s3batch job submit --manifest s3://my-bucket/my.csv \
            --function thumbnails --arguments width=80 \
            --role batch --report s3://my-bucket/reports
        s3batch job submit -f job.yaml --sample 100 --no-confirm
        s3batch job submit --failed-from JOB-ID
        s3batch job submit … --dry-run > job.json
        aws s3control create-job \
            --cli-input-json file://job.json
    """
    from s3batch_handler.cli.job._requested_job import requested_job  # a slow import

    stack = services.stack(options.stack) if options.stack else None
    if stack is not None:
        options = _with_stack(options, stack, services)
    if options.failed_from is not None:
        from s3batch_handler.cli.job._failed_from import with_failed_tasks

        options = with_failed_tasks(options, services, folder=stack and stack.manifests)
    submit_job(requested_job(options, stack=stack), options, services)


def submit_job(job: JobFile, options: SubmitOptions, services: AwsServices) -> None:
    """Create a job, or show what would be refused, and print the result."""
    services = services.for_job(job.request)
    if options.dry_run:
        from s3batch_handler.cli.job._dry_run import dry_run  # slow imports

        sys.exit(dry_run(job, services, as_json=options.as_json, quiet=options.quiet))
    spec = job.spec_for(services, etag=services.etag_of_manifest)
    if options.wait and options.confirm is None and spec.waits_for_confirmation:
        raise click.UsageError("Option --wait needs --no-confirm or --confirm.")
    check_function(spec, services)
    if options.etag is not None or job.has_etag:
        check_manifest(spec, services, is_etag_option=options.etag is not None)
    canary_id = None
    if options.sample is None:
        job_id = services.control.create_job(spec)
    else:
        from s3batch_handler.cli.job._canary import create_after_canary  # slow imports

        job_id, canary_id = create_after_canary(spec, options, services)
    canary = {} if canary_id is None else {"CanaryJobId": canary_id}
    if spec.waits_for_confirmation and not options.quiet:
        print_message(
            f"The job waits for confirmation: s3batch job confirm {escape_unprintable(job_id)}"
        )
    if not options.wait:
        _show_id(job_id, options, canary)
        return
    if not options.quiet:
        print_message(f"job {escape_unprintable(job_id)}")
    try:
        ended = watch(
            services,
            job_id,
            quiet=options.quiet,
            retry_for=options.retry_for,
            cancel_above=options.cancel_above,
        )
    except (Exception, KeyboardInterrupt):
        _show_id(job_id, options, canary)  # the job continues
        raise
    sys.exit(
        show_end(
            ended,
            as_json=options.as_json,
            options=services.options,
            command=options.notify,
            more=canary,
        )
    )


def _show_id(job_id: str, options: SubmitOptions, canary: Mapping[str, str]) -> None:
    if options.as_json:
        print_json({"JobId": job_id, **canary})
    else:
        print_data(escape_unprintable(job_id))


def _with_stack(
    options: SubmitOptions, stack: StackOutputs, services: AwsServices
) -> SubmitOptions:
    """Return the options with defaults from the stack; upload a local manifest to its bucket.

    A job file has precedence over the stack, so its members are completed later.
    """
    if options.file is None:
        function = stack.function if options.operation is None else None
        report = None if options.no_report else stack.reports
        options = replace(
            options,
            function=options.function or function,
            role=options.role or stack.role,
            report=options.report or report,
        )
    if not options.manifest_is_local:
        return options
    path = Path(options.manifest or "")
    fields = _fields_of(path, options.fields)
    url = f"{stack.manifests}/{path.name}"
    bucket, key = bucket_and_key(url)
    version = services.put(path, bucket=bucket, key=key)
    return replace(options, manifest=url, manifest_version_id=version, fields=fields)


def _fields_of(path: Path, fields: str | None) -> str:
    """Return the columns of a manifest: those of ``--fields``, or those of its first line.

    Raises:
        ManifestError: The line is not valid, or has other columns than ``--fields``.
    """
    from s3batch_handler.jobs.files._shorthands import DEFAULT_FIELDS  # a slow import

    with path.open("rb") as file:
        columns = fields.split(",") if fields else None
        first = next(read_entries(file, fields=columns, source=str(path)), None)
    if first is None:
        raise ManifestError("it is empty: add a line for each object", source=str(path))
    names = DEFAULT_FIELDS if first.version_id is None else (*DEFAULT_FIELDS, "VersionId")
    return fields or ",".join(names)
