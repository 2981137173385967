"""Complete the values of arguments and options in a shell: files and starters.

The functions are values of ``shell_complete=``. They never raise, because the shell would print the
error into the line that is being typed.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

Items: TypeAlias = "list[CompletionItem[str]]"  # a string: no generic class before click 8.4


def complete_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Return the files that the shell finds."""
    return [CompletionItem(incomplete, type="file")]


def complete_starters(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> Items:
    """Return the names of the starters, with their descriptions."""
    from s3batch_handler.cli._scaffolding import starters

    names: dict[str, str] = {}
    with suppress(Exception):
        names = {name: starter.about for name, starter in starters().items()}
    return completion_items(names, incomplete)


def completion_items(names: dict[str, str], incomplete: str) -> Items:
    """Return the names that begin with ``incomplete``, with their descriptions.

    Other names are left out: the scripts of click expand ``*``, and split at commas.
    """
    from s3batch_handler.core._sanitize import safe_line

    return [
        CompletionItem(name, help=safe_line(about, _MAX_HELP) or None)
        for name, about in names.items()
        if name.startswith(incomplete) and is_id(name)
    ]


def is_id(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{0,100}", text) is not None


_MAX_HELP: Final = 100  # characters
