"""The command reference, made of what ``--help`` says; run by ``scripts/command-reference``."""

from __future__ import annotations

import click
from click.testing import CliRunner

from s3batch_handler.cli.commands import s3batch


def command_reference() -> str:
    """Give the whole page."""
    context = click.Context(s3batch, info_name="s3batch")
    parts = ["# Commands\n\nMade by `scripts/command-reference`.\n", _help([])]
    parts += [f"\n## {name}\n\n{_help([name])}" for name in s3batch.list_commands(context)]
    return "\n".join(parts)


def _help(command: list[str]) -> str:
    run = CliRunner().invoke(
        s3batch, [*command, "--help"], prog_name="s3batch", terminal_width=90, max_content_width=90
    )
    return f"```text\n{run.output.rstrip()}\n```\n"


if __name__ == "__main__":
    print(command_reference(), end="")
