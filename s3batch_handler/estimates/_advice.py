"""Warnings about a job, and the reserved concurrency for a limit of what its function calls."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
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

    S3 Batch Operations has no setting for the rate of tasks. The concurrency of the function limits
    it.

    Attributes:
        max_rate: Calls per second that are allowed.
        calls_per_object: Calls that the function makes for an object.
        seconds_per_task: Seconds from one task of an execution environment to its next.
        account_concurrency: The concurrency of the account.
    """

    max_rate: Decimal
    calls_per_object: Decimal
    seconds_per_task: Decimal
    account_concurrency: int

    @property
    def calls_per_environment(self) -> Decimal:
        """Return the calls per second of one execution environment."""
        return self.calls_per_object / self.seconds_per_task

    @property
    def allowed(self) -> int:
        """Return how many execution environments respect the limit."""
        with localcontext(prec=_DIGITS):
            return int(self.max_rate * self.seconds_per_task // self.calls_per_object)

    @property
    def is_needed(self) -> bool:
        """Return whether the whole account would make more calls than allowed."""
        return self.allowed < self.account_concurrency

    @property
    def concurrency(self) -> int | None:
        """Return the concurrency to reserve; ``None`` if none is low enough, or none is needed.

        Lambda keeps 100 of the account unreserved.
        """
        if not self.is_needed:
            return None
        most = self.account_concurrency - limit("unreserved-concurrency")
        return min(self.allowed, max(most, 0)) or None


_DIGITS: Final = 100
"""All quotients are exact, also those of the largest and the smallest options."""


def advice_for(
    function: Function, *, max_rate: Decimal, calls_per_object: Decimal, account_concurrency: int
) -> RateAdvice:
    """Return the reserved concurrency for a limit of calls per second."""
    shortest = 1 / Decimal(limit("requests-per-environment"))
    return RateAdvice(
        max_rate=max_rate,
        calls_per_object=calls_per_object,
        seconds_per_task=max(function.duration, shortest),
        account_concurrency=account_concurrency,
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
        yield f"An account has at most {limit('active-jobs')} active jobs: the others wait."
    if workload.bytes_per_object and not _BILLED_BY_SIZE.intersection(
        part.name for part in (*cost.parts, *cost.unpriced)
    ):
        yield (
            "The size of the objects (--bytes) changes nothing: S3 bills no data for this job. If "
            "data leaves the Region, pass --transfer."
        )
    for part in cost.parts:
        tier = part.price.first_tier
        if tier is not None and part.billed > tier:
            yield (
                f"AWS charges less for more than {tier:,} {part.price.unit} in a month: "
                f"{part.name} is overestimated."
            )


_DAY: Final = 86_400
_BILLED_BY_SIZE: Final = frozenset(
    {"restored_data", "checksums", "s3_retrieval", "transfer_regions", "transfer_internet"}
)


def _warnings_about_concurrency(timing: Timing, speed: Speed) -> Iterator[str]:
    if speed.concurrency is None and timing.environments >= speed.account_concurrency:
        yield (
            f"The function takes all {speed.account_concurrency:,} concurrent executions of the "
            "account: Lambda throttles its other functions. Reserve less for this function: "
            "--concurrency."
        )
    most = limit("concurrency-used-by-s3")
    if timing.environments > most:
        possible = min(most, speed.account_concurrency - limit("unreserved-concurrency"))
        yield (
            f"An AWS sample says that S3 uses at most {most:,} concurrent executions, AWS's guides "
            f"do not. If so, the job takes longer: pass --concurrency {possible}."
        )
