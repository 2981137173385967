"""Save the plot of an estimate as an SVG file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.estimate._format import cents, title_of
from s3batch_handler.cli.terminal._job_style import duration
from s3batch_handler.documents.files._local_folder import write_file
from s3batch_handler.estimates._svg_plot import svg_plot

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.estimates._estimate import Estimate


def save_plot(estimate: Estimate, path: Path) -> None:
    """Write the plot to a file: completely or not at all.

    Raises:
        InvalidArgument: The duration is not known, so there is nothing to plot.
    """
    timing = estimate.timing
    if timing is None:
        raise InvalidArgument(
            f"--svg {path}: the duration of {estimate.workload.operation} is not known, so nothing "
            "can be plotted. Pass --rate if you have measured it"
        )
    seconds = float(timing.seconds)
    svg = svg_plot(
        timing,
        title=title_of(estimate.workload),
        subtitle=(
            f"{duration(seconds)}, {cents(estimate.cost.total)} USD "
            f"(prices of {estimate.prices.region}, {estimate.prices.date})"
        ),
        times=[duration(seconds * quarter / 4) for quarter in range(5)],
    )
    write_file(path, svg.encode())
