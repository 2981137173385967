"""``s3batch job clone``: create a job like an existing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._job_completers import complete_jobs
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.job._submit import submit_job
from s3batch_handler.cli.job._submit_options import clone_options
from s3batch_handler.core._sanitize import safe_line

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.job._submit_options import SubmitOptions


@click.command(cls=Command)
@click.argument("job_id", metavar="JOB_ID", shell_complete=complete_jobs)
@clone_options
@service_options
def clone(options: SubmitOptions, services: AwsServices, *, job_id: str) -> None:
    r"""Create a job like an existing one, and print its ID.

    Options override members of the existing job; arguments and tags are merged. If the manifest has
    changed, no job is created, unless you pass --manifest. If S3 generated the manifest, it
    generates a new one.

    Examples:
        s3batch job clone JOB-ID
        s3batch job clone JOB-ID --function thumbnails:8 \
            --dry-run
    """
    from s3batch_handler.cli.job._requested_job import changed_job  # slow imports
    from s3batch_handler.jobs.files._export import request_like

    job = services.control.describe_job(job_id)
    request = request_like(job, services.control.get_job_tagging(job_id))
    submit_job(changed_job(request, f"job {safe_line(job_id, 80)}", options), options, services)
