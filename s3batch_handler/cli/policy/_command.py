"""``s3batch policy``: IAM policies for jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3batch_handler.cli.help._classes import Group
from s3batch_handler.cli.policy._explain import explain
from s3batch_handler.cli.policy._print import print_policies
from s3batch_handler.core._typing import override

if TYPE_CHECKING:
    from collections.abc import Sequence


class _PolicyGroup(Group):
    """A group whose first command may be omitted: ``s3batch policy FILE``."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not self._names_a_command(args, ctx.help_option_names):
            args = ["print", *args]
        return super().parse_args(ctx, args)

    def _names_a_command(self, args: Sequence[str], help_options: Sequence[str]) -> bool:
        return args[0] in {*self.commands, *help_options}


@click.group(cls=_PolicyGroup)
def policy() -> None:
    """Print IAM policies for a job, and explain denied requests.

    's3batch policy FILE' is short for 's3batch policy print FILE'.
    """


policy.add_command(print_policies)
policy.add_command(explain)
