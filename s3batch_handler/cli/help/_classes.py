"""Commands with their help: options and commands in panels, and examples."""

from __future__ import annotations

import inspect
import shutil
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli.help._panels import command_panels, option_panels
from s3batch_handler.cli.terminal._console import shows_colors
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem

    from s3batch_handler.cli.help._panels import Panels


class Command(click.Command):
    """A command whose help has panels: in color in a terminal, otherwise as plain text.

    Attributes:
        examples: The lines below ``Examples:`` at the end of the docstring. They are not wrapped.
    """

    def __init__(self, *args: Any, **attributes: Any) -> None:
        text = inspect.cleandoc(attributes.pop("help", None) or "")
        text, _, examples = text.partition("\n\nExamples:\n")
        super().__init__(*args, **attributes | {"help": text})
        self.examples = inspect.cleandoc(examples)

    @override
    def get_help(self, ctx: click.Context) -> str:
        width = ctx.terminal_width or shutil.get_terminal_size().columns
        if shows_colors() and width >= _MIN_WIDTH_OF_PANELS:
            return self.help_in_color(ctx, width)
        formatter = _PlainFormatter(width=width)
        self.format_help(ctx, formatter)
        return formatter.getvalue().rstrip("\n")

    def help_in_color(self, ctx: click.Context, width: int) -> str:
        """Return the help with escape sequences for colors."""
        from s3batch_handler.cli.help._in_color import help_in_color  # a slow import

        return help_in_color(
            self,
            ctx,
            width=width,
            commands=self.summaries(),
            options=self.option_panels(ctx),
            examples=self.examples,
        )

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = self.visible_options(ctx)
        for title, names in self.option_panels(ctx).items():
            records = (options[name].get_help_record(ctx) for name in names)
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None])

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}".rstrip() + "\n")

    def option_panels(self, ctx: click.Context) -> Panels:
        """Return the names of the options by panel."""
        return option_panels(str(self.name), self.visible_options(ctx))

    def summaries(self) -> dict[str, str]:
        """Return the first paragraph of the help of each command: a group has commands."""
        return {}

    def visible_options(self, ctx: click.Context) -> dict[str, click.Option]:
        """Return the options that the help lists, by their long names."""
        return {
            max(option.opts, key=len): option
            for option in self.get_params(ctx)
            if isinstance(option, click.Option) and not option.hidden
        }


class _PlainFormatter(click.HelpFormatter):
    """Plain text that is wrapped at spaces only: ``--max-redrives`` stays whole."""

    @override
    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _HYPHEN))

    @override
    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        whole = [(name, text.replace("-", _HYPHEN)) for name, text in rows]
        super().write_dl(whole, col_max, col_spacing)

    @override
    def getvalue(self) -> str:
        return super().getvalue().replace(_HYPHEN, "-")


_HYPHEN: Final = "\N{NON-BREAKING HYPHEN}"
_MIN_WIDTH_OF_PANELS: Final = 60  # columns: long names of options, and examples, fit into them


class Group(Command, click.Group):
    """A group of commands, in the order in which they are usually needed."""

    command_class = Command

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {name!r}.{self.suggestion(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def suggestion(self, ctx: click.Context, name: str) -> str:
        """Return a sentence with the commands that were perhaps meant; empty if there are none."""
        from s3batch_handler.cli.help._suggestions import suggestion

        return suggestion(name, self.list_commands(ctx))

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        summaries = self.summaries()
        for title, names in command_panels(str(self.name), summaries).items():
            with formatter.section(title):
                formatter.write_dl([(name, summaries[name]) for name in names])
        super().format_options(ctx, formatter)

    @override
    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        commands = self.summaries().items()
        found = [CompletionItem(name, help=text) for name, text in commands]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [item for item in found if item.value.startswith(incomplete)] + options

    @override
    def summaries(self) -> dict[str, str]:
        """Return the first paragraph of the help of each command."""
        return {
            name: (command.help or "").partition("\n\n")[0].replace("\n", " ")
            for name, command in self.commands.items()
        }
