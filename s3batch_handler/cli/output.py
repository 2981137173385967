"""What reaches the terminal: data on standard output, talk on standard error."""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import TextIOWrapper


def show(text: str) -> None:
    """Print data. Whoever has stopped reading (``| head -1``) does not want the rest."""
    try:
        click.echo(text)
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what is still buffered goes there, without a word
        os.close(nowhere)
        if error.errno not in _NOBODY_READS:
            raise OSError(error.errno, error.strerror, "standard output") from error


_NOBODY_READS: Final = (errno.EPIPE, errno.EIO)  # EIO: the terminal is closed


def show_json(value: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Print JSON; in ASCII: any locale can print it, and a terminal cannot be steered by it."""
    show(json.dumps(value, indent=indent, default=datetime.isoformat))


def say(text: str) -> None:
    """Tell a person what happens; no reason to stop if that is impossible."""
    with suppress(OSError):
        click.echo(text, err=True)


def use_standard_streams_safely() -> None:
    """Make sure that all three are open, and that they take any character."""
    for number in range(3):  # or pipes to workers would get these numbers
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (cast("Any", sys.stdout), cast("Any", sys.stderr)):
        if stream is not None:  # closed by whoever started us
            cast("TextIOWrapper", stream).reconfigure(errors="backslashreplace")
