"""The progress of a job on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

import click

from s3batch_handler.cli._output import counted, print_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from click._termui_impl import ProgressBar

    from s3batch_handler.jobs._status import Progress

_SECONDS_BETWEEN_LINES: Final = 10.0
_T = TypeVar("_T")


@contextmanager
def show_progress(
    total: int, *, quiet: bool, owns_terminal: bool
) -> Iterator[Callable[[Progress], None] | None]:
    """Yield a function to call with each new progress; ``None`` when ``quiet``.

    Only with ``owns_terminal`` a bar is shown: output of other processes would overwrite it.
    """
    if quiet:
        yield None
    elif owns_terminal and sys.stderr is not None and sys.stderr.isatty():
        with _bar(total) as update:
            yield update
    else:
        yield _lines(total)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[Progress], None]]:
    failed = 0
    bar: ProgressBar[Progress] = click.progressbar(
        length=total,
        label=counted(total, "task"),
        file=sys.stderr,
        show_pos=True,
        item_show_func=lambda _: f"{failed:,} failed" if failed else None,
    )

    def update(progress: Progress) -> None:
        nonlocal failed
        failed = progress.failed
        with suppress(OSError):  # the terminal is closed, but the job continues
            bar.update(progress.done - bar.pos, current_item=progress)

    with suppress(OSError):
        bar.render_progress()
    try:
        yield update
    finally:
        with suppress(OSError):
            bar.render_finish()


def _lines(total: int) -> Callable[[Progress], None]:
    print_message(counted(total, "task"))
    latest = time.monotonic()

    def update(progress: Progress) -> None:
        nonlocal latest
        if time.monotonic() - latest >= _SECONDS_BETWEEN_LINES and progress.done < total:
            latest = time.monotonic()
            print_message(f"{progress.done:,} done, {progress.failed:,} failed")

    return update


def report_listing(objects: Iterable[_T], *, quiet: bool) -> Iterator[_T]:
    """Yield objects as they are listed, and print their number from time to time."""
    latest = time.monotonic()
    for count, item in enumerate(objects, 1):
        yield item
        # Reading the clock for each object would be slow.
        if not quiet and not count % _PAGE and time.monotonic() - latest >= _SECONDS_BETWEEN_LINES:
            latest = time.monotonic()
            print_message(f"{counted(count, 'object')} listed")


_PAGE: Final = 1000  # objects in one response of S3
