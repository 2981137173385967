"""An estimate for people: a table of the cost, the duration, and a plot of the progress."""

from __future__ import annotations

import sys
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._console import (
    TIMES,
    data_console,
    print_rich,
    printable,
    safe_text,
    shows_tables,
)
from s3batch_handler.cli.terminal._job_style import MUTED, SUCCEEDED, WARNING, duration
from s3batch_handler.cli.terminal._output import counted, print_lines
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.estimates._cost import BILLS_READING
from s3batch_handler.estimates._text_plot import plot_lines
from s3batch_handler.estimates._timing import explain_limit
from s3batch_handler.estimates._workload import LAMBDA_INVOKE, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from s3batch_handler.cli.estimate._measured import Measured
    from s3batch_handler.estimates._advice import RateAdvice
    from s3batch_handler.estimates._cost import Cost, Part
    from s3batch_handler.estimates._estimate import Estimate
    from s3batch_handler.estimates._prices import Price
    from s3batch_handler.estimates._timing import Timing
    from s3batch_handler.estimates._workload import Workload


def show_estimate(estimate: Estimate, advice: RateAdvice | None, measured: Measured | None) -> None:
    """Print an estimate."""
    print_rich(safe_text(title_of(estimate.workload), "bold"), "")
    print_lines(_table(estimate.cost))
    print_rich(*_duration(estimate))
    if estimate.timing is not None:
        print_rich(*_plot(estimate.timing))
    print_rich(*_notes(estimate, advice, measured))


def title_of(workload: Workload) -> str:
    """Return what is estimated: ``1,000 objects: LambdaInvoke, 512 MB, 0.2 s, x86_64``."""
    words = [workload.operation]
    if (function := workload.function) is not None:
        seconds = f"{_plain(function.duration)} s"
        words += [f"{function.memory:,} MB", seconds, function.architecture]
    return f"{counted(workload.objects, 'object')}: {', '.join(words)}"


# ---------------------------------------------------------------- cost


def _table(cost: Cost) -> Iterator[str]:
    rows = [(_name(part), cents(part.usd or Decimal(0)), _formula(part)) for part in cost.parts]
    rows.append(("total", cents(cost.total), ""))
    width = max(len(amount) for _, amount, _ in rows)
    return lines_of_table(
        [
            Column("PART", may_be_cut=False),
            Column(f"{'USD':>{width}}", may_be_cut=False),
            Column("HOW"),
        ],
        ((name, f"{amount:>{width}}", formula) for name, amount, formula in rows),
    )


def _name(part: Part) -> str:
    words = part.name.split("_")
    return " ".join(_NAMES.get(word, word) for word in words)


_NAMES: Final = {
    "s3": "S3",
    "kms": "KMS",
    "lambda": "Lambda",
    **{name.lower(): name for name in REQUESTS},
}


def cents(usd: Decimal) -> str:
    """Return an amount in USD, rounded to cents; a smaller one is not shown as nothing."""
    if 0 < usd < _CENT / 2:
        return "<0.01"
    with localcontext(prec=_MOST_DIGITS):
        return f"{usd.quantize(_CENT, ROUND_HALF_UP):,}"


_CENT: Final = Decimal("0.01")
_MOST_DIGITS: Final = 100


def _formula(part: Part) -> str:
    """Return how a part is calculated: quantity, times sign, ``1.00 USD per million``."""
    free = part.quantity - part.billed
    quantity = f"{_plain(part.quantity)} - {_plain(free)} free" if free else _plain(part.quantity)
    if free:
        quantity = f"({quantity})"
    return printable(f"{quantity} {TIMES} {_price(part.price)}")


def _price(price: Price) -> str:
    unit = price.unit.split()[0].removesuffix("s")
    per = {1: unit, 1_000_000: "million"}.get(price.per, f"{price.per:,}")
    return f"{price.usd:f} USD per {per}"


def _plain(number: Decimal) -> str:
    """Return a number without an exponent, with at most three decimals."""
    text = f"{number:,.3f}" if number != number.to_integral_value() else f"{number:,.0f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


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
    speed = f"{_plain(timing.tasks_per_second)} tasks/s"
    if not timing.environments:
        return speed
    text = f"{speed} with {timing.environments:,} execution environments"
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


# ---------------------------------------------------------------- notes


def _notes(
    estimate: Estimate, advice: RateAdvice | None, measured: Measured | None
) -> Iterator[RenderableType]:
    yield ""
    if measured is not None and (text := _measured(measured)):
        yield safe_text(text)
    if advice is not None:
        yield safe_text(_advice(advice))
    alternative = estimate.alternative
    if alternative is not None and alternative.total < estimate.cost.total:
        yield safe_text(
            f"With {alternative.architecture}: {cents(alternative.total)} USD, if the function is "
            "as fast there."
        )
    for text in estimate.warnings:
        yield safe_text(f"Warning: {text}", WARNING)
    for part in estimate.cost.unpriced:
        yield safe_text(
            f"Not included: {_name(part)} ({_plain(part.quantity)} {part.price.unit}), because no "
            f"price is known: pass --price {part.price.name}=USD, per {part.price.per:,}.",
            WARNING,
        )
    if texts := [*_left_out(estimate.workload, measured)]:
        yield safe_text(f"Not included: {'; '.join(texts)}.", MUTED)
    prices = estimate.prices
    yield safe_text(
        f"Prices of {prices.region} and limits as of {prices.date}, without tax. S3's own ramp-up "
        "and the time to prepare the manifest are not known, and not included.",
        MUTED,
    )


def _left_out(workload: Workload, measured: Measured | None) -> Iterator[str]:
    """Yield what a job may cost besides, with the option for it."""
    if workload.operation == LAMBDA_INVOKE:
        if not workload.requests:
            yield "requests of the function (--requests GET=1,PUT=1)"
        if workload.log_bytes is None:
            yield "its logs (--log-bytes)"
        if workload.function is not None and not workload.function.init:
            yield "cold starts (--init)"
    if workload.bytes_per_object is None and (text := _billed_by_size(workload)):
        yield f"{text} (--bytes)"
    if not workload.redrives and (measured is None or measured.redrives is None):
        yield "redrives (--redrives)"
    yield "CloudTrail data events"


def _billed_by_size(workload: Workload) -> str:
    """Return what is billed by the size of the objects; empty if nothing is."""
    if workload.operation == "S3ComputeObjectChecksum":
        return "checksums"
    if workload.operation == "S3InitiateRestoreObject":
        return "restored data"
    reads = "GET" in workload.requests and workload.storage_class in BILLS_READING
    return "data that is read" if reads else ""


def _measured(measured: Measured) -> str:
    """Return what was measured, as a line; empty if nothing was."""
    facts: list[str] = []
    if measured.duration is not None:
        facts.append(
            f"{_plain(measured.duration)} s per call on this machine "
            f"({counted(measured.calls, 'call')}); Lambda may be faster or slower"
        )
    if measured.rate is not None:
        facts.append(f"S3 ran {_plain(measured.rate)} tasks/s")
    if measured.redrives:
        facts.append(f"{_plain(measured.redrives)}% redrives")
    return f"Measured in job {measured.job_id or 'unknown'}: {'; '.join(facts)}" if facts else ""


def _advice(advice: RateAdvice) -> str:
    """Return the sentence about the reserved concurrency for ``--max-rate``."""
    each = f"{_plain(advice.calls_per_environment)} calls/s"
    rate = f"{_plain(advice.max_rate)} calls/s"
    if not advice.allowed:
        return (
            f"Reserved concurrency: none is low enough for {rate}, because one execution "
            f"environment makes {each}. Let the function wait between its calls."
        )
    if not advice.is_needed:
        return (
            f"Reserved concurrency: not needed for {rate}, because all "
            f"{advice.account_concurrency:,} execution environments of the account make less."
        )
    if advice.concurrency is None:
        return (
            f"Reserved concurrency: {advice.allowed:,} would respect {rate}, but nothing can be "
            "reserved in this account. Request a higher concurrency of the account."
        )
    return (
        f"Reserved concurrency: {advice.concurrency:,} for at most {rate}, because each execution "
        f"environment makes {each}. AWS has no setting for the rate of a job."
    )
