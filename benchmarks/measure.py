"""Measure contenders in turn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Contenders = Mapping[str, Callable[[], float]]
"""Functions by name; each runs once and returns the seconds that it took."""


def side_by_side(contenders: Contenders, *, rounds: int) -> dict[str, list[float]]:
    """Run all contenders in each round, so that a disturbance affects all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(run())
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]], name: str, to: str) -> float:
    """Return the median ratio of all rounds."""
    pairs = zip(seconds[name], seconds[to], strict=True)
    return statistics.median(a / b for a, b in pairs)


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Calculate how a cost grows with size: 1 is linear, 0 constant (a fit of the logarithms)."""
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(value) for value in values]
    ).slope


def print_page(lines: Iterable[str], *, write_to: Path | None) -> None:
    """Print the lines of a page as they are measured; then write the page, if it has a path."""
    page = []
    for line in lines:
        print(line, flush=True)
        page.append(line)
    if write_to is not None:
        write_to.write_text("\n".join(page) + "\n", encoding="utf-8")
