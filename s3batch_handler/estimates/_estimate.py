"""Estimate a job before it is created: its cost, its duration, and what to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3batch_handler.estimates._advice import warnings_about
from s3batch_handler.estimates._cost import cost_of
from s3batch_handler.estimates._timing import timing_of

if TYPE_CHECKING:
    from s3batch_handler.estimates._cost import Cost
    from s3batch_handler.estimates._prices import PriceList
    from s3batch_handler.estimates._timing import Speed, Timing
    from s3batch_handler.estimates._workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job will cost, and how long it will take.

    Attributes:
        timing: ``None`` if the duration depends on S3 alone, which publishes no rate.
        warnings: What is unusual, one sentence or two each.
    """

    workload: Workload
    prices: PriceList
    speed: Speed
    cost: Cost
    timing: Timing | None
    warnings: tuple[str, ...]


def estimate_job(
    workload: Workload, speed: Speed, prices: PriceList, *, free_tier: bool = False
) -> Estimate:
    """Estimate a job: its duration first, because each environment it needs is initialized."""
    timing = timing_of(workload, speed)
    cost = cost_of(
        workload,
        prices,
        environments=0 if timing is None else timing.environments,
        free_tier=free_tier,
    )
    return Estimate(
        workload=workload,
        prices=prices,
        speed=speed,
        cost=cost,
        timing=timing,
        warnings=tuple(warnings_about(workload, cost, timing, speed)),
    )
