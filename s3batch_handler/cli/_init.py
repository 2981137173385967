"""``s3batch init``: a new project from a starter."""

from __future__ import annotations

from pathlib import Path

import click

from s3batch_handler.cli._completers import complete_starters
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._scaffolding import create_project, starters
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import suggestion
from s3batch_handler.cli.terminal._output import print_data, print_json, print_message
from s3batch_handler.core._errors import ProjectError


@click.command(cls=Command)
@click.argument("starter", required=False, shell_complete=complete_starters)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@json_option
def init(*, starter: str | None, directory: Path | None, as_json: bool) -> None:
    """Create a project from STARTER in the new directory DIR.

    Without STARTER, list all starters; with --json, one JSON object per line. A project has a
    handler with tests, example events, a SAM template with least-privilege roles, and a GitHub
    workflow. DIR must not exist. [default: the name of the starter]

    Examples:
        s3batch init
        s3batch init copy-large my-copies
    """
    known = starters()
    if starter is None:
        for name, one in known.items():
            if as_json:
                print_json({"name": name, "about": one.about}, indent=None)
            else:
                print_data(f"{name:<18}{one.about}")
        return
    if starter not in known:
        raise click.BadParameter(
            f"{starter!r} is not a starter.{suggestion(starter, known)} "
            f"Choose one of {', '.join(known)}",
            param_hint="STARTER",
        )
    place = directory or Path(starter)
    try:
        paths = create_project(known[starter], place)
    except ProjectError as error:
        raise InvalidArgument(str(error)) from error
    if as_json:
        print_json({"directory": str(place), "files": paths})
    else:
        for path in paths:
            print_data(str(place / path))
    print_message(f"Next: read {place / 'README.md'}.")
