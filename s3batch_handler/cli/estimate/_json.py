"""An estimate as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.estimates._timing import explain_limit

if TYPE_CHECKING:
    from decimal import Decimal

    from s3batch_handler.cli.estimate._measured import Measured
    from s3batch_handler.estimates._advice import RateAdvice
    from s3batch_handler.estimates._cost import Part
    from s3batch_handler.estimates._estimate import Estimate


def json_of(
    estimate: Estimate, advice: RateAdvice | None, measured: Measured | None
) -> dict[str, Any]:
    """Return the members that ``s3batch estimate --json`` prints; docs/estimate.md lists them."""
    timing, workload = estimate.timing, estimate.workload
    return {
        "objects": workload.objects,
        "operation": workload.operation,
        "cost": {
            "total": float(estimate.cost.total),
            **{part.name: _number(part.usd) for part in estimate.cost.parts},
        },
        "parts": [_part(part) for part in estimate.cost.parts],
        "not_included": [_part(part) for part in estimate.cost.unpriced],
        "alternative": None
        if estimate.alternative is None
        else {
            "architecture": estimate.alternative.architecture,
            "total": float(estimate.alternative.total),
        },
        "seconds": None if timing is None else float(timing.seconds),
        "timing": None
        if timing is None
        else {
            "half_seconds": float(timing.half),
            "ramp_seconds": float(timing.ramp),
            "tasks_per_second": float(timing.tasks_per_second),
            "environments": timing.environments,
            "limited_by": timing.limited_by,
            "explanation": explain_limit(timing, workload, estimate.speed),
            "progress": [
                {"seconds": float(seconds), "tasks": tasks}
                for seconds, tasks in timing.points[::_EVERY]
            ],
        },
        "reserved_concurrency": None
        if advice is None
        else {
            "max_rate": float(advice.max_rate),
            "calls_per_object": float(advice.calls_per_object),
            "allowed_environments": advice.allowed,
            "concurrency": advice.concurrency,
        },
        "measured": None
        if measured is None
        else {
            "job_id": measured.job_id or None,
            "objects": measured.objects,
            "calls": measured.calls,
            "duration": _number(measured.duration),
            "memory_mb": measured.memory,
            "redrives": _number(measured.redrives),
            "rate": _number(measured.rate),
        },
        "warnings": list(estimate.warnings),
        "prices": {
            "date": estimate.prices.date.isoformat(),
            "region": estimate.prices.region,
            "currency": "USD",
        },
    }


_EVERY: Final = 6
"""Of 121 points, 21 are printed."""


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "quantity": float(part.quantity),
        "billed": float(part.billed),
        "unit": part.price.unit,
        "price": part.price.name,
        "usd": _number(part.price.usd),
        "per": part.price.per,
        "cost": _number(part.usd),
        "source": part.price.source or None,
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
