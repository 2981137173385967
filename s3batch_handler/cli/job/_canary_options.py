"""The options of a canary job: ``s3batch job submit --sample``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._options import check_threshold
from s3batch_handler.cli._sample_size import check_sample_size

if TYPE_CHECKING:
    from collections.abc import Callable

canary_options: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--sample",
        metavar="NUMBER|PERCENT%",
        callback=check_sample_size,
        help="Run a random sample first, and the rest if no task fails.",
    ),
    click.option(
        "--tolerate",
        metavar="NUMBER|PERCENT%",
        callback=check_threshold,
        help="Tasks of the sample that may fail.  [default: 0]",
    ),
    click.option(
        "--seed",
        type=int,
        metavar="NUMBER",
        help="Seed of --sample, to repeat it.  [default: a new seed]",
    ),
)
