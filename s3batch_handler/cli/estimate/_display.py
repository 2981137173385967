"""An estimate for people: a table of the cost, the duration, and a plot of the progress."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.estimate._format import cents, name_of, plain, title_of
from s3batch_handler.cli.estimate._notes import notes_on
from s3batch_handler.cli.terminal._console import (
    TIMES,
    data_console,
    print_rich,
    printable,
    safe_text,
    shows_tables,
)
from s3batch_handler.cli.terminal._job_style import SUCCEEDED, duration
from s3batch_handler.cli.terminal._output import counted, print_lines
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.estimates._text_plot import plot_lines
from s3batch_handler.estimates._timing import explain_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from s3batch_handler.cli.estimate._measured import Measured
    from s3batch_handler.estimates._advice import RateAdvice
    from s3batch_handler.estimates._cost import Cost, Part
    from s3batch_handler.estimates._estimate import Estimate
    from s3batch_handler.estimates._prices import Price
    from s3batch_handler.estimates._timing import Timing


def show_estimate(estimate: Estimate, advice: RateAdvice | None, measured: Measured | None) -> None:
    """Print an estimate."""
    print_rich(safe_text(title_of(estimate.workload), "bold"), "")
    print_lines(_table(estimate.cost))
    print_rich(*_duration(estimate))
    if estimate.timing is not None:
        print_rich(*_plot(estimate.timing))
    print_rich(*notes_on(estimate, advice, measured))


# ---------------------------------------------------------------- cost


def _table(cost: Cost) -> Iterator[str]:
    rows = [(name_of(part), cents(part.usd or Decimal(0)), _formula(part)) for part in cost.parts]
    rows.append(("known total" if cost.unpriced else "total", cents(cost.total), ""))
    width = max(len(amount) for _, amount, _ in rows)
    return lines_of_table(
        [
            Column("PART", may_be_cut=False),
            Column(f"{'USD':>{width}}", may_be_cut=False),
            Column("HOW"),
        ],
        ((name, f"{amount:>{width}}", formula) for name, amount, formula in rows),
    )


def _formula(part: Part) -> str:
    """Return how a part is calculated: quantity, times sign, ``1.00 USD per million``."""
    free = part.quantity - part.billed
    quantity = f"{plain(part.quantity)} - {plain(free)} free" if free else plain(part.quantity)
    if free:
        quantity = f"({quantity})"
    return printable(f"{quantity} {TIMES} {_price(part.price)}")


def _price(price: Price) -> str:
    unit = price.unit.split()[0].removesuffix("s")
    per = {1: unit, 1_000_000: "million"}.get(price.per, f"{price.per:,}")
    return f"{price.usd:f} USD per {per}"


# ---------------------------------------------------------------- duration


def _duration(estimate: Estimate) -> Iterator[RenderableType]:
    timing = estimate.timing
    yield ""
    if timing is None:
        yield (
            "Duration  not known: S3 publishes no rate for its own operations. Pass --rate if you "
            "have measured it"
        )
        return
    half = f"half of the tasks after {duration(float(timing.half))}"
    at_least = "at least " if timing.limited_by == "restores" else ""
    yield safe_text(f"Duration  {at_least}{duration(float(timing.seconds))}; {half}")
    yield safe_text(f"Speed     {_speed(timing)}")
    yield safe_text(f"Limit     {explain_limit(timing, estimate.workload, estimate.speed)}")


def _speed(timing: Timing) -> str:
    speed = f"{plain(timing.tasks_per_second)} tasks/s"
    if not timing.environments:
        return speed
    text = f"{speed} with {counted(timing.environments, 'execution environment')}"
    return f"{text}, reached after {duration(float(timing.ramp))}" if timing.ramp else text


def _plot(timing: Timing) -> Iterator[RenderableType]:
    width = min(data_console().width, _WIDEST) if shows_tables() else _WIDEST
    labels = ["0 s", duration(float(timing.seconds / 2)), duration(float(timing.seconds))]
    yield ""
    for line in plot_lines(timing, labels, width=width, marks=_marks()):
        yield safe_text(line, SUCCEEDED)


_WIDEST: Final = 76  # columns


def _marks() -> str:
    try:
        _BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return " .#"
    return _BLOCKS


_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
