"""The help of every command: complete at any width, in color and as plain text."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import click
import pytest
from rich.cells import cell_len
from rich.text import Text

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.cli.help._classes import Command, Group
from s3batch_handler.cli.help._panels import COMMAND_PANELS, OPTION_PANELS

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTHS = [60, 80, 120, 200]


def contexts(
    command: click.Command = s3batch, parent: click.Context | None = None
) -> Iterator[click.Context]:
    """Yield a context for each command and group."""
    context = click.Context(
        command, parent, command.name, **({} if parent else command.context_settings)
    )
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from contexts(subcommand, context)


CONTEXTS = {context.command_path: context for context in contexts()}
every_command = pytest.mark.parametrize("path", CONTEXTS)


def command_of(path: str) -> Command:
    command = CONTEXTS[path].command
    assert isinstance(command, Command), f"{path}: write @click.command(cls=Command)"
    return command


@cache
def helps(path: str, width: int) -> tuple[str, str]:
    """Return the plain help, and the help in color without its escape sequences."""
    command, context = command_of(path), CONTEXTS[path]
    context.terminal_width = width
    colored = command.help_in_color(context, width)
    return command.get_help(context), Text.from_ansi(colored).plain


def squeezed(text: str) -> str:
    """Return a text without white space and boxes: the same at any width."""
    return re.sub(r"[\s│╭╮╰╯─]", "", text)


@every_command
def test_every_command_and_option_has_a_help_text(path: str) -> None:
    command = command_of(path)

    options = [each for each in command.params if isinstance(each, click.Option)]

    assert (command.help or "").strip()
    assert "\b" not in (command.help or ""), "write commands below 'Examples:'"
    assert [option.opts for option in options if not option.help] == []


@every_command
def test_the_help_of_each_option_fits_one_line_of_the_command_reference(path: str) -> None:
    plain, _ = helps(path, 90)
    options, _, _ = plain.partition("\nExamples:")

    assert [line for line in options.splitlines() if re.match(r" {10}", line)] == []


@every_command
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(path: str, width: int) -> None:
    for text in helps(path, width):
        assert [line for line in text.splitlines() if cell_len(line) > width] == []


@every_command
@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_is_cut(path: str, width: int) -> None:
    command, context = command_of(path), CONTEXTS[path]
    texts = [*(command.help or "").split("\n\n")]
    texts += [option.help or "" for option in command.visible_options(context).values()]
    texts += command.summaries().values() if isinstance(command, Group) else []

    for shown in map(squeezed, helps(path, width)):
        assert [text for text in texts if squeezed(text) not in shown] == []


@every_command
@pytest.mark.parametrize("width", WIDTHS)
def test_names_of_options_are_not_wrapped(path: str, width: int) -> None:
    for text in helps(path, width):
        assert [line for line in text.splitlines() if re.search(r"\w-[ │]*$", line)] == []


@every_command
@pytest.mark.parametrize("width", [40, *WIDTHS])
def test_examples_are_not_wrapped(path: str, width: int) -> None:
    """They fit into a panel of 60 columns; a narrower terminal wraps them itself."""
    examples = command_of(path).examples.splitlines()

    plain, colored = helps(path, width)

    assert [line for line in examples if line not in plain] == []
    assert [line for line in examples if line not in colored and width >= 60] == []
    too_long = [line for line in examples if cell_len(line) > 56]
    assert too_long == [], "continue the command on the next line, after a backslash"


@every_command
def test_continued_lines_of_examples_are_joined_by_the_shell(path: str) -> None:
    """A line that is indented belongs to the one before, which ends with a backslash."""
    for first, second in pairwise(command_of(path).examples.splitlines()):
        assert first.endswith("\\") is second.startswith("    "), second


@every_command
def test_every_option_and_command_is_in_one_panel(path: str) -> None:
    command, context = command_of(path), CONTEXTS[path]

    panels = command.option_panels(context)

    shown = [name for names in panels.values() for name in names]
    assert sorted(shown) == sorted(command.visible_options(context))
    if command.name in OPTION_PANELS:
        assert "Options" not in panels, "name the panel of each option in cli/help/_panels.py"
    if command.name in COMMAND_PANELS and isinstance(command, Group):
        assigned = [name for names in COMMAND_PANELS[str(command.name)].values() for name in names]
        assert {*command.summaries()} <= {*assigned}, "name the panel in cli/help/_panels.py"


def test_panels_name_options_and_commands_that_exist() -> None:
    commands = {context.command.name: context for context in CONTEXTS.values()}

    for name, option_panels in OPTION_PANELS.items():
        command = commands[name].command
        assert isinstance(command, Command)
        known = {*command.visible_options(commands[name])}
        assert {option for options in option_panels.values() for option in options} <= known
    for name, command_panels in COMMAND_PANELS.items():
        group = commands[name].command
        assert isinstance(group, Group)
        assert {each for names in command_panels.values() for each in names} <= {*group.summaries()}


def test_an_option_without_a_panel_is_in_the_default_panel() -> None:
    @click.command("run", cls=Command)
    @click.option("--new", help="New.")
    @click.option("--manifest", help="Manifest.")
    def run() -> None: ...

    panels = run.option_panels(click.Context(run))

    assert panels["Options"] == ["--new"]
    assert panels["Objects"] == ["--manifest"]


def test_markup_in_a_help_text_is_text() -> None:
    command = Command(
        "c",
        help="Read [bold]this[/bold] :smile: [link=x].\n\nExamples:\n    s3batch [red] :smile:",
        params=[click.Option(["--o"], metavar="[red]", default="[/red]", help="[red]o[/] [a]")],
    )

    shown = command.help_in_color(click.Context(command, info_name="c"), 100)

    plain = Text.from_ansi(shown).plain
    assert "Read [bold]this[/bold] :smile: [link=x]." in plain
    assert "s3batch [red] :smile:" in plain
    assert "[red]o[/] [a]" in plain
