"""Random samples of the lines of a manifest."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_T = TypeVar("_T")


def new_seed() -> int:
    """Return a random seed that is short enough to be typed."""
    return Random().randrange(10**6)


def random_sample(items: Iterable[_T], count: int, *, size: int, seed: int) -> Iterator[_T]:
    """Yield ``size`` of ``count`` items in their order, or all if there are fewer.

    Each subset of this size has the same probability. No item is kept in memory.
    """
    for item, is_chosen in random_choices(items, count, size=size, seed=seed):
        if is_chosen:
            yield item


def random_choices(
    items: Iterable[_T], count: int, *, size: int, seed: int
) -> Iterator[tuple[_T, bool]]:
    """Yield each item, and whether it is one of the :func:`random_sample` with the same arguments.

    Source: Knuth, The Art of Computer Programming, volume 2, 3.4.2, algorithm S.
    """
    random = Random(seed)
    missing = min(size, count)
    for index, item in enumerate(items):
        is_chosen = bool(missing) and random.random() * (count - index) < missing
        missing -= is_chosen
        yield item, is_chosen


def random_numbers(seed: int) -> Iterator[str]:
    """Yield random numbers without end, as texts; the seed decides them."""
    random = Random(seed)
    while True:
        yield str(random.getrandbits(62))
