"""How long a job takes, and what limits it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from s3batch_handler.estimates._prices import limit
from s3batch_handler.estimates._ramp import Ramp
from s3batch_handler.estimates._workload import LAMBDA_INVOKE

if TYPE_CHECKING:
    from s3batch_handler.estimates._workload import Function, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What limits the speed of a job.

    Attributes:
        concurrency: The reserved concurrency of the function; ``None`` if it has none.
        account_concurrency: The concurrency of the account.
        rate: The tasks that S3 runs in a second, as measured; ``None`` if it is not known.
    """

    concurrency: int | None = None
    account_concurrency: int
    rate: Decimal | None = None

    @property
    def environments(self) -> int:
        """Return the most execution environments that the function can have."""
        if self.concurrency is None:
            return self.account_concurrency
        return min(self.concurrency, self.account_concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a job takes.

    Attributes:
        seconds: The time until all tasks are finished.
        half: The time until half of the tasks are finished.
        ramp: The time until the speed is highest, or until the end if that is earlier.
        tasks_per_second: The highest speed, with the environments that the job needs.
        environments: The number of execution environments that Lambda creates.
        limited_by: A word for what limits the speed.
        points: Times from 0 to the end, each with the number of finished tasks.
    """

    seconds: Decimal
    half: Decimal
    ramp: Decimal
    tasks_per_second: Decimal
    environments: int
    limited_by: str
    points: tuple[tuple[Decimal, int], ...]


def timing_of(workload: Workload, speed: Speed) -> Timing | None:
    """Return how long a workload takes; ``None`` if that depends on S3 alone and is not known."""
    if workload.function is not None:
        return _timing_of_function(workload.runs, workload.function, speed)
    rate, limited_by = speed.rate, "rate"
    if rate is None and workload.operation == "S3InitiateRestoreObject":
        rate, limited_by = Decimal(limit("restores-per-second")), "restores"
    return None if rate is None else _timing_at(rate, workload.runs, limited_by)


def _timing_of_function(tasks: int, function: Function, speed: Speed) -> Timing:
    ramp = Ramp(
        concurrency=speed.environments,
        duration=function.duration,
        init=function.init,
        rate=speed.rate,
    )
    seconds = ramp.seconds_for(tasks)
    half = ramp.seconds_for((tasks + 1) // 2)
    full_speed = ramp.seconds_to_full_speed
    environments = ramp.environments(tasks, seconds)
    return Timing(
        seconds=seconds,
        half=half,
        ramp=min(seconds, full_speed),
        tasks_per_second=ramp.tasks_per_second_of(environments),
        environments=environments,
        limited_by=_limit_of(ramp, speed, tasks=tasks, half=half),
        points=tuple((time, min(tasks, ramp.finished(time))) for time in _times(seconds)),
    )


def _limit_of(ramp: Ramp, speed: Speed, *, tasks: int, half: Decimal) -> str:
    """Return a word for what limits the speed for most of the time."""
    if ramp.is_limited_by_rate:
        return "rate"
    if tasks <= min(ramp.concurrency, limit("new-environments")):
        return "tasks"
    if half < ramp.seconds_to_full_speed - ramp.init:
        return "scaling"
    reserved = speed.concurrency is not None and speed.concurrency <= speed.account_concurrency
    return "reserved-concurrency" if reserved else "account-concurrency"


def _timing_at(rate: Decimal, tasks: int, limited_by: str) -> Timing:
    """Return the timing of a job that runs at the same speed all the time."""
    seconds = tasks / rate
    return Timing(
        seconds=seconds,
        half=seconds / 2,
        ramp=Decimal(0),
        tasks_per_second=rate,
        environments=0,
        limited_by=limited_by,
        points=tuple((time, min(tasks, round(time * rate))) for time in _times(seconds)),
    )


def _times(end: Decimal) -> list[Decimal]:
    """Return equally spaced times from 0 to the end."""
    return [end * step / _STEPS for step in range(_STEPS)] + [end]


_STEPS: Final = 120


def explain_limit(timing: Timing, workload: Workload, speed: Speed) -> str:
    """Return what limits the speed, as a phrase for people."""
    per_second = limit("requests-per-environment")
    texts = {
        "rate": f"the rate at which S3 runs tasks (--rate {speed.rate})",
        "restores": (
            f"S3 starts at most {limit('restores-per-second'):,} restores per second and account; "
            "the objects are readable hours later"
        ),
        "tasks": "the duration of one task: all tasks run at the same time",
        "scaling": (
            f"Lambda creates at most {limit('new-environments'):,} environments every "
            f"{limit('scaling-interval')} s"
        ),
        "reserved-concurrency": f"the reserved concurrency of the function: {speed.environments:,}",
        "account-concurrency": f"the concurrency of the account: {speed.environments:,}",
    }
    text = texts[timing.limited_by]
    function = workload.function
    is_short = function is not None and function.duration * per_second < 1
    if workload.operation == LAMBDA_INVOKE and is_short and "concurrency" in timing.limited_by:
        text += f", at {per_second} requests per second for each environment"
    return text
