"""What a job costs: one part for each price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.estimates._workload import LAMBDA_INVOKE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.estimates._prices import Price, PriceList
    from s3batch_handler.estimates._workload import Function, Workload


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a cost.

    Attributes:
        name: What is paid for, such as ``lambda_duration``.
        quantity: The number of units that are used.
        billed: The number of units after the free tier.
        usd: The cost; ``None`` if no price is at hand.
    """

    name: str
    quantity: Decimal
    billed: Decimal
    price: Price
    usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job costs.

    Attributes:
        parts: The parts that have a price.
        unpriced: The parts without one, which the total lacks.
    """

    parts: tuple[Part, ...]
    unpriced: tuple[Part, ...] = ()

    @property
    def total(self) -> Decimal:
        with localcontext(prec=_DIGITS):
            return sum((part.usd for part in self.parts if part.usd is not None), Decimal(0))


class _Use(NamedTuple):
    """A number of units of something that has a price."""

    name: str
    price: str
    quantity: Decimal | int


def cost_of(
    workload: Workload, prices: PriceList, *, environments: int = 0, free_tier: bool = False
) -> Cost:
    """Return what a workload costs.

    Args:
        workload: The objects and what is done to each.
        prices: The prices of its Region.
        environments: The number of execution environments that Lambda creates.
        free_tier: Subtract what Lambda and other services do not bill in a month.
    """
    with localcontext(prec=_DIGITS):
        parts = [*_parts(_uses(workload, environments), prices, free_tier=free_tier)]
    return Cost(
        parts=tuple(part for part in parts if part.usd is not None),
        unpriced=tuple(part for part in parts if part.usd is None),
    )


_DIGITS: Final = 100
"""All results are exact: divisions by 1,024 have finite decimals."""


def _parts(uses: Iterable[_Use], prices: PriceList, *, free_tier: bool) -> Iterator[Part]:
    """Yield the parts of a cost. Parts with the same price share its free units."""
    left: dict[str, Decimal] = {}
    for use in uses:
        price, quantity = prices[use.price], Decimal(use.quantity)
        free = left.setdefault(price.name, Decimal(price.free if free_tier else 0))
        billed = max(Decimal(0), quantity - free)
        left[price.name] = max(Decimal(0), free - quantity)
        usd = None if price.usd is None else price.cost(billed)
        yield Part(use.name, quantity, billed, price, usd)


def _uses(workload: Workload, environments: int) -> Iterator[_Use]:
    """Yield everything that a workload pays for."""
    yield _Use("job", "job", workload.jobs)
    yield _Use("objects", "objects", workload.objects)
    if workload.listed_objects is not None:
        yield _Use("generated_manifest", "generated-manifest", workload.listed_objects)
    if workload.function is not None:
        yield from _lambda_uses(workload, workload.function, environments)
    if workload.operation != LAMBDA_INVOKE:
        yield from _operation_uses(workload)
    yield from _request_uses(workload)
    yield from _data_uses(workload)


def _lambda_uses(workload: Workload, function: Function, environments: int) -> Iterator[_Use]:
    price = f"lambda-duration-{function.architecture}"
    duration = function.gigabyte_seconds(function.duration)
    yield _Use("lambda_requests", "lambda-requests", workload.runs)
    yield _Use("lambda_duration", price, workload.runs * duration)
    if function.init:
        yield _Use("lambda_init", price, environments * function.gigabyte_seconds(function.init))
    if workload.log_bytes is not None:
        yield _Use("logs", "logs", workload.runs * workload.log_bytes / _BYTES_IN_GB)


_BYTES_IN_GB: Final = 1024**3


def _operation_uses(workload: Workload) -> Iterator[_Use]:
    """Yield the requests of one of S3's own operations."""
    storage_class = workload.storage_class.lower()
    if workload.operation == "S3InitiateRestoreObject":
        tier = workload.restore_tier.lower()
        yield _Use("operation_requests", f"restore-{tier}-{storage_class}", workload.runs)
        if workload.bytes_per_object is not None:
            price = f"restore-{tier}-gb-{storage_class}"
            yield _Use("restored_data", price, _gigabytes(workload, workload.bytes_per_object))
    elif workload.operation == "S3ComputeObjectChecksum":
        if workload.bytes_per_object is not None:
            size = _gigabytes(workload, workload.bytes_per_object)
            yield _Use("checksums", "s3-checksum", size)
    elif workload.operation == "S3UpdateObjectEncryption":
        yield _Use("operation_requests", "s3-update-encryption", workload.runs)
    elif workload.operation in ("S3PutObjectCopy", "S3ReplicateObject"):
        yield _Use(
            "operation_requests", _request_price("PUT", workload.storage_class), workload.runs
        )
    elif workload.operation == "S3DeleteObjectTagging":
        yield _Use("operation_requests", "s3-get", workload.runs)
    else:  # requests for tags, ACLs and locks have the price of S3 Standard
        yield _Use("operation_requests", "s3-put", workload.runs)


def _request_uses(workload: Workload) -> Iterator[_Use]:
    """Yield the requests that the function makes."""
    for request, count in workload.requests.items():
        price = _request_price(request, workload.storage_class)
        service = "" if request == "KMS" else "s3_"
        yield _Use(f"{service}{request.lower()}_requests", price, workload.runs * count)


def _request_price(request: str, storage_class: str) -> str:
    if request in _PRICE_OF_OTHERS:
        return _PRICE_OF_OTHERS[request]
    kind = "get" if request in ("GET", "HEAD") else "put"
    return f"s3-{kind}" if storage_class == "STANDARD" else f"s3-{kind}-{storage_class.lower()}"


_PRICE_OF_OTHERS: Final = {"LIST": "s3-put", "DELETE": "s3-delete", "KMS": "kms-requests"}
"""Prices that do not depend on the storage class."""


def _data_uses(workload: Workload) -> Iterator[_Use]:
    """Yield the data that is transferred, or read from a storage class that bills reading."""
    if workload.bytes_per_object is None:
        return
    size = _gigabytes(workload, workload.bytes_per_object)
    if workload.transfer is not None:
        yield _Use(f"transfer_{workload.transfer}", f"transfer-{workload.transfer}", size)
    if workload.storage_class in BILLS_READING and "GET" in workload.requests:
        price = f"s3-retrieval-{workload.storage_class.lower()}"
        yield _Use("s3_retrieval", price, size)


BILLS_READING: Final = ("STANDARD_IA", "ONEZONE_IA", "GLACIER_IR")


def _gigabytes(workload: Workload, size: Decimal) -> Decimal:
    return workload.runs * size / _BYTES_IN_GB
