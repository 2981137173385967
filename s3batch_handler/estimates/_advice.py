"""Warnings about a job, and the reserved concurrency for a limit of what its function calls."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import floor
from typing import TYPE_CHECKING, Final

from s3batch_handler.estimates._prices import limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.estimates._cost import Cost
    from s3batch_handler.estimates._timing import Speed, Timing
    from s3batch_handler.estimates._workload import Function, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class RateAdvice:
    """The reserved concurrency with which a function respects a limit of what it calls.

    S3 Batch Operations has no setting for the rate of tasks: the concurrency of the function is the
    only brake.

    Attributes:
        max_rate: Calls per second that are allowed.
        calls_per_object: Calls that the function makes for an object.
        calls_per_environment: Calls per second of one execution environment.
    """

    max_rate: Decimal
    calls_per_object: Decimal
    calls_per_environment: Decimal

    @property
    def concurrency(self) -> int:
        """Return the reserved concurrency; 0 if one environment alone exceeds the limit."""
        return floor(self.max_rate / self.calls_per_environment)


def advice_for(function: Function, *, max_rate: Decimal, calls_per_object: Decimal) -> RateAdvice:
    """Return the reserved concurrency for a limit of calls per second."""
    tasks_per_second = min(1 / function.duration, Decimal(limit("requests-per-environment")))
    return RateAdvice(
        max_rate=max_rate,
        calls_per_object=calls_per_object,
        calls_per_environment=calls_per_object * tasks_per_second,
    )


def warnings_about(
    workload: Workload, cost: Cost, timing: Timing | None, speed: Speed
) -> Iterator[str]:
    """Yield what is unusual about a job, with what to do."""
    if workload.function is not None and timing is not None:
        yield from _warnings_about_concurrency(timing, speed)
    if timing is not None and timing.seconds > limit("job-kept-days") * _DAY:
        yield (
            f"The job takes longer than {limit('job-kept-days')} days, the time for which S3 keeps "
            "the record of a finished job: split it, or run more tasks at the same time."
        )
    if workload.jobs > limit("active-jobs"):
        yield (
            f"An account has at most {limit('active-jobs')} active jobs: the other "
            f"{workload.jobs - limit('active-jobs'):,} wait."
        )
    for part in cost.parts:
        tier = part.price.first_tier
        if tier is not None and part.billed > tier:
            yield (
                f"AWS charges less for more than {tier:,} {part.price.unit} in a month: "
                f"{part.name} is overestimated."
            )


_DAY: Final = 86_400


def _warnings_about_concurrency(timing: Timing, speed: Speed) -> Iterator[str]:
    if speed.concurrency is None and timing.environments >= speed.account_concurrency:
        yield (
            f"The function takes all {speed.account_concurrency:,} concurrent executions of the "
            "account: Lambda throttles its other functions. Reserve less for this function: "
            "--concurrency."
        )
    most = limit("concurrency-used-by-s3")
    if timing.environments > most:
        yield (
            f"An AWS sample says that S3 uses at most {most:,} concurrent executions, AWS's guides "
            f"do not. If so, the job takes longer: pass --concurrency {most}."
        )
