"""Read the values of the options of ``s3batch estimate`` that are not plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from s3batch_handler.cli._numbers import ExactNumber
from s3batch_handler.cli._options import named
from s3batch_handler.cli.help._suggestions import suggestion
from s3batch_handler.estimates._prices import read_prices
from s3batch_handler.estimates._workload import REQUESTS

if TYPE_CHECKING:
    from decimal import Decimal


def read_requests(
    _context: click.Context, _option: click.Parameter, text: str
) -> dict[str, Decimal]:
    """Read ``GET=2,PUT=1``."""
    counts = named(filter(None, text.split(",")), "GET=2,PUT=1")
    known: dict[str, Decimal] = {}
    for name, value in counts.items():
        kind = name.strip().upper()
        if kind not in REQUESTS:
            raise click.BadParameter(
                f"{name!r} is not a known request: pass {', '.join(REQUESTS)}."
                + suggestion(name, REQUESTS)
            )
        known[kind] = _COUNT.convert(value, None, None)
    return known


_COUNT: Final = ExactNumber(allow_zero=True, unit="requests")


def read_price_options(
    _context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, Decimal]:
    """Read ``NAME=USD`` pairs."""
    known = read_prices().prices
    prices: dict[str, Decimal] = {}
    for name, value in named(pairs, "NAME=USD").items():
        if name not in known:
            raise click.BadParameter(
                f"{name!r} is not a known price: pass {', '.join(known)}." + suggestion(name, known)
            )
        prices[name] = _USD.convert(value, None, None)
    return prices


_USD: Final = ExactNumber(allow_zero=True, unit="USD")


def read_percent(value: str) -> Decimal:
    """Read ``2`` or ``2%``."""
    return _PERCENT.convert(value.removesuffix("%"), None, None)


_PERCENT: Final = ExactNumber(allow_zero=True, maximum=10_000, unit="percent")
