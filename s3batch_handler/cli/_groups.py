"""Groups of commands."""

from __future__ import annotations

import click

from s3batch_handler.core._typing import override


class OrderedGroup(click.Group):
    """A group that lists its commands in the order in which they are usually needed."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)
