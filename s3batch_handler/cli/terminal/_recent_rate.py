"""How fast tasks end: the rate of recent seconds, and the time that the others will take."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._job_style import duration

if TYPE_CHECKING:
    from s3batch_handler.engine.run._run_progress import RunProgress


class RecentRate:
    """The rate at which a number grows: over ten seconds, or longer if it grows slowly.

    Args:
        longest_gap: Seconds without a call of :meth:`add` after which it starts again, because this
            process was suspended.
    """

    def __init__(self, longest_gap: float = math.inf) -> None:
        self._longest_gap = longest_gap
        self._samples: deque[tuple[float, int]] = deque(maxlen=_MAX_SAMPLES)
        self._latest = (-math.inf, 0)

    def add(self, now: float, number: int) -> None:
        """Add the number that was reached at a time."""
        if now - self._latest[0] > self._longest_gap or number < self._latest[1]:
            self._samples.clear()
        self._latest = (now, number)
        samples = self._samples
        if not samples or now - samples[-1][0] >= _BETWEEN_SAMPLES:
            samples.append(self._latest)
        while len(samples) > 1 and self._is_enough(*samples[1]):
            samples.popleft()

    def _is_enough(self, since: float, number: int) -> bool:
        now, latest = self._latest
        return now - since >= _WINDOW and latest - number >= _LEAST_GROWTH

    @property
    def per_second(self) -> float | None:
        """The rate; ``None`` if it is unknown, or if the number does not grow."""
        if not self._samples:
            return None
        (first, number), (now, latest) = self._samples[0], self._latest
        return (latest - number) / (now - first) if now > first and latest > number else None


_WINDOW: Final = 10.0  # seconds
_LEAST_GROWTH: Final = 20
_BETWEEN_SAMPLES: Final = 0.5  # seconds
_MAX_SAMPLES: Final = 2_000


def rate_text(per_second: float) -> str:
    """Return a rate such as ``134 tasks/s`` or ``2.5 tasks/min``."""
    seconds, unit = next(
        (each for each in _UNITS if per_second * each[0] >= _LEAST_SHOWN), _UNITS[-1]
    )
    rate = per_second * seconds
    return f"{rate:,.0f} tasks/{unit}" if rate >= _WHOLE_NUMBERS else f"{rate:.2g} tasks/{unit}"


_UNITS: Final = ((1, "s"), (60, "min"), (3600, "h"))
_LEAST_SHOWN: Final = 0.5
_WHOLE_NUMBERS: Final = 10


def time_left(progress: RunProgress, per_second: float) -> str | None:
    """Return ``about 3 min left``: each task that has no final result needs one more call."""
    if progress.total is None or progress.total <= progress.done:
        return None
    seconds = (progress.total - progress.done) / per_second
    return f"about {duration(max(1, round(seconds)))} left"
