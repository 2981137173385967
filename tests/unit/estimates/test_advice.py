"""Warnings, and the reserved concurrency for a limit of what a function calls."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.estimates._advice import RateAdvice, advice_for
from s3batch_handler.estimates._estimate import estimate_job
from s3batch_handler.estimates._prices import read_prices
from s3batch_handler.estimates._ramp import Ramp
from s3batch_handler.estimates._timing import Speed
from s3batch_handler.estimates._workload import Function, Workload

durations = st.decimals("0.001", "900", places=3)
rates = st.decimals("0.1", "100000", places=1)
calls = st.decimals("0.1", "50", places=1)


def advice(rate: str, duration: str, *, calls: str = "1", account: int = 1000) -> RateAdvice:
    function = Function(memory=512, duration=Decimal(duration))
    return advice_for(
        function,
        max_rate=Decimal(rate),
        calls_per_object=Decimal(calls),
        account_concurrency=account,
    )


@pytest.mark.parametrize(
    ("rate", "duration", "calls", "expected"),
    [
        ("500", "0.2", "1", 100),
        ("100", "0.7", "1", 70),
        ("100", "0.01", "1", 10),  # at most 10 requests per second and environment
        ("95", "0.01", "2", 4),
        ("4", "0.2", "1", None),  # one environment makes 5 calls per second
        ("5000", "0.2", "1", None),  # all environments of the account make 5,000
        ("4900", "0.2", "1", 900),  # Lambda keeps 100 unreserved
    ],
)
def test_the_reserved_concurrency_is_the_rate_times_the_duration(
    rate: str, duration: str, calls: str, expected: int | None
) -> None:
    """Rounded down, and divided by the calls for each object."""
    assert advice(rate, duration, calls=calls).concurrency == expected


@given(rates, durations, calls)
def test_the_advised_concurrency_respects_the_limit_and_one_more_does_not(
    rate: Decimal, duration: Decimal, calls: Decimal
) -> None:
    """The advice is the highest concurrency that respects the limit."""
    function = Function(memory=512, duration=duration)
    result = advice_for(
        function, max_rate=rate, calls_per_object=calls, account_concurrency=1_000_000
    )
    each = Fraction(calls) / max(Fraction(duration), Fraction(1, 10))

    assert result.allowed * each <= Fraction(rate)
    assert (result.allowed + 1) * each > Fraction(rate)


def test_the_rate_of_the_ramp_is_that_of_the_advice() -> None:
    """The duration and the advice use the same model."""
    result = advice("500", "0.2")
    assert result.concurrency is not None

    ramp = Ramp(concurrency=result.concurrency, duration=Decimal("0.2"))

    assert ramp.tasks_per_second == 500


@pytest.mark.parametrize(
    ("objects", "speed", "limited_by"),
    [
        (10, Speed(account_concurrency=1000), "tasks"),
        (100_000, Speed(account_concurrency=1000), "account-concurrency"),
        (100_000, Speed(account_concurrency=1000, concurrency=10), "reserved-concurrency"),
        (100_000, Speed(account_concurrency=100_000), "scaling"),
        (100_000, Speed(account_concurrency=1000, rate=Decimal(10)), "rate"),
    ],
)
def test_the_reason_for_the_speed_is_named(objects: int, speed: Speed, limited_by: str) -> None:
    """A user learns what to change to make the job faster."""
    workload = Workload(objects=objects, function=Function(memory=512, duration=Decimal(1)))

    timing = estimate_job(workload, speed, read_prices()).timing

    assert timing is not None
    assert timing.limited_by == limited_by


def test_more_jobs_than_can_be_active_are_warned_about() -> None:
    """An account has six active jobs."""
    workload = Workload(objects=70, jobs=7, function=Function(memory=512, duration=Decimal(1)))

    result = estimate_job(workload, Speed(account_concurrency=1000), read_prices())

    assert result.cost.parts[0].usd == Decimal("1.75")
    assert "the others wait" in " ".join(result.warnings)


def test_a_lower_price_for_large_amounts_is_warned_about() -> None:
    """The estimate uses the price of the first tier."""
    workload = Workload(objects=10**10, function=Function(memory=1024, duration=Decimal(1)))

    result = estimate_job(workload, Speed(account_concurrency=1000), read_prices())

    assert any("lambda_duration is overestimated" in text for text in result.warnings)


def test_the_speed_is_that_of_the_environments_that_the_job_needs() -> None:
    """Ten tasks need ten environments, each of which runs 5 tasks per second."""
    workload = Workload(objects=10, function=Function(memory=512, duration=Decimal("0.2")))

    result = estimate_job(workload, Speed(account_concurrency=1000), read_prices())

    assert result.timing is not None
    assert result.timing.environments == 10
    assert result.timing.tasks_per_second == 50


@pytest.mark.parametrize(
    ("changes", "has_effect"),
    [
        ({}, False),
        ({"requests": {"GET": Decimal(1)}}, False),
        ({"requests": {"GET": Decimal(1)}, "storage_class": "STANDARD_IA"}, True),
        ({"transfer": "internet"}, True),
        ({"operation": "S3ComputeObjectChecksum", "function": None}, True),
        ({"operation": "S3PutObjectCopy", "function": None}, False),
    ],
)
def test_a_size_that_costs_nothing_is_warned_about(
    changes: dict[str, Any], has_effect: bool
) -> None:
    """S3 does not bill data that stays in its Region."""
    function = Function(memory=512, duration=Decimal(1))
    options: dict[str, Any] = {"objects": 10, "function": function, "bytes_per_object": Decimal(5)}

    result = estimate_job(
        Workload(**{**options, **changes}), Speed(account_concurrency=1000), read_prices()
    )

    assert ("--bytes" not in " ".join(result.warnings)) is has_effect


def test_the_concurrency_of_a_warning_can_be_reserved() -> None:
    """Lambda keeps 100 of the account unreserved."""
    workload = Workload(objects=10**7, function=Function(memory=512, duration=Decimal(1)))

    result = estimate_job(workload, Speed(account_concurrency=1050), read_prices())

    assert "pass --concurrency 950" in " ".join(result.warnings)


def test_the_advice_for_extreme_limits_is_exact() -> None:
    """The options allow numbers from 10⁻¹⁵ to 10¹⁵."""
    assert advice(f"{10**15}", "900", calls="0.000000000000001").allowed == 900 * 10**30


def test_restores_have_a_limit_of_s3() -> None:
    """S3 starts 1,000 restores per second, so 1 million take at least 1,000 seconds."""
    workload = Workload(
        objects=1_000_000, operation="S3InitiateRestoreObject", storage_class="GLACIER"
    )

    result = estimate_job(workload, Speed(account_concurrency=1000), read_prices())

    assert result.timing is not None
    assert result.timing.seconds == 1000
    assert result.timing.limited_by == "restores"
