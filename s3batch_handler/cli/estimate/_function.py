"""The Lambda function of ``s3batch estimate``, from the options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import click

from s3batch_handler.estimates._workload import LAMBDA_INVOKE, Function

if TYPE_CHECKING:
    from s3batch_handler.cli.estimate._options import EstimateOptions


def function_of(options: EstimateOptions, operation: str) -> Function | None:
    """Return the function of the options; ``None`` if the operation is one of S3's own.

    Raises:
        UsageError: An option of the function is missing, or the operation has no function.
    """
    if operation != LAMBDA_INVOKE:
        _check_no_function(options)
        return None
    if options.memory is None:
        raise _missing("--memory", "it cannot be read from Lambda", options)
    if options.duration is None:
        raise _missing("--duration", _MEASURE_IT, options)
    return Function(
        memory=options.memory,
        duration=options.duration,
        init=options.init,
        architecture=cast("Any", options.architecture or "x86_64"),
    )


_MEASURE_IT: Final = "pass it, or the report of a local run with --from-report"


def _missing(name: str, reason: str, options: EstimateOptions) -> click.UsageError:
    """Return the error for a missing option of a function."""
    if options.file is not None:
        return click.UsageError(
            f"Missing option {name} of the function in {options.file}: {reason}."
        )
    return click.UsageError(
        f"Missing option {name} of the function (or --operation for S3's own operations)."
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
