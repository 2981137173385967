"""The group of all ``s3batch`` commands, with the errors and exit codes they share."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

from s3batch_handler import __version__
from s3batch_handler.cli._help import Group
from s3batch_handler.cli._output import INTERRUPTED, READER_GONE, discard_buffer, print_message
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMANDS = {  # name: module, help
    "run": ("run._command", "Run a job on this machine."),
    "invoke": ("_invoke", "Call a handler with one event."),
    "event": ("_event", "Print an invocation event."),
    "init": ("_init", "Create a project."),
    "manifest": ("manifest._command", "Create manifests."),
    "serve": ("_serve", "Serve S3 and S3 Control on this machine."),
    "report": ("report._command", "Read completion reports, and do failed tasks again."),
    "job": ("job._command", "Create and control jobs, in AWS or in s3batch serve."),
}


class _Commands(Group):
    """A group that imports a command only when it is called: imports are slow."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"s3batch_handler.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    @override
    def summaries(self) -> dict[str, str]:
        return {name: text for name, (_, text) in _COMMANDS.items()}

    @override
    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _exiting_if_unwritten():  # --help and --version are printed here
            return super().make_context(*args, **extra)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _exiting_if_unwritten():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from s3batch_handler.cli._errors import exit_code_of_error, print_error

            print_error(error, with_traceback=ctx.params["debug"])
            ctx.exit(exit_code_of_error(error))

    @override
    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command and exit with its code, even if its messages cannot be written."""
        run = partial(cast("Any", super().main), *args, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        code: object = 0
        try:
            code = run()
        except click.Abort:  # Ctrl-C
            print_message("Aborted!")
            code = INTERRUPTED
        except click.ClickException as error:
            try:
                _sanitized(error).show()
            except OSError:
                discard_buffer(sys.stderr)
            code = error.exit_code
        sys.exit(code if isinstance(code, int) else 0)


def _sanitized(error: click.ClickException) -> click.ClickException:
    """Return an error of click in which arguments are truncated and escaped."""
    from s3batch_handler.cli._errors import sanitize_message

    text = error.format_message()
    if not isinstance(error, click.MissingParameter):  # its message has several lines, and no value
        text = sanitize_message(text)
    if isinstance(error, click.UsageError):
        return click.UsageError(text, error.ctx)
    return click.ClickException(text)


@contextmanager
def _exiting_if_unwritten() -> Iterator[None]:
    """End the command if click could not write to standard output.

    Raises:
        Exit: With 0 if the reader has closed the pipe (``--help | true``), else with 1.
    """
    try:
        yield
    except OSError as error:
        functions = {frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)}
        if click.echo.__code__ not in functions:
            raise
        discard_buffer(sys.stdout)
        if error.errno in READER_GONE:
            raise click.exceptions.Exit(0) from error
        print_message(f"s3batch: standard output: {error.strerror}")
        raise click.exceptions.Exit(1) from error


@click.group("s3batch", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def s3batch(*, debug: bool) -> None:
    """Run and test jobs of Amazon S3 Batch Operations with Lambda on this machine.

    Data goes to standard output, everything else to standard error. Exit code 0: done; 1: tasks or
    the job failed, or a check found an error; 2: wrong usage; 3: a job could not be watched; 130:
    interrupted.
    """
