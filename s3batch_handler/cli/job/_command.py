"""``s3batch job``: create and control jobs, in AWS or in ``s3batch serve``."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._job_completers import complete_jobs
from s3batch_handler.cli._notify import notify_option
from s3batch_handler.cli._numbers import Integer, Seconds
from s3batch_handler.cli._options import json_option, named, quiet_option, retry_for_option
from s3batch_handler.cli.help._classes import Group
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.job._clone import clone
from s3batch_handler.cli.job._display import print_job, print_listed_jobs
from s3batch_handler.cli.job._end import show_end
from s3batch_handler.cli.job._export import export
from s3batch_handler.cli.job._logs import log_options, print_logs
from s3batch_handler.cli.job._schema import schema
from s3batch_handler.cli.job._submit import submit
from s3batch_handler.cli.job._watch import cancel_above_option, watch
from s3batch_handler.cli.terminal._output import print_data, print_json
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import Any

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.jobs._control import JobControl
    from s3batch_handler.jobs._job import Job


@click.group(cls=Group)
def job() -> None:
    """Create and control jobs, in AWS or in s3batch serve.

    Credentials, Region and endpoints come from the same places as for the AWS CLI: profiles,
    AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, ….
    """


job.add_command(submit)
job.add_command(clone)
job.add_command(export)
job.add_command(schema)


def _job_command(
    *parameters: Callable[[Any], Any],
) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that adds a command for one job to the group."""
    job_id = click.argument("job_id", metavar="JOB_ID", shell_complete=complete_jobs)

    def add(command: Callable[..., None]) -> click.Command:
        for parameter in reversed((job_id, *parameters, json_option, service_options)):
            command = parameter(command)
        return job.command()(command)

    return add


_reason: Callable[[Any], Any] = click.option(
    "--reason", metavar="TEXT", help="Reason for the change."
)


@job.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=Choice(JobStatus, case_sensitive=False),
    metavar="STATUS",
    help="Status of the jobs, such as Active; repeat for more.  [default: all]",
)
@click.option(
    "--limit",
    type=Integer(1),
    metavar="NUMBER",
    help="Maximum number of jobs.  [default: all]",
)
@json_option
@service_options
def list_(
    services: AwsServices, *, statuses: tuple[JobStatus, ...], limit: int | None, as_json: bool
) -> None:
    """List jobs, the newest first; in a pipe, one per line.

    With --json, one JSON object per line.
    """
    print_listed_jobs(islice(_listed(services.control, statuses), limit), as_json=as_json)


def _listed(control: JobControl, statuses: Collection[JobStatus]) -> Iterator[Job]:
    token = None
    while True:
        page = control.list_jobs(statuses, next_token=token)
        yield from page.jobs
        token = page.next_token
        if token is None:
            return


@_job_command()
def describe(services: AwsServices, *, job_id: str, as_json: bool) -> None:
    """Show a job, why it failed, its report, and what to do next."""
    described = services.control.describe_job(job_id)
    tags = {} if as_json else services.tags_of(job_id)
    print_job(described, as_json=as_json, tags=tags, options=services.options)


@_job_command(
    click.option(
        "--timeout",
        type=Seconds(allow_zero=True),
        metavar="SECONDS",
        help="Maximum time to wait.  [default: no limit]",
    ),
    click.option(
        "--poll",
        type=Seconds(),
        metavar="SECONDS",
        help="Time between two requests.  [default: 30; not in AWS: 1]",
    ),
    retry_for_option("Time to retry failed requests.  [default: 600]"),
    cancel_above_option,
    notify_option,
    quiet_option,
)
def wait(
    services: AwsServices,
    *,
    job_id: str,
    notify: str | None,
    as_json: bool,
    quiet: bool,
    **limits: Any,
) -> None:
    """Wait until a job has ended, and show its status.

    Throttling, server errors and network failures are retried for the time of --retry-for.
    --cancel-above cancels the job when more tasks have failed: a number, or a percentage of the
    tasks that have run (at least 100; before, of all tasks). Exit
    code 1: the job or any of its tasks failed, or the job was cancelled or timed out; 3: the job
    could not be watched.
    """
    ended = watch(services, job_id, quiet=quiet, **limits)
    sys.exit(show_end(ended, as_json=as_json, options=services.options, command=notify))


@_job_command(*log_options)
def logs(services: AwsServices, *, job_id: str, **options: Any) -> None:
    """Print the failures that the function of a job has logged.

    CloudWatch Logs Insights searches the log group of the function for the job ID, and for
    timeouts, crashes and errors without a job ID. AWS charges for the scanned data.

    Examples:
        s3batch job logs JOB-ID --level ERROR
        s3batch job logs JOB-ID --key "2024/a b.jpg" --json
    """
    print_logs(services, services.control.describe_job(job_id), **options)


@_job_command(_reason)
def confirm(services: AwsServices, *, job_id: str, reason: str | None, as_json: bool) -> None:
    """Start a job that waits for confirmation."""
    changed = services.control.update_job_status(job_id, JobStatus.READY, reason)
    print_job(changed, as_json=as_json, options=services.options)


@_job_command(_reason)
def cancel(services: AwsServices, *, job_id: str, reason: str | None, as_json: bool) -> None:
    """Cancel a job; running tasks finish, and the report lists them."""
    changed = services.control.update_job_status(job_id, JobStatus.CANCELLED, reason)
    print_job(changed, as_json=as_json, options=services.options)


@_job_command(click.argument("number", metavar="NUMBER", type=Integer(0, 2147483647)))
def priority(services: AwsServices, *, job_id: str, number: int, as_json: bool) -> None:
    """Change a job's priority; a higher number runs first."""
    print_job(services.control.update_job_priority(job_id, number), as_json=as_json)


@_job_command(
    click.argument("tags", metavar="[NAME=VALUE]...", nargs=-1),
    click.option(
        "--remove", metavar="NAME", multiple=True, help="Name of a tag to remove; repeat for more."
    ),
)
def tag(
    services: AwsServices,
    *,
    job_id: str,
    tags: tuple[str, ...],
    remove: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add or remove tags of a job, and show all its tags."""
    before = services.control.get_job_tagging(job_id)
    after = {name: value for name, value in {**before, **named(tags)}.items() if name not in remove}
    if not after and before:
        services.control.delete_job_tagging(job_id)
    elif after != before:
        services.control.put_job_tagging(job_id, after)
    if as_json:
        print_json(after)
    for name, value in after.items() if not as_json else ():
        print_data(escape_unprintable(f"{name}={value}"))
