"""Help with colors and boxes, for terminals. It is imported late: Rich is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text
from rich_click import RichHelpConfiguration, RichHelpFormatter
from rich_click.rich_panel import RichCommandPanel, RichOptionPanel

from s3batch_handler.cli.help._panels import command_panels
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from s3batch_handler.cli.help._panels import Panels


def help_in_color(
    command: click.Command,
    context: click.Context,
    *,
    width: int,
    commands: dict[str, str],
    options: Panels,
    examples: str,
) -> str:
    """Return the help of a command with escape sequences for colors.

    Args:
        command: The command.
        context: Its context.
        width: The columns of the terminal.
        commands: The commands of a group, with a summary of each.
        options: The names of its options by panel.
        examples: Lines that are not wrapped.
    """
    configuration = RichHelpConfiguration(
        text_markup=None,
        enable_theme_env_var=False,
        highlighter_patterns=[*_HIGHLIGHTED],
        style_commands_table_column_width_ratio=(None, None),
        options_table_column_types=["opt_all", "metavar_short", "help"],
        options_table_help_sections=["help", "default", "range", "required"],
    )
    formatter = RichHelpFormatter(config=configuration, width=width)
    command.format_usage(context, formatter)
    for paragraph in (command.help or "").split("\n\n"):
        text = formatter.rich_text(paragraph.replace("\n", " "))
        formatter.write(Padding(text, (0, 1, 1, 1)))
    for panel in _command_panels(command, context, formatter, commands):
        formatter.write(panel)
    for title, names in options.items():
        option_panel = _OptionPanel(title, names)
        formatter.write(option_panel.render(cast("Any", command), cast("Any", context), formatter))
    if examples:
        text = Text(examples)
        formatter.write(Panel(text, title="Examples", title_align="left", border_style="dim"))
    return formatter.getvalue().rstrip("\n")


_HIGHLIGHTED = (
    r"(^|[^\w\-])(?P<switch>-([^\W0-9][\w\-]*\w|[^\W0-9]))",
    r"(^|[^\w\-])(?P<option>--([^\W0-9][\w\-]*\w|[^\W0-9]))",
    r"(?P<metavar_sep>\[default: .*\]$)",
)


def _command_panels(
    group: click.Command,
    context: click.Context,
    formatter: RichHelpFormatter,
    summaries: dict[str, str],
) -> Iterator[Panel]:
    # Without the modules of the commands: their imports are slow.
    outline: Any = click.Group(
        commands={name: click.Command(name, help=text) for name, text in summaries.items()}
    )
    for title, names in command_panels(str(group.name), summaries).items():
        yield RichCommandPanel(title, names).render(outline, cast("Any", context), formatter)


class _OptionPanel(RichOptionPanel):
    """A panel in which only the help texts are wrapped."""

    @override
    def get_table(self, *args: Any, **extra: Any) -> Table:
        table = super().get_table(*args, **extra)
        for column in table.columns[:-1]:  # names and values
            column.no_wrap = True
        return table
