"""How long the calls of a function take, for an estimate of the same job in AWS."""

from __future__ import annotations

import threading


class CallTimes:
    """Sums the durations of calls. Threads may add to it at the same time.

    Attributes:
        calls: The number of calls, also of those that ended without an answer.
        seconds: The sum of their durations.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add(self, calls: int, seconds: float) -> None:
        with self._lock:
            self.calls += calls
            self.seconds += seconds

    @property
    def average(self) -> float | None:
        """Return the average duration of a call; ``None`` if there was none."""
        return self.seconds / self.calls if self.calls else None
