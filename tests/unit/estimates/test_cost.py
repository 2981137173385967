"""The cost of a job: its parts, exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.estimates._cost import Cost, cost_of
from s3batch_handler.estimates._prices import limit, read_prices
from s3batch_handler.estimates._workload import (
    ARCHIVES,
    LAMBDA_INVOKE,
    OPERATIONS,
    STORAGE_CLASSES,
    Function,
    Workload,
)

PRICES = read_prices()
FUNCTION = Function(memory=512, duration=Decimal("0.2"))

functions = st.builds(
    Function,
    memory=st.integers(128, 10_240),
    duration=st.decimals("0.001", "900", places=3),
    architecture=st.sampled_from(["x86_64", "arm64"]),
)


def parts(cost: Cost) -> dict[str, Decimal | None]:
    return {part.name: part.usd for part in cost.parts}


def cost(**changes: Any) -> Cost:
    options: dict[str, Any] = {"objects": 1_000_000, "function": FUNCTION, **changes}
    return cost_of(Workload(**options), PRICES)


def test_the_worked_case() -> None:
    """10 million objects, 512 MB, 0.2 s, x86: 0.25 + 10 + 2 + 16.67 = 28.92 USD."""
    result = cost(objects=10_000_000)

    assert parts(result) == {
        "job": Decimal("0.25"),
        "objects": Decimal(10),
        "lambda_requests": Decimal(2),
        "lambda_duration": Decimal("16.6667"),
    }
    assert result.total == Decimal("28.9167")


def test_arm_costs_a_fifth_less() -> None:
    """The price of a GB-second depends on the processor, that of a request does not."""
    function = Function(memory=512, duration=Decimal("0.2"), architecture="arm64")

    result = parts(cost(objects=10_000_000, function=function))

    assert result["lambda_duration"] == Decimal("13.3334")
    assert result["lambda_requests"] == 2


@given(st.integers(1, 10**9), functions)
def test_the_cost_is_linear_in_the_objects(objects: int, function: Function) -> None:
    """Without the fixed price of a job, twice the objects cost twice as much."""
    once = Fraction(cost(objects=objects, function=function).total)
    twice = Fraction(cost(objects=2 * objects, function=function).total)
    job = Fraction(1, 4)

    assert twice - job == 2 * (once - job)


@given(st.integers(1, 10**9), functions, st.integers(0, 1000), st.integers(0, 1000))
def test_the_cost_grows_with_each_input(
    objects: int, function: Function, more: int, milliseconds: int
) -> None:
    """More objects, and a longer duration, never cost less."""
    longer = Function(
        memory=function.memory,
        duration=function.duration + Decimal(milliseconds) / 1000,
        architecture=function.architecture,
    )

    first = cost(objects=objects, function=function).total
    assert cost(objects=objects + more, function=function).total >= first
    assert cost(objects=objects, function=longer).total >= first


def test_lambda_bills_whole_milliseconds() -> None:
    """A run of 0.1 ms costs as much as one of 1 ms."""
    short = Function(memory=1024, duration=Decimal("0.0001"))

    assert parts(cost(function=short))["lambda_duration"] == Decimal("0.0166667")


def test_redrives_are_more_invocations_and_not_more_objects() -> None:
    """A task that is run twice is billed twice by Lambda; AWS does not say so of the object."""
    result = parts(cost(redrives=Decimal(50)))

    assert result["objects"] == 1
    assert result["lambda_requests"] == Decimal("0.30")


def test_each_environment_is_initialized_once() -> None:
    """Lambda bills the initialization of an environment, too."""
    function = Function(memory=1024, duration=Decimal("0.2"), init=Decimal(2))

    result = cost_of(Workload(objects=10, function=function), PRICES, environments=3)

    assert parts(result)["lambda_init"] == 3 * 2 * Decimal("0.0000166667")


def test_the_free_tier_is_subtracted_only_on_request() -> None:
    """The first million requests of a month are free."""
    workload = Workload(objects=1_500_000, function=FUNCTION)

    result = parts(cost_of(workload, PRICES, free_tier=True))

    assert result["lambda_requests"] == Decimal("0.10")
    assert result["lambda_duration"] == 0
    assert parts(cost_of(workload, PRICES))["lambda_requests"] == Decimal("0.30")


def test_parts_with_the_same_price_share_its_free_tier() -> None:
    """Lambda does not bill 400,000 GB-seconds a month: of runs and cold starts together."""
    function = Function(memory=1024, duration=Decimal(1), init=Decimal(2))
    workload = Workload(objects=300_000, function=function)

    result = cost_of(workload, PRICES, environments=100_000, free_tier=True)

    billed = {part.name: part.billed for part in result.parts}
    assert billed["lambda_duration"] == 0
    assert billed["lambda_init"] == 200_000 - 100_000


def test_the_requests_of_the_function_have_the_price_of_the_storage_class() -> None:
    """GET and PUT cost more in S3 Standard-IA, and reading is billed by size."""
    result = parts(
        cost(
            requests={"GET": Decimal(2), "PUT": Decimal(1), "KMS": Decimal(1)},
            storage_class="STANDARD_IA",
            bytes_per_object=Decimal(1024**2),
        )
    )

    assert result["s3_get_requests"] == 2
    assert result["s3_put_requests"] == 10
    assert result["kms_requests"] == 3
    assert result["s3_retrieval"] == Decimal(1_000_000) / 1024 / 100


def test_data_to_other_regions_is_billed() -> None:
    """Each byte that leaves the Region has a price."""
    result = parts(cost(bytes_per_object=Decimal(1024**3), transfer="regions"))

    assert result["transfer_regions"] == 20_000


def test_a_generated_manifest_is_billed_by_the_objects_of_the_bucket() -> None:
    """S3 lists the whole bucket, also if few objects match."""
    assert parts(cost(listed_objects=10_000_000))["generated_manifest"] == Decimal("0.15")


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != LAMBDA_INVOKE])
@pytest.mark.parametrize("storage_class", STORAGE_CLASSES)
def test_each_operation_has_a_price_or_says_that_it_has_none(
    operation: str, storage_class: str
) -> None:
    """No part of the cost of an operation is left out without a word."""
    if operation == "S3InitiateRestoreObject" and storage_class not in ARCHIVES:
        return  # such objects cannot be restored
    result = cost(
        operation=operation,
        function=None,
        storage_class=storage_class,
        bytes_per_object=Decimal(1000),
    )

    assert "lambda_requests" not in parts(result)
    names = {part.name for part in (*result.parts, *result.unpriced)}
    assert names & {"operation_requests", "checksums"}


def test_a_price_without_a_source_is_not_part_of_the_total() -> None:
    """The part is listed with its quantity, until the user passes a price."""
    workload = Workload(
        objects=1_000_000, operation="S3ComputeObjectChecksum", bytes_per_object=Decimal(1024**3)
    )

    unknown = cost_of(workload, PRICES)
    known = cost_of(workload, PRICES.with_prices({"s3-checksum": Decimal("0.5")}))

    assert [part.name for part in unknown.unpriced] == ["checksums"]
    assert unknown.unpriced[0].quantity == 1_000_000
    assert unknown.total == Decimal("1.25")
    assert known.total == Decimal("500001.25")
    assert not known.unpriced


# ---------------------------------------------------------------- the data file


def test_each_known_price_has_a_source() -> None:
    """No price is invented."""
    for price in PRICES.prices.values():
        assert (price.usd is None) == (not price.source), price.name


def test_other_regions_have_only_the_prices_that_are_known_for_them() -> None:
    """A price of one Region is not used for another one."""
    ireland = read_prices("eu-west-1")

    assert ireland["job"].usd == Decimal("0.25")
    assert ireland["lambda-requests"].usd is None


def test_the_limits_are_those_of_lambda() -> None:
    """The Developer Guide documents them."""
    assert limit("requests-per-environment") == 10
    assert limit("new-environments") == 1000
    assert limit("longest-duration") == 900
