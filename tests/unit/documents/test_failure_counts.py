"""The counts of failures, and what a journal saves of them."""

from __future__ import annotations

import json
from typing import Any

from s3batch_handler.documents.reports._failure_groups import MAX_FIRST, FailureCounts
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus


def failed_row(number: int, message: str) -> ReportRow:
    return ReportRow(
        bucket="b",
        key=f"key/{number}",
        version_id=None,
        status=TaskStatus.FAILED,
        http_status=200,
        error_code="PermanentFailure",
        message=message,
    )


def test_only_groups_with_new_failures_are_saved_again() -> None:
    """There may be 500 groups with long messages, and ten commits a second."""
    counts = FailureCounts()
    for number in range(MAX_FIRST):
        counts.add(failed_row(number, "gone"), "gone")
    counts.add(failed_row(10, "no access"), "no access")
    first = counts.changes()

    assert len(first) == 3  # two groups, and the first rows
    assert counts.changes() == {}

    counts.add(failed_row(11, "gone"), "gone")
    (changed,) = counts.changes().values()
    assert changed[:2] == ["PermanentFailure", "gone"]


def test_counts_continue_from_what_was_saved() -> None:
    """After each failure, and with groups that are new after that."""
    saved: dict[int, Any] = {}
    resumed, uninterrupted = FailureCounts(), FailureCounts()
    for number in range(40):
        message = f"object {number} has no {'abcdefg'[number % 7] * 5}"
        for counts in (resumed, uninterrupted):
            counts.add(failed_row(number, message), message)
        saved.update(resumed.changes())
        resumed = FailureCounts({each: json.loads(json.dumps(saved[each])) for each in saved})

    assert len(uninterrupted.most_frequent()) == 7
    assert resumed.most_frequent() == uninterrupted.most_frequent()
    assert resumed.first == uninterrupted.first
