"""``s3batch doctor``: check the setup for common problems."""

from __future__ import annotations

import sys
from typing import Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._options import (
    bucket_option,
    endpoint_url_option,
    json_option,
    profile_option,
)
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._function_loader import split_spec
from s3batch_handler.engine.invoke._target import is_remote


@click.command(cls=Command)
@click.argument("handler", metavar="[HANDLER]", required=False, shell_complete=complete_files)
@bucket_option("Bucket that jobs use.")
@click.option("--role", metavar="NAME|ARN", help="IAM role that S3 assumes.")
@click.option("--function", metavar="NAME|ARN", help="Function in Lambda.")
@click.option(
    "--stack", metavar="NAME", help="CloudFormation stack with function, role and bucket."
)
@click.option(
    "--report",
    metavar="DIR",
    shell_complete=complete_files,
    help="Folder of the reports of s3batch run.  [default: s3batch-reports]",
)
@click.option(
    "--workers",
    type=Integer(1),
    metavar="NUMBER",
    help="Worker processes of s3batch run.  [default: one per processor]",
)
@json_option
@profile_option
@click.option("--region", metavar="NAME", help="AWS Region of the jobs.")
@endpoint_url_option("Endpoint to use instead of AWS, such as s3batch serve.")
def doctor(
    *,
    handler: str | None,
    bucket: str | None,
    stack: str | None,
    report: str | None,
    as_json: bool,
    **others: Any,
) -> None:
    r"""Check the setup for common problems, and suggest fixes.

    Checks Python, packages, credentials, Region and endpoints, and what the options name. HANDLER
    is imported in another process, and its time_reserve is compared with the timeout of the
    function and of template.yaml in the current folder. Other handlers of template.yaml are read,
    not imported. Nothing is changed. A check without a result, for example because a permission
    is missing, is skipped. Exit code 1: a check found an error.

    Examples:
        s3batch doctor
        s3batch doctor function/app.py:handler --stack my-stack
        s3batch doctor app.py:handler \
            --function thumbnails --role batch
    """
    from s3batch_handler.cli.doctor._check import CheckStatus, run_checks  # slow imports
    from s3batch_handler.cli.doctor._display import print_checks
    from s3batch_handler.cli.doctor._plan import Subjects, plan_checks, read_stack
    from s3batch_handler.cli.run._report import DEFAULT_REPORTS

    if handler and is_remote(handler):
        raise click.UsageError(
            f"HANDLER is {handler}: pass an ARN to --function, and a URL to --endpoint-url."
        )
    if handler:
        _check_spec(handler)
    subjects = Subjects(
        handler=handler,
        buckets=(bucket,) if bucket else (),
        report=report or DEFAULT_REPORTS,
        **others,
    )
    checks = []
    with spinner("checking the setup"):
        if stack is not None:
            check, subjects = read_stack(stack, subjects)
            checks.append(check)
        checks += run_checks(plan_checks(subjects))
    print_checks(checks, as_json=as_json)
    sys.exit(any(check.status is CheckStatus.ERROR for check in checks))


def _check_spec(handler: str) -> None:
    try:
        split_spec(handler)
    except InvalidFunction as error:
        raise InvalidArgument(str(error)) from error
