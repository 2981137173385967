"""How many tasks ended in each interval of a job, and how fast tasks end now."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.documents.reports._run_record import RateHistory

MAX_INTERVALS: Final = 240


class RateRecorder:
    """Records how many tasks have ended at which time, in a limited number of intervals.

    If a job takes longer than all intervals, each interval becomes twice as long.

    Args:
        facts: The :meth:`facts` to continue from.
        seconds, succeeded, failed: How long the job has been Active, and the tasks that have ended,
            if these facts are missing. The rate so far is then assumed to be constant.
    """

    def __init__(
        self,
        facts: Mapping[str, Any] | None = None,
        *,
        seconds: float = 0.0,
        succeeded: int = 0,
        failed: int = 0,
    ) -> None:
        self._interval = _FIRST_INTERVAL
        self._totals: list[tuple[int, int]] = []  # of tasks, at the end of each interval
        self._latest = (0.0, 0, 0)
        if facts is not None:
            self._interval = facts["interval"]
            self._totals = [(total[0], total[1]) for total in facts["totals"]]
            self._latest = (facts["seconds"], facts["succeeded"], facts["failed"])
            return
        steps = min(MAX_INTERVALS, int(seconds / _FIRST_INTERVAL)) if seconds else 0
        for step in range(1, steps + 1):
            self.add(seconds * step / steps, succeeded * step // steps, failed * step // steps)

    def add(self, seconds: float, succeeded: int, failed: int) -> None:
        """Add how many tasks have ended after some seconds.

        If a bound of an interval is between this time and the latest one, the tasks are distributed
        to both intervals. If nothing was added for longer than that, they count for the last one.
        """
        since, *before = self._latest
        seconds = max(seconds, since)
        while seconds >= self._interval * MAX_INTERVALS:
            self._double()
        number = int(seconds / self._interval)
        bound = self._interval * len(self._totals)
        if number == len(self._totals) and since < bound <= seconds and self._totals:
            part = (bound - since) / (seconds - since) if seconds > since else 1.0
            ended = (succeeded - before[0], failed - before[1])
            self._totals[-1] = (
                before[0] + int(ended[0] * part),
                before[1] + int(ended[1] * part),
            )
        while len(self._totals) <= number:
            self._totals.append((before[0], before[1]) if not self._totals else self._totals[-1])
        self._totals[-1] = (succeeded, failed)
        self._latest = (seconds, succeeded, failed)

    def _double(self) -> None:
        """Merge each interval with the next one."""
        self._interval *= 2
        self._totals = [*self._totals[1::2], *self._totals[len(self._totals) // 2 * 2 :]]

    def facts(self) -> dict[str, Any]:
        """Return all that was recorded, as JSON can represent it."""
        seconds, succeeded, failed = self._latest
        return {
            "interval": self._interval,
            "totals": list(self._totals),
            "seconds": seconds,
            "succeeded": succeeded,
            "failed": failed,
        }

    def history(self) -> RateHistory | None:
        """Return the tasks that ended in each interval; ``None`` if none has ended."""
        if not any(map(any, self._totals)):
            return None
        steps = list(pairwise([(0, 0), *self._totals]))
        return {
            "seconds": self._interval,
            "succeeded": [after[0] - before[0] for before, after in steps],
            "failed": [after[1] - before[1] for before, after in steps],
        }


_FIRST_INTERVAL: Final = 0.5  # seconds


class RecentRates:
    """How fast a number grows: over the last seconds, the last minute, and on average.

    Args:
        seconds, number: The time at which this starts, and the number at this time.
    """

    def __init__(self, seconds: float = 0.0, number: int = 0) -> None:
        self._samples = deque([(seconds, number)])

    def add(self, seconds: float, number: int) -> None:
        """Add the number that was reached at a time."""
        samples = self._samples
        if len(samples) > 1 and seconds - samples[-2][0] < _BETWEEN_SAMPLES:
            samples[-1] = (seconds, number)
        else:
            samples.append((seconds, number))
        while len(samples) > 2 and samples[1][0] <= seconds - _MINUTE:
            samples.popleft()

    @property
    def now(self) -> float | None:
        """The rate per second over the last ten seconds; ``None`` if the number does not grow."""
        return self._over(_NOW)

    @property
    def average(self) -> float | None:
        """The rate per second since the job became Active."""
        seconds, number = self._samples[-1]
        return number / seconds if seconds > 0 and number else None

    def time_left(self, remaining: int) -> tuple[float, float] | None:
        """Return the seconds for the remaining calls, at least and at most.

        These are the times by the highest and the lowest of three rates: over the last ten seconds,
        the last minute, and the whole job. ``None`` until the job has run for some seconds.
        """
        seconds, number = self._samples[-1]
        if remaining <= 0 or seconds < _LEAST_SECONDS or number < _LEAST_NUMBER:
            return None
        rates = [rate for rate in (self.now, self._over(_MINUTE), self.average) if rate]
        return (remaining / max(rates), remaining / min(rates)) if rates else None

    def _over(self, window: float) -> float | None:
        seconds, number = self._samples[-1]
        since, before = next(
            (each for each in reversed(self._samples) if each[0] <= seconds - window),
            self._samples[0],
        )
        grows = seconds > since and number > before
        return (number - before) / (seconds - since) if grows else None


_NOW: Final = 10.0  # seconds
_MINUTE: Final = 60.0
_BETWEEN_SAMPLES: Final = 0.5
_LEAST_SECONDS: Final = 3.0
_LEAST_NUMBER: Final = 10
