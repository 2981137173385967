"""Which failed tasks a search finds: on pages, and with the options of ``s3batch report``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.documents.reports._failure_groups import FailureCounts, failure_reason
from s3batch_handler.documents.reports._row_search import row_search
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus

FUNCTION_ERROR = (
    'Lambda returned function error: {"errorMessage":"invalid literal: 7","errorType":"ValueError"}'
)


def row(key: str = "2024/a.jpg", message: str = "Not a photo") -> ReportRow:
    return ReportRow(
        bucket="photos",
        key=key,
        status=TaskStatus.FAILED,
        http_status=200,
        error_code="PermanentFailure",
        message=message,
    )


@pytest.mark.parametrize(
    "search", ["", "…", "not a PHOTO", "a.jpg", "permanentf", "not … photo", "…photo", "2024/…jpg"]
)
def test_a_part_of_the_key_the_code_or_the_message_is_found(search: str) -> None:
    assert row_search(search, "")(row())


@pytest.mark.parametrize("search", ["photos", "photo … not", "a.jpg … not", "…x…"])
def test_parts_must_follow_each_other_in_one_of_them(search: str) -> None:
    """The bucket is not searched."""
    assert not row_search(search, "")(row())


@pytest.mark.parametrize("search", ["s3://photos/2024/a.jpg", "S3://photos/", "s3://…a.jpg"])
def test_a_url_finds_its_object(search: str) -> None:
    """The copy button of an object copies its URL."""
    assert row_search(search, "")(row())
    assert not row_search(f"{search}x", "")(row())


def test_the_code_must_be_the_same() -> None:
    assert row_search("photo", "PermanentFailure")(row())
    assert not row_search("photo", "Permanent")(row())


def test_the_reason_of_a_function_error_is_found() -> None:
    assert row_search("ValueError: invalid literal: …", "")(row(message=FUNCTION_ERROR))


@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from(["a b.jpg", "p/1.txt"]),
            st.text("ab1 ./…", max_size=12) | st.sampled_from([FUNCTION_ERROR, "no p/1.txt: 5 s"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_message_of_a_group_finds_all_its_rows(rows: list[ReportRow]) -> None:
    """So a page can show the tasks of a group, and redrive them."""
    counts = FailureCounts()
    for each in rows:
        counts.add(each, failure_reason(each.message))

    for group in counts.most_frequent():
        is_found = row_search(group.message, group.error_code)

        assert sum(map(is_found, rows)) >= group.count
        assert all(map(is_found, group.examples))
