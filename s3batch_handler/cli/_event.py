"""``s3batch event``: print an invocation event."""

from __future__ import annotations

import json

import click

from s3batch_handler.cli._options import (
    arguments_option,
    json_errors_option,
    schema_for,
    schema_option,
)
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.terminal._output import print_json_text
from s3batch_handler.testing import make_event


@click.command(cls=Command)
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@schema_option
@click.option(
    "--bucket",
    metavar="NAME",
    default="my-bucket",
    show_default=True,
    help="Bucket of the objects.",
)
@click.option(
    "--version-id", metavar="ID", help="Version ID of the objects; 'null' for the null version."
)
@click.option("--job-id", metavar="ID", help="Job ID of the event.  [default: an example]")
@arguments_option
@json_errors_option
def event(
    *,
    keys: tuple[str, ...],
    schema: str | None,
    bucket: str,
    version_id: str | None,
    job_id: str | None,
    arguments: dict[str, str],
) -> None:
    """Print an invocation event for KEYs, as S3 sends it.

    Pass keys as they are in the bucket: this command encodes them. A key may also be JSON, for a
    function with a payload model.

    Examples:
        s3batch event "2024/a+b c.jpg" | sam local invoke -e -
    """
    made = make_event(
        *(keys or ("path/to/my object.txt",)),
        schema_version=schema_for(schema, arguments),
        bucket=bucket,
        version_id=version_id,
        user_arguments=arguments or None,
        **({"job_id": job_id} if job_id else {}),
    )
    print_json_text(json.dumps(made, indent=2, ensure_ascii=False))
