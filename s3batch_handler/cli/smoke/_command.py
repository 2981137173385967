"""``s3batch smoke``: compare a job in AWS with the same job on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._numbers import Seconds
from s3batch_handler.cli._options import (
    arguments_option,
    bucket_name,
    bucket_option,
    env_file_option,
    json_option,
    not_empty,
    quiet_option,
    retry_for_option,
    schema_for,
    schema_option,
)
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.smoke._smoke_options import SmokeOptions

if TYPE_CHECKING:
    from s3batch_handler.cli.job._aws_services import AwsServices


@click.command(cls=Command)
@click.argument("handler", metavar="[HANDLER]", required=False, shell_complete=complete_files)
@click.option(
    "--stack",
    metavar="NAME",
    type=not_empty,
    required=True,
    help="CloudFormation stack of the function.",
)
@bucket_option("Bucket of the objects.  [default: SourceBucket of the stack]")
@click.option(
    "--output",
    "outputs",
    metavar="BUCKET",
    type=bucket_name,
    multiple=True,
    help="Bucket that the function writes to; repeat for more.",
)
@click.option("--version-ids", is_flag=True, help="Write version IDs to the manifest.")
@arguments_option
@schema_option
@click.option(
    "--timeout",
    type=Seconds(),
    metavar="SECONDS",
    help="Timeout on this machine.  [default: template.yaml's, or 60]",
)
@env_file_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.option("--keep", is_flag=True, help="Keep the objects and the report.")
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    shell_complete=complete_files,
    help="File to save both jobs and reports to.",
)
@retry_for_option("Time to retry failed requests.  [default: 600]")
@json_option
@quiet_option
@service_options
def smoke(*, services: AwsServices, **options: Any) -> None:
    r"""Run a small job in AWS and on this machine, and compare the results.

    The job has one object of each kind that could make a difference: keys with spaces, plus signs,
    accents or quotes, empty and missing objects, and others. The command compares the rows of both
    completion reports, the reports, and the descriptions of the jobs, without IDs and times.

    HANDLER is the code of the function on this machine. [default: that of template.yaml in the
    current folder] On this machine, it uses a local S3 with the same objects. In AWS, all objects
    are below a new prefix, smoke-…/, and are removed at the end. S3 charges for the job.

    Exit code 1: AWS and the local engine differ. 3: the job could not be watched.

    Examples:
        s3batch smoke --stack s3batch-compress \
            --arguments target=my-results
        s3batch smoke app.py:handler --stack my-stack \
            --yes --json --save smoke.json
    """
    from s3batch_handler.cli.smoke._run import run_smoke_test  # slow imports

    given = SmokeOptions(**options)
    schema_for(given.schema, given.arguments)
    if not given.yes and not sys.stdin.isatty():
        raise click.UsageError(_NOBODY_TO_ASK)
    sys.exit(run_smoke_test(given, services))


_NOBODY_TO_ASK: Final = (
    "Missing option --yes: the job costs money, and there is no terminal to ask for confirmation."
)
