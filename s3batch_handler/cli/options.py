"""Options that several commands have, and what makes them wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.errors import S3BatchError

if TYPE_CHECKING:
    from collections.abc import Callable


class UsageProblem(S3BatchError):
    """What was asked for cannot be done: exit code 2."""


def _arguments(
    _context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    """Read ``k=v`` pairs, within the limits of CreateJob's ``UserArguments``."""
    arguments: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE")
        if not 1 <= len(name) <= 64:
            raise click.BadParameter(f"{name!r}: a name has 1 to 64 characters")
        if len(value) > 1024:
            raise click.BadParameter(f"{name}: a value has at most 1,024 characters")
        if name in arguments:
            raise click.BadParameter(f"{name} is given twice")
        arguments[name] = value
    if len(arguments) > 10:
        raise click.BadParameter("a job takes at most 10 user arguments")
    return arguments


arguments_option: Callable[[Any], Any] = click.option(
    "--arguments",
    "-a",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_arguments,
    help="A user argument of the job (schema 2.0); repeat for more.",
)

schema_option: Callable[[Any], Any] = click.option(
    "--schema",
    type=click.Choice(["1.0", "2.0"]),
    help="Invocation schema version.  [default: 1.0 as in S3, 2.0 with --arguments]",
)


def schema_for(schema: str | None, arguments: dict[str, str]) -> str:
    """Settle the schema version: user arguments need 2.0."""
    if schema == "1.0" and arguments:
        raise click.UsageError("--arguments needs --schema 2.0: schema 1.0 has no user arguments")
    return schema or ("2.0" if arguments else "1.0")
