"""The group of all ``s3batch`` commands, with the errors and exit codes they share."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any, cast

import click

from s3batch_handler import __version__
from s3batch_handler.cli.help._classes import Group
from s3batch_handler.cli.terminal._output import READER_GONE, discard_buffer
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMANDS = {  # name: module, help
    "run": ("run._command", "Run a job on this machine."),
    "invoke": ("_invoke", "Call a handler with one event."),
    "event": ("_event", "Print an invocation event."),
    "init": ("_init", "Create a project."),
    "manifest": ("manifest._command", "Create, check and edit manifests."),
    "estimate": ("estimate._command", "Estimate the cost and the duration of a job."),
    "serve": ("_serve", "Serve S3 and S3 Control on this machine."),
    "report": ("report._command", "Read completion reports, and run failed tasks again."),
    "doctor": ("doctor._command", "Check the setup for common problems."),
    "smoke": ("smoke._command", "Compare a small job in AWS with the local engine."),
    "job": ("job._command", "Create and control jobs, in AWS or in s3batch serve."),
    "policy": ("policy._command", "Print IAM policies for a job."),
    "completion": ("_completion", "Complete commands in bash, zsh or fish."),
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
    def suggestion(self, ctx: click.Context, name: str) -> str:
        for parent in self.list_commands(ctx):
            group = self.get_command(ctx, parent)
            if isinstance(group, Group) and name in group.commands:
                return f" Did you mean '{parent} {name}'?"
        return super().suggestion(ctx, name)

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
            from s3batch_handler.cli._errors import CommandFailed

            raise CommandFailed(error, shows_traceback=ctx.params["debug"]) from error

    @override
    def main(
        self,
        args: Sequence[str] | None = None,
        *more: Any,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit with its code, even if its messages cannot be written."""
        words = sys.argv[1:] if args is None else [*args]
        run = partial(cast("Any", super().main), words, *more, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code = run()
        except (click.ClickException, click.Abort) as error:
            from s3batch_handler.cli._errors import exit_code_of_error, print_error

            # The options of a command are not parsed yet if one of them is wrong.
            print_error(error, as_json="--json" in takewhile("--".__ne__, words))
            code = exit_code_of_error(error)
        sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _exiting_if_unwritten() -> Iterator[None]:
    """End the command if click could not write to standard output.

    Raises:
        Exit: The reader has closed the pipe (``--help | true``); the exit code is 0.
        CommandFailed: Any other failure.
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
        from s3batch_handler.cli._errors import CommandFailed

        failed = OSError(error.errno, error.strerror, "standard output")
        raise CommandFailed(failed) from error


@click.group("s3batch", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def s3batch(*, debug: bool) -> None:
    """Run and test jobs of Amazon S3 Batch Operations with Lambda on this machine.

    Data goes to standard output, everything else to standard error. Exit code 0: done; 1: tasks or
    the job failed, or a check found an error; 2: wrong usage; 3: a job could not be watched; 130:
    interrupted.

    Examples:
        s3batch init minimal my-function
        s3batch run app.py:handler --source photos/
        s3batch report failed
        s3batch run --failed-from s3batch-reports/job-…
    """
