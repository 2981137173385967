"""The progress of long work on standard error: a live display in a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.cli.terminal._progress_lines import SECONDS_BETWEEN_LINES, ProgressLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3batch_handler.engine.run._run_progress import RunProgress

_T = TypeVar("_T")


@contextmanager
def show_progress(
    total: int, *, quiet: bool, owns_terminal: bool
) -> Iterator[Callable[[RunProgress], None] | None]:
    """Yield a function to call with each new progress; ``None`` when ``quiet``.

    Only with ``owns_terminal`` there is a live display: other processes would write into it.
    """
    if quiet:
        yield None
    elif owns_terminal and is_live_terminal():
        from s3batch_handler.cli.terminal._live_display import live_display

        with live_display(longest_gap=_SUSPENDED) as display:
            yield display.update
    else:
        print_message(counted(total, "task"))
        yield ProgressLines(longest_gap=_SUSPENDED).update


_SUSPENDED: Final = 5.0  # seconds without progress: it is reported about ten times a second


def is_live_terminal() -> bool:
    """Return whether standard error is a terminal in which lines can be replaced."""
    stream = sys.stderr
    return (
        stream is not None
        and stream.isatty()
        and (stream.encoding or "").lower().replace("-", "") == "utf8"
        and os.environ.get("TERM", "dumb") not in _DUMB
        and os.environ.get("CI", "").lower() in _NOT_IN_CI
    )


_DUMB: Final = ("", "dumb", "unknown")
_NOT_IN_CI: Final = ("", "0", "false", "no")


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """Show in a live terminal what is being done."""
    if not is_live_terminal():
        yield
        return
    from s3batch_handler.cli.terminal._console import message_console, safe_text
    from s3batch_handler.cli.terminal._job_style import MUTED

    with message_console().status(safe_text(text, MUTED)):
        yield


def report_listing(
    objects: Iterable[_T], *, quiet: bool, noun: str = "object", verb: str = "listed"
) -> Iterator[_T]:
    """Yield objects as they are listed or read, and print their number from time to time."""
    latest = time.monotonic()
    for count, item in enumerate(objects, 1):
        yield item
        # Reading the clock for each object would be slow.
        if not quiet and not count % _PAGE and time.monotonic() - latest >= SECONDS_BETWEEN_LINES:
            latest = time.monotonic()
            print_message(f"{counted(count, noun)} {verb}")


class ProgressMessages:
    """Prints a number of objects from time to time, except where a spinner is shown."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._latest = time.monotonic()

    def __call__(self, count: int) -> None:
        """Print the number, unless the latest one was printed a short time ago."""
        now = time.monotonic()
        if now - self._latest >= SECONDS_BETWEEN_LINES and not is_live_terminal():
            self._latest = now
            print_message(f"{counted(count, 'object')} {self._verb}")


_PAGE: Final = 1000  # objects in one response of S3
