"""What an estimate is about, from the options and from what they name."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.estimate._count import count_objects
from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.estimates._advice import RateAdvice, advice_for
from s3batch_handler.estimates._prices import read_prices
from s3batch_handler.estimates._timing import Speed
from s3batch_handler.estimates._workload import (
    ARCHIVES,
    LAMBDA_INVOKE,
    Function,
    Workload,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli.estimate._measured import Measured
    from s3batch_handler.cli.estimate._options import EstimateOptions
    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.estimates._prices import PriceList


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an estimate needs.

    Attributes:
        advice: The reserved concurrency for ``--max-rate``.
        measured: What the run of ``--from-report`` has measured.
        warnings: What is unusual about it.
    """

    workload: Workload
    speed: Speed
    prices: PriceList
    advice: RateAdvice | None
    measured: Measured | None
    warnings: tuple[str, ...]


def read_inputs(options: EstimateOptions, services: AwsServices) -> Inputs:
    """Read everything that an estimate needs.

    Raises:
        UsageError: Options are missing, or do not fit the operation.
        InvalidArgument: A value cannot be used.
    """
    operation = options.operation or LAMBDA_INVOKE
    measured = _measured(options, services)
    function = _function(options, operation, measured)
    workload = Workload(
        objects=_objects(options, services, measured),
        jobs=options.jobs,
        operation=operation,
        function=function,
        redrives=_redrives(options, measured),
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
        speed=_speed(options, advice, measured),
        prices=read_prices(services.connection.get("--region", "")).with_prices(options.price),
        advice=advice,
        measured=measured,
        warnings=tuple(_warnings(function, measured)),
    )


def _measured(options: EstimateOptions, services: AwsServices) -> Measured | None:
    if options.from_report is None:
        return None
    from s3batch_handler.cli.estimate._measured import measured_in  # a slow import

    return measured_in(options.from_report, services, options.state)


def _warnings(function: Function | None, measured: Measured | None) -> Iterator[str]:
    memory = None if measured is None else measured.memory
    if function is not None and memory is not None and memory > function.memory:
        yield (
            f"A process of the function used {memory:,} MB on this machine, more than --memory "
            f"{function.memory}."
        )


def _objects(options: EstimateOptions, services: AwsServices, measured: Measured | None) -> int:
    if options.objects is not None:
        return options.objects
    if options.manifest is not None:
        return count_objects(options.manifest, services, quiet=options.quiet)
    assert measured is not None  # a rule of the options requires one of them
    return measured.objects


def _redrives(options: EstimateOptions, measured: Measured | None) -> Decimal:
    if options.redrives is not None:
        return options.redrives
    return Decimal(0) if measured is None else measured.redrives or Decimal(0)


def _function(
    options: EstimateOptions, operation: str, measured: Measured | None
) -> Function | None:
    if operation != LAMBDA_INVOKE:
        _check_no_function(options)
        return None
    duration = options.duration or (None if measured is None else measured.duration)
    for name, value in (("--memory", options.memory), ("--duration", duration)):
        if value is None:
            raise click.UsageError(
                f"Missing option {name} of the function (or --operation for S3's own operations)."
            )
    return Function(
        memory=cast("int", options.memory),
        duration=cast("Decimal", duration),
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
    most = MAX_OBJECTS[workload.operation]
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


def _speed(options: EstimateOptions, advice: RateAdvice | None, measured: Measured | None) -> Speed:
    """Return the speed of the job: with the advised concurrency, if none is given."""
    concurrency = options.concurrency
    if concurrency is None and advice is not None and advice.concurrency:
        concurrency = min(advice.concurrency, options.account_concurrency)
    return Speed(
        concurrency=concurrency,
        account_concurrency=options.account_concurrency,
        rate=options.rate or (None if measured is None else measured.rate),
    )
