"""How long calls take: a histogram with a logarithmic scale, whose size is limited."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3batch_handler.documents.reports._run_record import Durations


class CallDurations:
    """Counts calls by their duration. Percentiles differ by at most 5 % from the exact ones.

    Args:
        facts: The :meth:`facts` to continue from.

    Attributes:
        calls: The number of calls.
        seconds: The sum of their durations.
    """

    def __init__(self, facts: Mapping[str, Any] | None = None) -> None:
        known = facts or {}
        self.calls: int = known.get("calls", 0)
        self.seconds: float = known.get("seconds", 0.0)
        self._maximum: float = known.get("maximum", 0.0)
        self._counts = Counter[int](dict(known.get("counts", ())))

    def add(self, durations: Iterable[float], *, unit: float = 1.0) -> None:
        """Count the durations of calls, in units of so many seconds."""
        # Durations of short calls are whole microseconds, so that many of them are equal.
        counts = Counter(durations)
        if not counts:
            return
        self.calls += counts.total()
        self.seconds += sum(map(mul, counts.keys(), counts.values())) * unit
        self._maximum = max(self._maximum, max(counts) * unit)
        for duration, count in counts.items():
            self._counts[_bucket_of(duration * unit)] += count

    def facts(self) -> dict[str, Any]:
        """Return all that was added, as JSON can represent it."""
        return {
            "calls": self.calls,
            "seconds": self.seconds,
            "maximum": self._maximum,
            "counts": sorted(self._counts.items()),
        }

    def durations(self) -> Durations | None:
        """Return the percentiles and the histogram; ``None`` without a call."""
        if not self.calls:
            return None
        counts = sorted(self._counts.items())
        return {
            "calls": self.calls,
            "average": _rounded(self.seconds / self.calls),
            "p50": self._percentile(counts, 50),
            "p90": self._percentile(counts, 90),
            "p99": self._percentile(counts, 99),
            "maximum": _rounded(self._maximum),
            "histogram": [(_rounded(_upper_bound(number)), count) for number, count in counts],
        }

    def _percentile(self, counts: list[tuple[int, int]], percent: int) -> float:
        """Return the middle of the bucket that contains the percentile (nearest rank)."""
        rank = math.ceil(self.calls * percent / 100)
        seconds = 0.0
        for number, count in counts:
            seconds = _upper_bound(number) / math.sqrt(_GROWTH)
            rank -= count
            if rank <= 0:
                break
        return _rounded(min(seconds, self._maximum))


_SHORTEST: Final = 1e-6  # seconds
_LONGEST: Final = 1e6
_GROWTH: Final = 1.08  # from one bound to the next: about 360 buckets
_LOG_OF_GROWTH: Final = math.log(_GROWTH)


@lru_cache(maxsize=4096)  # short calls have few different durations
def _bucket_of(seconds: float) -> int:
    """Return the number of the first bucket whose upper bound is not less than the duration."""
    if seconds <= _SHORTEST:
        return 0
    return math.ceil(math.log(min(seconds, _LONGEST) / _SHORTEST) / _LOG_OF_GROWTH - _TOLERANCE)


_TOLERANCE: Final = 1e-9  # a bound itself belongs to the bucket below it


def _upper_bound(number: int) -> float:
    return float(_SHORTEST * _GROWTH**number)


def _rounded(seconds: float) -> float:
    """Return a duration with four significant digits."""
    return float(f"{seconds:.4g}")
