"""The prices and limits of AWS that estimates use, from ``prices.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price of AWS.

    Attributes:
        usd: What ``per`` units cost; ``None`` if no source for it is at hand.
        unit: What is counted, such as ``requests``.
        free: The units of each month that the free tier covers.
        first_tier: The units of a month after which AWS charges less; ``None`` if it does not.
        source: Where the price was read; empty if the user passed it.
    """

    name: str
    unit: str
    usd: Decimal | None = None
    per: int = 1
    free: int = 0
    first_tier: int | None = None
    source: str = ""

    def cost(self, quantity: Decimal) -> Decimal:
        """Return what a number of units costs, exactly."""
        if self.usd is None:
            raise ValueError(f"the price {self.name} is not known")
        return quantity * self.usd / self.per


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The prices of one Region.

    Attributes:
        date: When the prices were read last.
    """

    date: date
    region: str
    prices: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.prices[name]

    def with_prices(self, usd: Mapping[str, Decimal]) -> PriceList:
        """Return the list with other prices, which the user knows."""
        changed = {
            name: replace(self.prices[name], usd=amount, source="--price")
            for name, amount in usd.items()
        }
        return replace(self, prices={**self.prices, **changed})


def read_prices(region: str = "") -> PriceList:
    """Read the prices of a Region, by default of the Region that most of them are known for.

    A price whose source is about other Regions has no ``usd``.
    """
    data = _data()
    main: str = data["region"]
    region = region or main
    prices = {name: _price(name, entry, region, main) for name, entry in data["prices"].items()}
    return PriceList(date=data["date"], region=region, prices=prices)


def _price(name: str, entry: Mapping[str, Any], region: str, main: str) -> Price:
    is_known = "usd" in entry and region in entry.get("regions", [main])
    return Price(
        name=name,
        unit=entry["unit"],
        usd=Decimal(entry["usd"]) if is_known else None,
        per=entry.get("per", 1),
        free=entry.get("free", 0),
        first_tier=entry.get("first_tier"),
        source=entry.get("source", ""),
    )


def limit(name: str) -> int:
    """Return a limit of AWS."""
    value: int = _data()["limits"][name]["value"]
    return value


@cache
def _data() -> dict[str, Any]:
    """Return the content of ``prices.toml``."""
    return tomllib.loads(
        files("s3batch_handler.estimates").joinpath("prices.toml").read_text(encoding="utf-8")
    )
