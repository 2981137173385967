"""The sample of ``s3batch run --sample``."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.cli.run._selection import Selection
from s3batch_handler.documents.manifests._sample import random_choices, random_sample

SEEDS = st.integers(0, 10**6)


@given(st.integers(0, 60), st.integers(1, 70), SEEDS)
def test_a_sample_has_the_requested_size_in_the_order_of_the_objects(
    count: int, size: int, seed: int
) -> None:
    """It has all objects if there are fewer, and no object twice."""
    sample = list(random_sample(range(count), count, size=size, seed=seed))

    assert len(sample) == min(size, count)
    assert sample == sorted(set(sample))


@given(st.integers(1, 60), st.integers(1, 60), SEEDS)
def test_the_same_seed_selects_the_same_objects(count: int, size: int, seed: int) -> None:
    """Other random numbers of the process have no effect."""
    first = list(random_sample(range(count), count, size=size, seed=seed))
    random.seed(seed + 1)

    assert list(random_sample(range(count), count, size=size, seed=seed)) == first


def test_each_subset_has_the_same_probability() -> None:
    """The seeds are fixed, so the counts are the same in each run of the test."""
    drawn = Counter(tuple(random_sample("abcde", 5, size=2, seed=seed)) for seed in range(5_000))

    assert drawn.keys() == set(combinations("abcde", 2))
    assert all(400 < count < 600 for count in drawn.values())


def test_objects_that_are_added_meanwhile_are_not_in_the_sample() -> None:
    """The manifest reports the change after its last line, so all lines are read."""
    lines = iter(range(100))

    sample = list(random_sample(lines, 10, size=10, seed=0))

    assert sample == list(range(10))
    assert next(lines, None) is None


def test_a_selection_is_described_with_all_that_repeats_it() -> None:
    assert str(Selection(1)) == "the first 1 object"
    assert str(Selection(2_000)) == "the first 2,000 objects"
    assert str(Selection(100, 12_345, 42)) == "sample of 100 from 12,345 (--seed 42)"


@given(count=st.integers(0, 50), size=st.integers(1, 60), seed=st.integers(0, 1000))
def test_each_item_is_chosen_or_one_of_the_others(count: int, size: int, seed: int) -> None:
    """A sample and the others are all items, each one once, in their order."""
    choices = [*random_choices(range(count), count, size=size, seed=seed)]

    sample = [item for item, is_chosen in choices if is_chosen]

    assert [item for item, _ in choices] == [*range(count)]
    assert sample == [*random_sample(range(count), count, size=size, seed=seed)]
    assert len(sample) == min(size, count)
