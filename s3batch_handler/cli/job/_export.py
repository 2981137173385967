"""``s3batch job export``: write a job file for an existing job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from s3batch_handler.cli._job_completers import complete_jobs
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.terminal._output import print_data

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.jobs.files._export import JobFileFormat

_FORMATS: Final = ("yaml", "toml", "json")


@click.command(cls=Command)
@click.argument("job_id", metavar="JOB_ID", shell_complete=complete_jobs)
@click.option(
    "--format",
    "file_format",
    type=Choice(_FORMATS),
    default="yaml",
    metavar="NAME",
    show_default=True,
    help="Format of the job file: yaml, toml or json.",
)
@json_option
@service_options
def export(
    services: AwsServices, *, job_id: str, file_format: JobFileFormat, as_json: bool
) -> None:
    r"""Print the request of an existing job as a job file.

    The file has the ETag of the manifest, so the new job fails if the manifest has changed. It has
    no AccountId and no ClientRequestToken.

    Examples:
        s3batch job export JOB-ID > job.yaml
        s3batch job submit -f job.yaml
    """
    from s3batch_handler.jobs.files._export import job_file_text  # a slow import

    job = services.control.describe_job(job_id)
    tags = services.control.get_job_tagging(job_id)
    text = job_file_text(job, tags, file_format="json" if as_json else file_format)
    print_data(text.removesuffix("\n"))
