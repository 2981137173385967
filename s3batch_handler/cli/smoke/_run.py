"""The steps of ``s3batch smoke``."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli._env_file import read_env_file
from s3batch_handler.cli._errors import InvalidArgument, error_line
from s3batch_handler.cli._paths import check_file
from s3batch_handler.cli.job._watch import watch
from s3batch_handler.cli.smoke._cleanup import remove_everything
from s3batch_handler.cli.smoke._compare import compare
from s3batch_handler.cli.smoke._display import print_comparisons
from s3batch_handler.cli.smoke._evidence import save_evidence
from s3batch_handler.cli.smoke._handler import LocalHandler, find_handler
from s3batch_handler.cli.smoke._job import Observed, Service, job_request, observe
from s3batch_handler.cli.smoke._local_job import run_locally
from s3batch_handler.cli.smoke._objects import OBJECTS
from s3batch_handler.cli.smoke._places import Places
from s3batch_handler.cli.smoke._questions import confirm_costs, confirm_failures
from s3batch_handler.cli.smoke._upload import Uploads, upload_manifest, upload_objects
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._errors import JobError, S3BatchError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.engine.run._cancellation import signals_as_ctrl_c
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._waiting import wait_for_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._stack_outputs import StackOutputs
    from s3batch_handler.cli.smoke._smoke_options import SmokeOptions


def run_smoke_test(options: SmokeOptions, services: AwsServices) -> int:
    """Run both jobs, print the comparisons, and return the exit code."""
    environment = read_env_file(options.env_file) if options.env_file else {}
    _check_save(options)
    handler = find_handler(options.handler) if options.handler else None
    stack = services.stack(options.stack)
    handler = handler or find_handler(None, stack.function)
    handler.check({"AWS_DEFAULT_REGION": services.region, **environment})
    places = Places.of_stack(
        stack,
        services.stack_parameters(options.stack),
        bucket=options.bucket,
        outputs=options.outputs,
        partition=services.partition,
    )
    places.check(services.s3)
    confirm_costs(options, places, services)
    request, aws, local = _run_both(
        options,
        services,
        stack=stack,
        handler=handler,
        places=places,
        environment=environment,
    )
    lines = [item for item in OBJECTS if not (options.version_ids and item.is_deleted)]
    comparisons = compare(aws, local, lines, places)
    print_comparisons(comparisons, as_json=options.as_json)
    if options.save is not None:
        save_evidence(
            options.save,
            comparisons,
            request=request,
            aws=aws,
            local=local,
            places=places,
            account_id=services.account_id,
        )
    if all(comparison.is_same for comparison in comparisons):
        return 0
    print_message(_DIFFERENT)
    return 1


_DIFFERENT: Final = (
    "AWS and the local engine differ. If HANDLER is the code that is deployed, and its packages "
    "are the same, please report this with the file of --save; docs/fidelity.md lists what the "
    "local engine does as AWS does."
)


def _check_save(options: SmokeOptions) -> None:
    if options.save is None:
        return
    if not options.save.absolute().parent.is_dir():
        raise InvalidArgument(f"--save {options.save}: there is no such folder. Create it first")
    check_file(options.save, "--save")


# ---------------------------------------------------------------- both jobs


def _run_both(
    options: SmokeOptions,
    services: AwsServices,
    *,
    stack: StackOutputs,
    handler: LocalHandler,
    places: Places,
    environment: dict[str, str],
) -> tuple[dict[str, Any], Observed, Observed]:
    """Run the job on this machine and then in AWS; return its request and what was seen.

    The local job comes first: it is free, and most errors of HANDLER end it.
    """
    uploads = Uploads()
    with signals_as_ctrl_c(), _removed_at_the_end(options, services, places, uploads):
        service = _service(services, options)
        with _needing("s3:PutObject (and s3:DeleteObject) in these buckets"):
            upload_objects(service.s3, places, uploads)
            manifest = upload_manifest(service.s3, places, uploads, version_ids=options.version_ids)
        invoke: dict[str, Any] = {
            "function": stack.function,
            "role": stack.role,
            "schema": options.schema,
            "arguments": options.arguments,
        }
        _say("running the job on this machine", options)
        local = run_locally(
            handler.spec,
            places,
            account_id=services.account_id,
            region=services.region,
            buckets_with_versions=uploads.buckets_with_versions,
            version_ids=options.version_ids,
            timeout=options.timeout or handler.timeout,
            environment=environment,
            **invoke,
        )
        confirm_failures(local, options)
        request = job_request(places, manifest, **invoke)
        with _needing("s3:CreateJob, s3:DescribeJob and iam:PassRole for the role of jobs"):
            job_id = service.create_job(request)
        _say(f"job {job_id}", options)
        with _cancelled_if_interrupted(services, job_id), _needing("s3:GetObject for the report"):
            aws = observe(service, job_id, places, uploads.labels)
    return {"AccountId": services.account_id, **request}, aws, local


def _service(services: AwsServices, options: SmokeOptions) -> Service:
    def wait(job_id: str, on_progress: Callable[[Job], None]) -> None:
        watch(
            services,
            job_id,
            quiet=options.quiet,
            retry_for=options.retry_for,
            on_progress=on_progress,
            is_cancelled=True,
        )

    return Service(
        s3=services.s3,
        create_job=lambda request: services.control.create_job(JobSpec.from_request(request)),
        wait=wait,
        describe=services.description,
    )


@contextmanager
def _removed_at_the_end(
    options: SmokeOptions, services: AwsServices, places: Places, uploads: Uploads
) -> Iterator[None]:
    try:
        yield
    finally:
        if not options.keep and uploads.created:
            _say("removing the objects", options)
            try:
                remove_everything(services.s3, places, uploads)
            except KeyboardInterrupt:
                folders = ", ".join(
                    f"s3://{bucket}/{prefix}" for bucket, prefix in places.folders()
                )
                print_message(escape_unprintable(f"what is not removed yet is below: {folders}"))
                raise


@contextmanager
def _cancelled_if_interrupted(services: AwsServices, job_id: str) -> Iterator[None]:
    """Cancel the job if it cannot be watched until its end: its objects are removed.

    Running tasks may still write objects, so wait until the job has ended, but not for long.
    """
    try:
        yield
    except BaseException:
        with suppress(Exception):  # it has ended, or the credentials have expired
            services.control.update_job_status(job_id, JobStatus.CANCELLED)
            print_message(f"job {escape_unprintable(job_id)} is cancelled")
            wait_for_job(services.control, job_id, poll=1, timeout=_UNTIL_CANCELLED, retry_for=0)
        raise


_UNTIL_CANCELLED: Final = 60.0  # seconds


@contextmanager
def _needing(permissions: str) -> Iterator[None]:
    """Name the permissions that are needed if AWS denies a request."""
    try:
        yield
    except Exception as error:
        code = error.code if isinstance(error, JobError) else aws_error_code(error)
        if code not in _DENIED:
            raise
        raise S3BatchError(f"{error_line(error)}; needed: {permissions}") from error


_DENIED: Final = ("AccessDenied", "AccessDeniedException", "403")


def _say(text: str, options: SmokeOptions) -> None:
    if not options.quiet:
        print_message(escape_unprintable(text))
