"""The live display of a job: the last lines of the terminal, four times a second."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._recent_rate import RecentRate
from s3batch_handler.cli.terminal._terminal_region import (
    Line,
    TerminalRegion,
    region_of_standard_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from s3batch_handler.engine.run._run_progress import RunProgress
    from s3batch_handler.jobs._status import JobStatus


class LiveDisplay:
    """Shows the progress of a job in the last lines of the terminal.

    Args:
        region: The lines.
        longest_gap: See :class:`RecentRate`.
    """

    def __init__(self, region: TerminalRegion, *, longest_gap: float = math.inf) -> None:
        self._region = region
        self._rate = RecentRate(longest_gap)
        # Rich is imported, and the first frame is drawn, while workers already run tasks.
        self._next_frame = time.monotonic() + BETWEEN_FRAMES
        self._progress: RunProgress | None = None

    def update(self, progress: RunProgress) -> None:
        """Show the progress if a frame is due, and a change of the status or the pass at once."""
        before, self._progress = self._progress, progress
        if before is not None and _phase(before) != _phase(progress):
            self._next_frame = 0.0
        self._rate.add(time.monotonic(), progress.answers)
        self.draw_if_due()

    def draw_if_due(self) -> None:
        """Draw a frame with the latest progress, for the size that the terminal has now."""
        if self._progress is None or time.monotonic() < self._next_frame:
            return
        from s3batch_handler.cli.terminal._progress_view import progress_lines

        size = self._region.size()
        texts = progress_lines(self._progress, self._rate.per_second, size.columns, size.lines)
        self._region.draw(_rendered(texts))
        self._next_frame = time.monotonic() + BETWEEN_FRAMES


BETWEEN_FRAMES: Final = 0.25  # seconds


def _phase(progress: RunProgress) -> tuple[JobStatus, int]:
    return progress.status, progress.pass_number if progress.waiting else 1


def _rendered(texts: Sequence[Text]) -> list[Line]:
    """Return lines with the codes of their colors, which NO_COLOR switches off."""
    from s3batch_handler.cli.terminal._console import message_console

    console = message_console()
    with console.capture() as captured:
        for text in texts:
            console.print(text, soft_wrap=True)
    return [
        Line(line, text.cell_len)
        for line, text in zip(captured.get().splitlines(), texts, strict=True)
    ]


@contextmanager
def live_display(*, longest_gap: float = math.inf) -> Iterator[LiveDisplay]:
    """Show a display while the block runs, and remove it at the end."""
    with region_of_standard_error() as region:
        yield LiveDisplay(region, longest_gap=longest_gap)
