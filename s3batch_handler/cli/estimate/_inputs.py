"""What an estimate is about, from the options and from what they name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

import click

from s3batch_handler.cli._errors import InvalidArgument, bad_input_exits_with_2
from s3batch_handler.cli.estimate._count import count_objects
from s3batch_handler.cli.estimate._function import function_of
from s3batch_handler.cli.estimate._job_file import check_count, function_settings, read_facts
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
    measured = _measured(options, services)
    options = _with_measured(_with_job_file(options, services), measured)
    operation = options.operation or LAMBDA_INVOKE
    function = function_of(options, operation)
    workload = Workload(
        objects=options.objects or _count(options, services),
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
    _check_restore_tier(options, operation)
    advice = _advice(options, function)
    return Inputs(
        workload=workload,
        speed=_speed(options, advice),
        prices=read_prices(services.connection.get("--region", "")).with_prices(options.price),
        advice=advice,
        measured=measured,
        warnings=tuple(_warnings(options, function, measured, advice)),
    )


def _measured(options: EstimateOptions, services: AwsServices) -> Measured | None:
    if options.from_report is None:
        return None
    from s3batch_handler.cli.estimate._measured import measured_in  # a slow import

    with bad_input_exits_with_2():
        return measured_in(options.from_report, services, options.state)


def _with_job_file(options: EstimateOptions, services: AwsServices) -> EstimateOptions:
    """Return the options, completed by the job file and by the configuration of its function."""
    if options.file is None:
        return options
    facts = read_facts(options.file, variables=options.variables, profile=options.job_profile)
    if options.objects is None:
        check_count(facts, options.file)
    memory, architecture = options.memory, options.architecture
    if memory is None or architecture is None:
        found_memory, found_architecture = function_settings(facts.function, services)
        memory, architecture = memory or found_memory, architecture or found_architecture
    return replace(
        options,
        operation=facts.operation,
        manifest=facts.manifest,
        memory=memory,
        architecture=architecture,
        storage_class=options.storage_class or facts.storage_class,
        restore_tier=options.restore_tier or facts.restore_tier,
        requests={**facts.requests, **options.requests},
    )


def _with_measured(options: EstimateOptions, measured: Measured | None) -> EstimateOptions:
    """Return the options, completed by what a run has measured."""
    if measured is None:
        return options
    is_function = (options.operation or LAMBDA_INVOKE) == LAMBDA_INVOKE
    return replace(
        options,
        objects=options.objects or (None if options.manifest else measured.objects),
        duration=options.duration or (measured.duration if is_function else None),
        redrives=measured.redrives if options.redrives is None else options.redrives,
        rate=options.rate or measured.rate,
    )


def _count(options: EstimateOptions, services: AwsServices) -> int:
    assert options.manifest is not None  # a rule of the options requires one of them
    return count_objects(options.manifest, services, quiet=options.quiet)


def _warnings(
    options: EstimateOptions,
    function: Function | None,
    measured: Measured | None,
    advice: RateAdvice | None,
) -> Iterator[str]:
    if advice is not None and (options.concurrency or 0) > advice.allowed:
        yield (
            f"--concurrency {options.concurrency} exceeds --max-rate {advice.max_rate}: at most "
            f"{advice.allowed:,} execution environments respect it."
        )
    memory = None if measured is None else measured.memory
    if function is not None and memory is not None and memory > function.memory:
        yield (
            f"A process of the function used {memory:,} MB on this machine, more than --memory "
            f"{function.memory}."
        )


def _storage_class(options: EstimateOptions, operation: str) -> str:
    is_restore = operation == _RESTORE
    storage_class = options.storage_class or ("GLACIER" if is_restore else "STANDARD")
    if is_restore and storage_class not in ARCHIVES:
        raise click.UsageError(
            f"Option --storage-class has the value {storage_class}: only {', '.join(ARCHIVES)} can "
            "be restored."
        )
    return storage_class


def _check_restore_tier(options: EstimateOptions, operation: str) -> None:
    if options.restore_tier and operation != _RESTORE:
        raise click.UsageError(
            f"Option --restore-tier is for {_RESTORE}: {operation} restores nothing."
        )


_RESTORE: Final = "S3InitiateRestoreObject"


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
        function,
        max_rate=options.max_rate,
        calls_per_object=options.calls_per_object,
        account_concurrency=options.account_concurrency,
    )


def _speed(options: EstimateOptions, advice: RateAdvice | None) -> Speed:
    """Return the speed of the job: with the advised concurrency, if none is given."""
    advised = None if advice is None else advice.concurrency
    return Speed(
        concurrency=options.concurrency or advised,
        account_concurrency=options.account_concurrency,
        rate=options.rate,
    )
