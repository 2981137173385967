"""Numbers and names of an estimate for people."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.estimates._workload import REQUESTS

if TYPE_CHECKING:
    from s3batch_handler.estimates._cost import Part
    from s3batch_handler.estimates._workload import Workload


def title_of(workload: Workload) -> str:
    """Return what is estimated: ``1,000 objects: LambdaInvoke, 512 MB, 0.2 s, x86_64``."""
    words = [workload.operation]
    if (function := workload.function) is not None:
        seconds = f"{plain(function.duration)} s"
        words += [f"{function.memory:,} MB", seconds, function.architecture]
    return f"{counted(workload.objects, 'object')}: {', '.join(words)}"


def name_of(part: Part) -> str:
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


def plain(number: Decimal) -> str:
    """Return a number without an exponent, with at most three decimals."""
    if 0 < number < _SMALLEST / 2:
        return f"<{_SMALLEST}"
    text = f"{number:,.3f}" if number != number.to_integral_value() else f"{number:,.0f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_SMALLEST: Final = Decimal("0.001")
