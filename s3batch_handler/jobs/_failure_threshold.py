"""The failure threshold of a job: how many of its tasks may fail before the job ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self


@dataclass(frozen=True, slots=True)
class FailureThreshold:
    """How many tasks of a job may fail before the job ends as Failed.

    By default the rule of S3 Batch Operations applies: at least 1,000 tasks were run, and more than
    half of them failed. The others are those of Step Functions' Distributed Map, which have no
    minimum: ``ToleratedFailurePercentage`` and ``ToleratedFailureCount``.

    Attributes:
        percent: The percentage of all tasks of the job that may fail.
        count: The number of tasks that may fail.
    """

    percent: Decimal | None = None
    count: int | None = None

    @classmethod
    def parse(cls, value: str | int | None) -> Self:
        """Read a percentage (``"5%"``), a number (``10``, ``"10"``) or ``None``, the rule of S3.

        Raises:
            ValueError: The value has another form.
        """
        if value is None:
            return cls()
        found = _FORM.fullmatch(str(value))
        if found is None or isinstance(value, bool):
            raise ValueError(
                f"{value!r} is not a number of tasks: write 10, or 5% for a percentage"
            )
        number, is_percentage = found.groups()
        if not is_percentage:
            return cls(count=int(number))
        if (percent := Decimal(number)) > _ALL:
            raise ValueError(f"{value} is more than all tasks: write 0% to 100%")
        return cls(percent=percent)

    @property
    def rule(self) -> str:
        """The rule as text, after "the job fails if more tasks fail than"."""
        if self.count is not None:
            return f"{self.count:,} task{'' if self.count == 1 else 's'}"
        if self.percent is not None:
            return f"{self.percent}% of all tasks"
        return f"half of at least {_TASKS_BEFORE_S3_DECIDES:,} tasks"

    def tolerated(self, *, total: int | None, run: int, started: int | None = None) -> int | None:
        """Return how many tasks may have failed so far: the job ends when one more fails.

        Args:
            total: The number of all tasks; ``None`` if it is unknown.
            run: The number of tasks that have been run, including those that wait for a redrive.
            started: The number of tasks that have been started, if it is known. Those that have not
                ended count as successes.

        Returns:
            ``None`` if the job does not end now, however many tasks have failed.
        """
        if self.count is not None:
            return self.count
        if self.percent is None:
            is_enough = run >= _TASKS_BEFORE_S3_DECIDES
            return (run if started is None else started) // 2 if is_enough else None
        return None if total is None else int(total * self.percent / _ALL)

    def tolerated_so_far(self, *, total: int | None, run: int) -> int | None:
        """Return how many of the tasks that have run may have failed.

        A percentage is one of the tasks that have run, at least 100; before, one of all tasks.
        """
        if self.percent is None:
            return self.tolerated(total=total, run=run)
        base = run if run >= _TASKS_BEFORE_A_PERCENTAGE else total
        return None if base is None else int(base * self.percent / _ALL)

    def reason(self, *, failed: int, total: int | None, run: int) -> str:
        """Describe why the job failed, with the numbers."""
        text = f"{failed:,} of {run:,} tasks failed: "
        if self.count is not None:
            return f"{text}more than {self.count:,}"
        if self.percent is not None:
            return f"{text}more than {self.percent}% of all {total or run:,}"
        return f"{text}more than half"


_FORM: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6}(?=%))?)(%)?")
_ALL: Final = Decimal(100)
_TASKS_BEFORE_S3_DECIDES: Final = 1_000
_TASKS_BEFORE_A_PERCENTAGE: Final = 100

S3_THRESHOLD: Final = FailureThreshold()
