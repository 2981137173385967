"""``s3batch job schema``: print the JSON Schema of job files."""

from __future__ import annotations

import click

from s3batch_handler.cli._options import json_errors_option
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.terminal._output import print_data


@click.command(cls=Command)
@json_errors_option
def schema() -> None:
    r"""Print the JSON Schema of job files, for editors.

    Editors use the schema if the first line of a job file is
    "# yaml-language-server: $schema=job-file.schema.json".

    Examples:
        s3batch job schema > job-file.schema.json
    """
    from importlib.resources import files  # a slow import

    text = files("s3batch_handler.jobs.files").joinpath("job-file.schema.json").read_text("utf-8")
    print_data(text.removesuffix("\n"))
