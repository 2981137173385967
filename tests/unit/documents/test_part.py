"""Parts of a manifest: each line is in exactly one, and their sizes differ by at most one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.documents.manifests._part import Part


@given(st.integers(0, 10**12), st.integers(1, 500))
def test_each_line_is_in_one_part(count: int, of: int) -> None:
    shares = [Part(number, of).lines(count) for number in range(of)]

    assert shares[0].start == 0
    assert shares[-1].stop == count
    assert all(left.stop == right.start for left, right in pairwise(shares))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("text", ["0/1", "0/16", "15/16", "007/16"])
def test_a_part_is_read(text: str) -> None:
    number, of = text.split("/")

    assert Part.parse(text) == (int(number), int(of))


@pytest.mark.parametrize(
    "text",
    [
        "16/16",
        "1/0",
        "0/0",
        "-1/4",
        "a/b",
        " 1/4",
        "1/4 ",
        "",
        "/16",
        "3",
        "3/",
        "1/2/3",
        "٣/16",
        "1e1/16",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="part"):
        Part.parse(text)


def test_an_empty_number_says_that_a_variable_is_perhaps_not_set() -> None:
    """``--part "$JOB_COMPLETION_INDEX/16"`` outside of a cluster."""
    with pytest.raises(ValueError, match="Is the variable with the number set"):
        Part.parse("/16")
