"""The size of a random sample: a number of objects, or a percentage of them."""

from __future__ import annotations

import re
from typing import Final

import click


def check_sample_size(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Check a number of objects, or a percentage of them."""
    if value is None:
        return None
    number = _NUMBER.fullmatch(value)
    percentage = _PERCENTAGE.fullmatch(value)
    if number is not None and int(value) >= 1:
        return value
    if percentage is not None and 0 < float(percentage[1]) <= 100:
        return value
    raise click.BadParameter(
        f"{value!r} is not a sample size: write a number of objects (100), or a percentage (5%)"
    )


_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_PERCENTAGE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%")


def count_of_sample(size: str, total: int) -> int:
    """Return the number of objects of a sample: at least one."""
    if not size.endswith("%"):
        return int(size)
    return max(1, round(total * float(size.removesuffix("%")) / 100))
