"""The options of ``s3batch estimate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._numbers import ExactNumber, Integer
from s3batch_handler.cli._option_rules import options_as
from s3batch_handler.cli._options import (
    file_option,
    job_profile_option,
    json_option,
    not_empty,
    quiet_option,
    variables_option,
)
from s3batch_handler.cli.estimate._option_values import (
    read_percent,
    read_price_options,
    read_requests,
)
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.report._location import state_option
from s3batch_handler.estimates._prices import limit
from s3batch_handler.estimates._workload import (
    LAMBDA_INVOKE,
    OPERATIONS,
    STORAGE_CLASSES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateOptions:
    """The options of the command line, by their names."""

    objects: int | None
    manifest: str | None
    file: str | None
    variables: Mapping[str, str]
    job_profile: str | None
    from_report: str | None
    state: Path | None
    jobs: int
    generated_manifest: int | None
    operation: str | None
    memory: int | None
    duration: Decimal | None
    init: Decimal
    architecture: str | None
    redrives: Decimal | None
    requests: Mapping[str, Decimal]
    log_bytes: Decimal | None
    bytes: Decimal | None
    transfer: str | None
    storage_class: str | None
    restore_tier: str | None
    concurrency: int | None
    account_concurrency: int
    rate: Decimal | None
    max_rate: Decimal | None
    calls_per_object: Decimal
    price: Mapping[str, Decimal]
    free_tier: bool
    svg: Path | None
    as_json: bool
    quiet: bool

    def check(self) -> None:
        """Check the values of the options that depend on each other."""
        if self.concurrency is not None:
            most = self.account_concurrency - limit("unreserved-concurrency")
            if self.concurrency > max(most, 0):
                raise click.UsageError(
                    f"Option --concurrency has the value {self.concurrency:,}: Lambda keeps "
                    f"{limit('unreserved-concurrency')} of the account's "
                    f"{self.account_concurrency:,} unreserved, so pass at most {max(most, 0):,}, "
                    "or a larger --account-concurrency."
                )


_DURATION: Final = ExactNumber(maximum=limit("longest-duration"), unit="seconds")
_BYTES: Final = ExactNumber(allow_zero=True, unit="bytes")

estimate_options: Callable[[Callable[..., None]], Callable[..., None]] = options_as(
    EstimateOptions,
    click.option("--objects", type=Integer(1), metavar="NUMBER", help="Objects of the job."),
    click.option(
        "--manifest",
        metavar="FILE|s3://…",
        type=not_empty,
        shell_complete=complete_files,
        help="Manifest, to count its objects.",
    ),
    file_option,
    variables_option,
    job_profile_option,
    click.option(
        "--from-report",
        metavar="LOCATION",
        type=not_empty,
        shell_complete=complete_reports,
        help="Report or job ID, to use its measured times.",
    ),
    state_option,
    click.option(
        "--jobs",
        type=Integer(1, 1_000_000),
        metavar="NUMBER",
        default=1,
        show_default=True,
        help="Jobs that share the objects.",
    ),
    click.option(
        "--generated-manifest",
        type=Integer(1, 10**15),
        metavar="NUMBER",
        help="Objects in the source bucket, if S3 generates the manifest.",
    ),
    click.option(
        "--operation",
        type=Choice(OPERATIONS),
        metavar="NAME",
        help=f"Operation of the job.  [default: {LAMBDA_INVOKE}]",
    ),
    click.option(
        "--memory",
        type=Integer(limit("smallest-memory"), limit("largest-memory")),
        metavar="MB",
        help="Memory of the function.",
    ),
    click.option(
        "--duration",
        type=_DURATION,
        metavar="SECONDS",
        help="Average duration of the function for one object.",
    ),
    click.option(
        "--init",
        type=ExactNumber(allow_zero=True, maximum=limit("longest-duration"), unit="seconds"),
        metavar="SECONDS",
        default="0",
        help="Initialization of an execution environment (cold start).",
    ),
    click.option(
        "--architecture",
        type=Choice(["x86_64", "arm64"]),
        help="Processor of the function.  [default: x86_64]",
    ),
    click.option(
        "--redrives",
        type=read_percent,
        metavar="PERCENT",
        help="Share of tasks that run a second time.  [default: 0]",
    ),
    click.option(
        "--requests",
        metavar="GET=2,PUT=1",
        default="",
        callback=read_requests,
        help="Requests that the function makes for each object.",
    ),
    click.option(
        "--log-bytes",
        type=_BYTES,
        metavar="NUMBER",
        help="Size of the function's logs for each object.",
    ),
    click.option(
        "--bytes",
        type=_BYTES,
        metavar="NUMBER",
        help="Average size of an object: transferred, read, restored.",
    ),
    click.option(
        "--transfer",
        type=Choice(["regions", "internet"]),
        help="Transfer of --bytes out of the Region.  [default: none]",
    ),
    click.option(
        "--storage-class",
        type=Choice(STORAGE_CLASSES),
        metavar="NAME",
        help="Storage class.  [default: STANDARD; to restore: GLACIER]",
    ),
    click.option(
        "--restore-tier",
        type=Choice(["BULK", "STANDARD"]),
        metavar="NAME",
        help="To restore: BULK or STANDARD.  [default: STANDARD]",
    ),
    click.option(
        "--concurrency",
        type=Integer(1),
        metavar="NUMBER",
        help="Reserved concurrency of the function.",
    ),
    click.option(
        "--account-concurrency",
        type=Integer(1, 1_000_000),
        metavar="NUMBER",
        default=limit("account-concurrency"),
        show_default=True,
        help="Concurrency of the account in the Region.",
    ),
    click.option(
        "--rate",
        type=ExactNumber(unit="tasks per second"),
        metavar="NUMBER",
        help="Measured rate of S3, in tasks per second.",
    ),
    click.option(
        "--max-rate",
        type=ExactNumber(unit="calls per second"),
        metavar="NUMBER",
        help="Maximum calls per second; sets --concurrency.",
    ),
    click.option(
        "--calls-per-object",
        type=ExactNumber(unit="calls"),
        metavar="NUMBER",
        default="1",
        show_default=True,
        help="Calls to this service for each object.",
    ),
    click.option(
        "--price",
        metavar="NAME=USD",
        multiple=True,
        callback=read_price_options,
        help="Price to use instead of the known one; repeat for more.",
    ),
    click.option("--free-tier", is_flag=True, help="Subtract the unused free tier of one month."),
    click.option(
        "--svg",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Save a plot of the progress as SVG.",
    ),
    json_option,
    quiet_option,
)
