"""What to know about an estimate: measured times, advice, warnings, what is not included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli.estimate._format import cents, name_of, plain
from s3batch_handler.cli.terminal._console import safe_text
from s3batch_handler.cli.terminal._job_style import MUTED, WARNING
from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.estimates._cost import BILLS_READING
from s3batch_handler.estimates._workload import LAMBDA_INVOKE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from s3batch_handler.cli.estimate._measured import Measured
    from s3batch_handler.estimates._advice import RateAdvice
    from s3batch_handler.estimates._estimate import Estimate
    from s3batch_handler.estimates._workload import Workload


def notes_on(
    estimate: Estimate, advice: RateAdvice | None, measured: Measured | None
) -> Iterator[Text | str]:
    """Yield what was measured, advice, warnings, and what is not included."""
    yield ""
    if measured is not None and (text := _measured(measured)):
        yield safe_text(text)
    if advice is not None:
        yield safe_text(_advice(advice))
    yield from _alternative(estimate)
    for text in estimate.warnings:
        yield safe_text(f"Warning: {text}", WARNING)
    for part in estimate.cost.unpriced:
        yield safe_text(
            f"Not included: {name_of(part)} ({plain(part.quantity)} {part.price.unit}), because no "
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


def _alternative(estimate: Estimate) -> Iterator[Text]:
    """Yield a line about the other processor if it is cheaper, by a cent or more."""
    alternative, total = estimate.alternative, estimate.cost.total
    if alternative is None or alternative.total >= total:
        return
    amount = cents(alternative.total)
    if amount != cents(total):
        yield safe_text(
            f"With {alternative.architecture}: {amount} USD, if the function is as fast there."
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
        calls = f"{plain(measured.duration)} s per call"
        number = counted(measured.calls, "call")
        if measured.memory is None:  # of a URL or an ARN
            facts.append(f"{calls}, with the time of the request ({number})")
        else:
            facts.append(f"{calls} on this machine ({number}); Lambda may be faster or slower")
    if measured.rate is not None:
        facts.append(f"S3 ran {plain(measured.rate)} tasks/s")
    if measured.redrives:
        facts.append(f"{plain(measured.redrives)}% redrives")
    return f"Measured in job {measured.job_id or 'unknown'}: {'; '.join(facts)}" if facts else ""


def _advice(advice: RateAdvice) -> str:
    """Return the sentence about the reserved concurrency for ``--max-rate``."""
    each = f"{plain(advice.calls_per_environment)} calls/s"
    rate = f"{plain(advice.max_rate)} calls/s"
    if not advice.allowed:
        return (
            f"Reserved concurrency: none is low enough for {rate}, because one execution "
            f"environment makes {each}. Let the function wait between its calls."
        )
    if not advice.is_needed:
        return (
            f"Reserved concurrency: not needed, because all {advice.account_concurrency:,} "
            f"execution environments of the account make at most {rate}."
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
