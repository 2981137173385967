"""What an estimate is about, from the options and from what they name."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.estimate._count import count_objects
from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.estimates._advice import RateAdvice, advice_for
from s3batch_handler.estimates._prices import read_prices
from s3batch_handler.estimates._timing import Speed
from s3batch_handler.estimates._workload import (
    ARCHIVES,
    LAMBDA_INVOKE,
    Function,
    Workload,
    most_objects,
)

if TYPE_CHECKING:
    from s3batch_handler.cli.estimate._options import EstimateOptions
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.estimates._prices import PriceList


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an estimate needs.

    Attributes:
        advice: The reserved concurrency for ``--max-rate``.
    """

    workload: Workload
    speed: Speed
    prices: PriceList
    advice: RateAdvice | None


def read_inputs(options: EstimateOptions, services: AwsServices) -> Inputs:
    """Read everything that an estimate needs.

    Raises:
        UsageError: Options are missing, or do not fit the operation.
        InvalidArgument: A value cannot be used.
    """
    operation = options.operation or LAMBDA_INVOKE
    function = _function(options, operation)
    workload = Workload(
        objects=_objects(options, services),
        jobs=options.jobs,
        operation=operation,
        function=function,
        redrives=options.redrives or Decimal(0),
        requests=options.requests,
        storage_class=_storage_class(options, operation),
        restore_tier=options.restore_tier or "STANDARD",
        bytes_per_object=options.bytes,
        transfer=cast("Any", options.transfer),
        log_bytes=options.log_bytes,
        listed_objects=options.generated_manifest,
    )
    _check_objects(workload)
    advice = _advice(options, function)
    return Inputs(
        workload=workload,
        speed=_speed(options, advice),
        prices=read_prices(services.connection.get("--region", "")).with_prices(options.price),
        advice=advice,
    )


def _objects(options: EstimateOptions, services: AwsServices) -> int:
    if options.objects is not None:
        return options.objects
    assert options.manifest is not None  # a rule of the options requires one of them
    return count_objects(options.manifest, services, quiet=options.quiet)


def _function(options: EstimateOptions, operation: str) -> Function | None:
    if operation != LAMBDA_INVOKE:
        _check_no_function(options)
        return None
    for name, value in (("--memory", options.memory), ("--duration", options.duration)):
        if value is None:
            raise click.UsageError(
                f"Missing option {name} of the function (or --operation for S3's own operations)."
            )
    return Function(
        memory=cast("int", options.memory),
        duration=cast("Decimal", options.duration),
        init=options.init,
        architecture=cast("Any", options.architecture or "x86_64"),
    )


def _check_no_function(options: EstimateOptions) -> None:
    """Check that no option of a function is given.

    Raises:
        UsageError: One is given.
    """
    given = {
        "--memory": options.memory,
        "--duration": options.duration,
        "--init": options.init,
        "--architecture": options.architecture,
        "--log-bytes": options.log_bytes,
        "--concurrency": options.concurrency,
        "--max-rate": options.max_rate,
    }
    for name, value in given.items():
        if value:
            raise click.UsageError(
                f"Option {name} is for {LAMBDA_INVOKE}: {options.operation} has no function."
            )


def _storage_class(options: EstimateOptions, operation: str) -> str:
    is_restore = operation == "S3InitiateRestoreObject"
    storage_class = options.storage_class or ("GLACIER" if is_restore else "STANDARD")
    if is_restore and storage_class not in ARCHIVES:
        raise click.UsageError(
            f"Option --storage-class has the value {storage_class}: only {', '.join(ARCHIVES)} can "
            "be restored."
        )
    return storage_class


def _check_objects(workload: Workload) -> None:
    """Check that the jobs can have so many objects.

    Raises:
        InvalidArgument: They cannot.
    """
    most = most_objects(workload.operation)
    if workload.objects > most * workload.jobs:
        needed = -(-workload.objects // most)
        raise InvalidArgument(
            f"{workload.objects:,} objects are too many for "
            f"{counted(workload.jobs, f'{workload.operation} job')}: a job has at most {most:,}. "
            f"Pass --jobs {needed}"
        )


def _advice(options: EstimateOptions, function: Function | None) -> RateAdvice | None:
    if options.max_rate is None or function is None:
        return None
    return advice_for(
        function, max_rate=options.max_rate, calls_per_object=options.calls_per_object
    )


def _speed(options: EstimateOptions, advice: RateAdvice | None) -> Speed:
    """Return the speed of the job: with the advised concurrency, if none is given."""
    concurrency = options.concurrency
    if concurrency is None and advice is not None and advice.concurrency:
        concurrency = min(advice.concurrency, options.account_concurrency)
    return Speed(
        concurrency=concurrency,
        account_concurrency=options.account_concurrency,
        rate=options.rate,
    )
