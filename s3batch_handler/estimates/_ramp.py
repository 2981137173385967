"""How many tasks a Lambda function has finished after some time, within Lambda's limits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Final

from s3batch_handler.estimates._prices import limit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND: Final = 1_000_000  # microseconds: integers, so that all results are exact


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """The execution environments of a function, from the first invocation to full speed.

    Lambda creates at most 1,000 environments every 10 seconds, up to ``concurrency``. Each runs its
    tasks one after the other, after its initialization, and at most 10 in a second. S3 is assumed
    to have a task for each environment at any time.

    Attributes:
        concurrency: The most environments.
        duration: Seconds that a task takes.
        init: Seconds that the initialization of an environment takes.
        rate: The most tasks that S3 starts in a second; ``None`` for no such limit.
    """

    concurrency: int
    duration: Decimal
    init: Decimal = Decimal(0)
    rate: Decimal | None = None

    @property
    def tasks_per_second(self) -> Decimal:
        """Return the speed when all environments exist."""
        return self.tasks_per_second_of(self.concurrency)

    def tasks_per_second_of(self, environments: int) -> Decimal:
        """Return the speed of some of the environments."""
        speed = Decimal(environments) * _SECOND / self._period
        return speed if self.rate is None else min(speed, self.rate)

    @property
    def seconds_to_full_speed(self) -> Decimal:
        """Return the time until the last environment is initialized."""
        return Decimal(self._groups[-1][0]) / _SECOND

    @property
    def is_limited_by_rate(self) -> bool:
        """Return whether S3 starts fewer tasks than the environments could run."""
        return self.rate is not None and self.tasks_per_second == self.rate

    def finished(self, seconds: Decimal) -> int:
        """Return how many tasks are finished after a time."""
        return self._finished(int(seconds * _SECOND))

    def environments(self, tasks: int, seconds: Decimal) -> int:
        """Return how many environments have finished a task when all tasks are finished."""
        end = int(seconds * _SECOND)
        created = sum(size for ready, size in self._groups if ready + self._period <= end)
        if self.rate is not None:
            created = min(created, ceil(self.rate * self._period / _SECOND))
        return min(tasks, max(created, 1))

    def seconds_for(self, tasks: int) -> Decimal:
        """Return the time in which a number of tasks is finished."""
        if not tasks:
            return Decimal(0)
        low, high = 0, self._period
        while self._finished(high) < tasks:
            low, high = high, high * 2
        while low < high:  # the first microsecond in which they are finished
            middle = (low + high) // 2
            low, high = (low, middle) if self._finished(middle) >= tasks else (middle + 1, high)
        return Decimal(low) / _SECOND

    def _finished(self, time: int) -> int:
        tasks = sum(
            size * ((time - ready) // self._period) for ready, size in self._groups if time > ready
        )
        return tasks if self.rate is None else min(tasks, int(time * self.rate / _SECOND))

    @cached_property
    def _period(self) -> int:
        """Return the microseconds from one task of an environment to its next."""
        return max(_microseconds(self.duration), _SECOND // limit("requests-per-environment"))

    @cached_property
    def _groups(self) -> tuple[tuple[int, int], ...]:
        """Return when environments are initialized, and how many at this time."""
        return tuple(self._create_environments())

    def _create_environments(self) -> Iterator[tuple[int, int]]:
        most, interval = limit("new-environments"), limit("scaling-interval") * _SECOND
        for number, first in enumerate(range(0, self.concurrency, most)):
            yield number * interval + _microseconds(self.init), min(most, self.concurrency - first)


def _microseconds(seconds: Decimal) -> int:
    return int((seconds * _SECOND).to_integral_value(ROUND_CEILING))
