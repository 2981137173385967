"""Create the command reference from ``--help``; ``scripts/command-reference`` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator


def command_reference() -> str:
    """Return the whole page."""
    parts = ["# Commands\n\nMade by `scripts/command-reference`.\n", _help([])]
    parts += [f"\n## {' '.join(path)}\n\n{_help(path)}" for path in _paths(s3batch)]
    return "\n".join(parts)


def _paths(group: click.Group, *before: str) -> Iterator[list[str]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield [*before, name]
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _paths(command, *before, name)


def _help(command: list[str]) -> str:
    run = CliRunner().invoke(
        s3batch, [*command, "--help"], prog_name="s3batch", terminal_width=90, max_content_width=90
    )
    return f"```text\n{run.output.rstrip()}\n```\n"


if __name__ == "__main__":
    print(command_reference(), end="")
