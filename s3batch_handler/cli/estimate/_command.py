"""``s3batch estimate``: what a job will cost, and how long it will take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._paths import check_file
from s3batch_handler.cli.estimate._display import show_estimate
from s3batch_handler.cli.estimate._inputs import read_inputs
from s3batch_handler.cli.estimate._json import json_of
from s3batch_handler.cli.estimate._options import estimate_options
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.terminal._output import print_json, print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.estimates._estimate import estimate_job

if TYPE_CHECKING:
    from s3batch_handler.cli.estimate._options import EstimateOptions
    from s3batch_handler.cli.job._aws_services import AwsServices


@click.command(cls=Command)
@estimate_options
@service_options
def estimate(options: EstimateOptions, services: AwsServices) -> None:
    r"""Estimate the cost and the duration of a job before it is created.

    The prices and limits have a date, which is printed. A part whose price is not known is listed
    and not included in the total: pass it with --price. The duration follows from Lambda's limits;
    S3 does not publish how fast it starts tasks.

    Examples:
        s3batch estimate --objects 10000000 \
            --memory 512 --duration 0.2
        s3batch estimate --manifest my.csv \
            --memory 512 --duration 0.2 --requests GET=1,PUT=1
        s3batch estimate -f job.yaml --duration 0.2
        s3batch estimate --from-report s3batch-reports/job-… \
            --objects 5000000 --memory 512
        s3batch estimate --objects 5000000 \
            --operation S3PutObjectCopy
        s3batch estimate --objects 1000000 --memory 512 \
            --duration 0.2 --max-rate 500
    """
    if options.svg is not None:
        check_file(options.svg, "--svg")
    inputs = read_inputs(options, services)
    result = estimate_job(inputs.workload, inputs.speed, inputs.prices, free_tier=options.free_tier)
    result = replace(result, warnings=(*inputs.warnings, *result.warnings))
    if options.svg is not None:
        from s3batch_handler.cli.estimate._svg_file import save_plot

        save_plot(result, options.svg)
    if options.as_json:
        print_json(json_of(result, inputs.advice, inputs.measured))
        return
    show_estimate(result, inputs.advice, inputs.measured)
    if options.svg is not None and not options.quiet:
        print_message(f"The plot is in {escape_unprintable(str(options.svg))}")
