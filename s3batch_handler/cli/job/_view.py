"""What one sees of jobs: a few lines or JSON, and how far one is while one waits for it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._output import end_line, error_line, say, shell_command, show, show_json
from s3batch_handler.cli._progress import show_progress
from s3batch_handler.core._classification import aws_error_code
from s3batch_handler.core._errors import JobError, JobNotFound, JobNotWatched, JobTimeout
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.core._sanitize import printable
from s3batch_handler.jobs._control import RETRY_FOR, has_expired_credentials, wait_for_job
from s3batch_handler.jobs._job import BAD_REQUEST
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from s3batch_handler.cli.job._service import Service
    from s3batch_handler.jobs._job import Job, ReportRequest
    from s3batch_handler.jobs._status import Progress


def watch(
    service: Service,
    job_id: str,
    *,
    poll: float | None = None,
    quiet: bool,
    timeout: float | None = None,
    retry_for: float | None = None,
) -> Job:
    """Wait for a job, and show meanwhile which status it has and how far it is.

    Raises:
        JobTimeout: It is not over yet.
        JobNotWatched: The job cannot be described.
    """
    again = shell_command(["s3batch", "job", "wait", job_id, *service.options])
    retry_for = RETRY_FOR if retry_for is None else retry_for
    with ExitStack() as stack:
        status: JobStatus | None = None
        update: Callable[[Progress], None] | None = None
        is_away = False

        def look(job: Job) -> None:
            nonlocal status, update, is_away
            if is_away:
                say(f"job {printable(job_id)} is watched again")
            is_away = False
            if quiet:
                return
            if update is None and job.status is JobStatus.ACTIVE and job.progress.total:
                update = stack.enter_context(
                    show_progress(job.progress.total, quiet=False, alone=True)
                )
            elif update is None and job.status is not status:
                say(job.status)
            status = job.status
            if update is not None:
                update(job.progress)

        def tell_of(error: Exception, seconds_left: float) -> None:
            nonlocal is_away
            if not is_away:
                end_line()  # of a progress bar
                say(
                    f"s3batch: job {printable(job_id)} cannot be watched at the moment: "
                    f"{error_line(error)}; retrying for up to {seconds_left:.0f} s"
                )
            is_away = True

        try:
            return wait_for_job(
                service.watching(retry_for),
                job_id,
                poll=poll or service.poll,
                timeout=timeout,
                retry_for=retry_for,
                on_progress=look,
                on_error=tell_of,
            )
        except JobTimeout:
            raise
        except Exception as error:
            problem = _why_not_watched(error, service)
            if not (isinstance(error, JobError) and error.code in _WRONG_ID):
                problem += f"; to wait again: {again}"
            raise JobNotWatched(problem, job_id=job_id) from error
        except KeyboardInterrupt:
            end_line()
            say(f"the job continues; to wait again: {again}")
            raise


_WRONG_ID: Final = (BAD_REQUEST, "NoSuchJobException")


def _why_not_watched(error: Exception, service: Service) -> str:
    text = error_line(error)
    if isinstance(error, JobNotFound):
        account, region = service.account_id, service.region
        return f"{text} (account {account}, Region {region}: see --account-id, --region, --profile)"
    code = error.code if isinstance(error, JobError) else aws_error_code(error)
    if has_expired_credentials(error):
        return f"{text}; renew the credentials"
    if code in ("AccessDenied", "AccessDeniedException"):
        return f"{text}; waiting needs the permission s3:DescribeJob"
    return text


def exit_code(job: Job) -> int:
    """Give 0 if a job is complete and no task failed; to AWS a job with failures is complete."""
    return 0 if job.status is JobStatus.COMPLETE and not job.progress.failed else 1


def show_job(job: Job, *, as_json: bool) -> None:
    """Print all that is known of a job; JSON is as DescribeJob gives it."""
    if as_json:
        show_json(job.to_description())
        return
    for name, value in _rows(job):
        if value:
            show(f"{name:<11} {printable(value)}")


def show_listed(job: Job, *, as_json: bool) -> None:
    """Print a line; JSON is as ListJobs gives it."""
    if as_json:
        show_json(job.to_listing(), indent=None)
        return
    text = f"{job.job_id}  {job.status:<10}  {_second(job.creation_time)}  {job.operation_name}"
    parts = (text, _counts(job.progress), job.description)
    show(printable("  ".join(part for part in parts if part)))


def _rows(job: Job) -> Iterator[tuple[str, str | None]]:
    yield "Job", job.job_id
    yield "Status", _with(job.status, job.status_update_reason)
    for failure in job.failure_reasons:
        yield "Failure", _with(failure.failure_code or "", failure.failure_reason)
    yield "Tasks", _counts(job.progress)
    yield "Operation", _operation(job)
    yield "Manifest", _url(job.manifest.location.object_arn) if job.manifest else None
    yield "Report", _report(job.report, job.job_id)
    yield "Priority", str(job.priority)
    yield "Role", job.role_arn
    yield "Description", job.description
    yield "Created", _second(job.creation_time)
    yield "Ended", _second(job.termination_date) if job.termination_date else None


def _with(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text


def _counts(progress: Progress) -> str:
    counts = f"{progress.succeeded:,} succeeded, {progress.failed:,} failed"
    return counts if progress.total is None else f"{counts} of {progress.total:,}"


def _operation(job: Job) -> str:
    function = job.operation and job.operation.lambda_invoke
    return f"{job.operation_name} {function.function_arn}" if function else job.operation_name


def _report(report: ReportRequest | None, job_id: str) -> str | None:
    if report is None or report.bucket is None or not report.enabled:
        return None
    prefix = f"{report.prefix}/" if report.prefix else ""
    return f"{_url(report.bucket)}/{prefix}job-{job_id}/manifest.json"


def _url(arn: str) -> str:
    """Give ``s3://bucket/key`` for an ARN, and anything else as it is."""
    bucket, slash, key = arn.partition("/")
    try:
        return f"s3://{bucket_name(bucket)}{slash}{key}"
    except ValueError:
        return arn


def _second(moment: datetime) -> str:
    return moment.isoformat(" ", "seconds")
