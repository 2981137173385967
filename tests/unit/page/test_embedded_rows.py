"""Which failed tasks a saved page contains."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.documents.reports._failure_groups import FailureCounts, failure_reason
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from s3batch_handler.documents.reports._summary import ReportSummary
from s3batch_handler.page import _embedded_rows
from s3batch_handler.page._embedded_rows import embedded_rows


def failed(key: str, message: str = "too long", code: str = "PermanentFailure") -> ReportRow:
    return ReportRow(
        bucket="photos",
        key=key,
        status=TaskStatus.FAILED,
        http_status=200,
        error_code=code,
        message=message,
    )


def summary_of(rows: list[ReportRow]) -> ReportSummary:
    counts = FailureCounts()
    for row in rows:
        counts.add(row, failure_reason(row.message))
    return ReportSummary(
        succeeded=0, failed=len(rows), failures=counts.most_frequent(), first_failures=counts.first
    )


def chosen_of(rows: list[ReportRow], limit: int) -> list[ReportRow]:
    failures = summary_of(rows).failures
    return embedded_rows(iter(rows), failures, failed=len(rows), limit=limit)


def keys_of(rows: list[ReportRow], limit: int) -> list[str]:
    return [row.key for row in chosen_of(rows, limit)]


def test_all_rows_are_taken_if_there_are_few() -> None:
    rows = [failed("b", "one"), failed("a", "two"), failed("c", "one")]

    assert keys_of(rows, 3) == ["b", "a", "c"]


def test_a_rare_failure_gets_as_many_rows_as_a_frequent_one() -> None:
    """The first rows alone would show one reason only."""
    rows = [failed(f"often {n}") for n in range(100)]
    rows += [failed(f"rare {n}", "no such key", "NoSuchKey") for n in range(20)]

    keys = keys_of(rows, 10)

    assert keys == [*(f"often {n}" for n in range(5)), *(f"rare {n}" for n in range(5))]


def test_the_first_rows_fill_what_rare_failures_leave() -> None:
    rows = [failed(f"often {n}") for n in range(100)]
    rows.insert(50, failed("rare", "no such key", "NoSuchKey"))

    assert keys_of(rows, 10) == [*(f"often {n}" for n in range(9)), "rare"]


def test_a_failure_at_the_end_of_a_long_report_has_its_examples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rows between are not searched: that would take too long."""
    monkeypatch.setattr(_embedded_rows, "_MAX_SEARCHED", 50)
    rows = [failed(f"often {n}") for n in range(100)]
    rows += [failed(f"rare {n}", "no such key", "NoSuchKey") for n in range(20)]

    keys = keys_of(rows, 10)

    assert keys == [*(f"often {n}" for n in range(7)), "rare 0", "rare 1", "rare 2"]


def test_the_most_frequent_failures_are_shown_if_there_is_no_room_for_all() -> None:
    rows = [failed("a", "one"), failed("b", "two"), failed("c", "two"), failed("d", "three")]

    assert keys_of(rows, 1) == ["b"]
    assert keys_of(rows, 0) == []


@given(
    st.lists(
        st.builds(failed, st.text("ab", max_size=2), st.sampled_from(["x", "y", "z 1", "z 2"])),
        max_size=40,
    ),
    st.integers(0, 45),
    st.integers(0, 45),
)
def test_every_failure_is_represented_and_no_row_is_invented(
    rows: list[ReportRow], limit: int, searched: int
) -> None:
    summary = summary_of(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_embedded_rows, "_MAX_SEARCHED", searched)

        chosen = chosen_of(rows, limit)

    assert len(chosen) <= limit
    if searched >= len(rows):
        assert len(chosen) == min(limit, len(rows))
    assert not Counter(map(str, chosen)) - Counter(map(str, rows))
    shown = {(row.error_code, row.message[0]) for row in chosen}
    assert shown >= {(group.error_code, group.message[0]) for group in summary.failures[:limit]}
