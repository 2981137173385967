"""The progress of a job as plain lines: in pipes, files and CI."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.cli.terminal._recent_rate import RecentRate, rate_text, time_left

if TYPE_CHECKING:
    from s3batch_handler.engine.run._run_progress import RunProgress


class ProgressLines:
    """Prints a line every ten seconds, and when a pass begins.

    Args:
        longest_gap: See :class:`RecentRate`.
    """

    def __init__(self, *, longest_gap: float = math.inf) -> None:
        self._rate = RecentRate(longest_gap)
        self._pass_number = 1
        self._latest = time.monotonic()

    def update(self, progress: RunProgress) -> None:
        """Print the progress if a line is due."""
        now = time.monotonic()
        self._rate.add(now, progress.answers)
        if progress.pass_number > self._pass_number and progress.waiting:
            self._pass_number = progress.pass_number
            tasks = counted(progress.waiting, "task")
            print_message(f"pass {progress.pass_number}: {tasks} to retry")
        if now - self._latest >= SECONDS_BETWEEN_LINES and progress.done != progress.total:
            self._latest = now
            print_message(_line(progress, self._rate.per_second))


SECONDS_BETWEEN_LINES: Final = 10.0


def _line(progress: RunProgress, per_second: float | None) -> str:
    parts = [f"{progress.done:,} done", f"{progress.failed:,} failed"]
    if progress.waiting:
        parts.append(f"{progress.waiting:,} waiting for a redrive")
    if per_second is not None:
        parts.append(rate_text(per_second))
        parts.extend(filter(None, [time_left(progress, per_second)]))
    return ", ".join(parts)
