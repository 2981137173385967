"""Estimate a job before it is created: its cost, its duration, and what to know about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from s3batch_handler.estimates._advice import warnings_about
from s3batch_handler.estimates._cost import cost_of
from s3batch_handler.estimates._timing import timing_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from s3batch_handler.estimates._cost import Cost
    from s3batch_handler.estimates._prices import PriceList
    from s3batch_handler.estimates._timing import Speed, Timing
    from s3batch_handler.estimates._workload import Architecture, Workload


class Alternative(NamedTuple):
    """What the job costs with the other processor, if the function is as fast there."""

    architecture: Architecture
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job will cost, and how long it will take.

    Attributes:
        timing: ``None`` if the duration depends on S3 alone, which publishes no rate.
        alternative: ``None`` for S3's own operations, and if a price is not known.
        warnings: What is unusual, one sentence or two each.
    """

    workload: Workload
    prices: PriceList
    speed: Speed
    cost: Cost
    timing: Timing | None
    alternative: Alternative | None
    warnings: tuple[str, ...]


def estimate_job(
    workload: Workload, speed: Speed, prices: PriceList, *, free_tier: bool = False
) -> Estimate:
    """Estimate a job: its duration first, because each environment it needs is initialized."""
    timing = timing_of(workload, speed)
    environments = 0 if timing is None else timing.environments

    def cost_with(workload: Workload) -> Cost:
        return cost_of(workload, prices, environments=environments, free_tier=free_tier)

    cost = cost_with(workload)
    return Estimate(
        workload=workload,
        prices=prices,
        speed=speed,
        cost=cost,
        timing=timing,
        alternative=None if cost.unpriced else _alternative(workload, cost_with),
        warnings=tuple(warnings_about(workload, cost, timing, speed)),
    )


def _alternative(workload: Workload, cost_with: Callable[[Workload], Cost]) -> Alternative | None:
    function = workload.function
    if function is None:
        return None
    other: Architecture = "x86_64" if function.architecture == "arm64" else "arm64"
    cost = cost_with(replace(workload, function=replace(function, architecture=other)))
    return None if cost.unpriced else Alternative(other, cost.total)
