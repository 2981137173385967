"""Measuring side by side, and telling of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

Contenders = Mapping[str, Callable[[], float]]
"""By name: runs once, and gives the seconds that it took."""


def side_by_side(contenders: Contenders, *, rounds: int) -> dict[str, list[float]]:
    """Run the contenders in turn, round by round: what disturbs one round disturbs all of it."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(run())
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]], name: str, to: str) -> float:
    """Give the median of the rounds' ratios."""
    pairs = zip(seconds[name], seconds[to], strict=True)
    return statistics.median(a / b for a, b in pairs)


def table(
    title: str, seconds: Mapping[str, Sequence[float]], *, to: str, unit: Callable[[float], str]
) -> None:
    """Print medians, and ratios to one of the contenders."""
    print(f"\n{title}\n")
    width = max(map(len, seconds))
    print(f"{'':{width}}  {'median':>14}  {'ratio':>7}")
    for name, values in seconds.items():
        median = unit(statistics.median(values))
        print(f"{name:{width}}  {median:>14}  {ratio(seconds, name, to):>6.2f}x")


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Tell how a cost grows with size: 1 is linear, 0 constant. A line through the logarithms."""
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(value) for value in values]
    ).slope
