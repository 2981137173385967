"""The commands of ``s3batch``, and what they have in common: errors in one line, exit codes."""

from __future__ import annotations

import errno
import sys
import tempfile
from importlib import import_module
from typing import Any

import click
from typing_extensions import override

from s3batch_handler import S3BatchError, __version__
from s3batch_handler.classify import describe
from s3batch_handler.cli.options import UsageProblem
from s3batch_handler.cli.output import say
from s3batch_handler.errors import JobError
from s3batch_handler.text import one_line, printable

_COMMANDS = {
    "run": "Run a whole job on this machine.",
    "invoke": "Send one event through a handler.",
    "event": "Make an invocation event.",
    "init": "Make a new project.",
    "manifest": "Make manifests.",
    "serve": "Serve S3 and S3 Control on this machine.",
    "job": "Make, watch and steer jobs, of AWS or of s3batch serve.",
}


class _Commands(click.Group):
    """Imports a command when it is called: each has its own slow imports."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"s3batch_handler.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params["debug"]:
                raise
            say(f"s3batch: {_one_line(error)}")
            sys.exit(2 if isinstance(error, UsageProblem) else 1)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, JobError) and error.code:
        text = f"{error.code}: {error}"
    elif isinstance(error, S3BatchError):
        text = str(error)
    else:
        text = describe(error)
    if type(error).__name__ == "NoCredentialsError":
        text += ": run 'aws configure', or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ModuleNotFoundError) and error.name in ("moto", "boto3", "botocore"):
        text += ": pip install 's3batch-handler[local]'"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        text += f"; temporary files are in {tempfile.gettempdir()}, TMPDIR names another place"
    return printable(one_line(text))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def s3batch(*, debug: bool) -> None:
    """Amazon S3 Batch Operations with Lambda: run and test jobs on this machine.

    Data goes to standard output, everything else to standard error. Exit code 0: all is done; 1:
    tasks or the job failed; 2: wrong usage.
    """
