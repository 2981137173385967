"""Ranges of keys: where they can be split, and prefixes that overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.jobs.listing._key_ranges import KeyRange, evenly, middle, without_overlaps

KEYS = st.text(st.characters(codec="utf-8"), max_size=8)


@given(KEYS, KEYS)
def test_the_middle_is_between_two_keys(one: str, other: str) -> None:
    """Both halves are smaller, so that splitting ends; the order is that of S3."""
    low, high = sorted((one, other), key=str.encode)

    found = middle(low, high)

    assert found is None or low.encode() < found.encode() < high.encode()


@given(KEYS, KEYS)
def test_the_middle_of_a_prefix_begins_with_it(prefix: str, rest: str) -> None:
    found = middle(prefix + rest, None, prefix)

    assert found is None or (found > prefix + rest and found.startswith(prefix))


@pytest.mark.parametrize(
    ("low", "high", "between"),
    [("img-0100", "img-0900", "img-05"), ("a", "c", "b"), ("2024/01/07", "2024/02", "2024/01W")],
)
def test_the_middle_of_usual_keys_divides_them(low: str, high: str, between: str) -> None:
    assert middle(low, high) == between


def test_repeated_halving_reaches_any_key() -> None:
    """A large folder without folders in it is divided: each step halves one character."""
    keys = KeyRange(1, "img-", cursor="img-00000000", last=None)
    place = middle(keys.cursor, keys.last, keys.prefix)
    while place is not None and place > "img-00004999":
        keys.last = place
        place = middle(keys.cursor, keys.last, keys.prefix)

    assert place is not None
    assert place > "img-00000000"


def test_the_next_folder_is_on_the_path_of_the_cursor() -> None:
    keys = KeyRange(1, "", cursor="2024/01/a.jpg", folder="")

    folders: list[str] = []
    while keys.folder is not None:
        folders.append(keys.folder)
        keys.descend()

    assert folders == ["", "2024/", "2024/01/"]


def test_a_prefix_inside_another_one_is_left_out() -> None:
    assert without_overlaps(["b/c", "a/", "b/", "a/", "a/x"]) == ("a/", "b/")
    assert without_overlaps(["a", ""]) == ("",)


def test_items_are_chosen_evenly() -> None:
    assert [*evenly("abcdefghij", 4)] == ["a", "d", "g", "j"]
    assert [*evenly("abc", 4)] == ["a", "b", "c"]
