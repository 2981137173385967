"""The lines of the live display."""

from __future__ import annotations

from typing import Any

import pytest

from s3batch_handler.cli.terminal._progress_view import progress_lines
from s3batch_handler.documents.reports._failure_groups import FailureGroup
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from s3batch_handler.engine.run._run_progress import RunProgress
from s3batch_handler.jobs._status import JobStatus


def failure(message: str, key: str, code: str = "PermanentFailure") -> FailureGroup:
    row = ReportRow(
        bucket="b",
        key=key,
        version_id=None,
        status=TaskStatus.FAILED,
        http_status=200,
        error_code=code,
        message=message,
    )
    return FailureGroup(code, message, 1_234, (row,))


def lines(
    columns: int = 100, height: int = 24, rate: float | None = 10.0, **facts: Any
) -> list[str]:
    progress = RunProgress(
        facts.pop("total", 1000), facts.pop("succeeded", 400), facts.pop("failed", 0), 90, **facts
    )
    return [line.plain for line in progress_lines(progress, rate, columns, height)]


def test_a_job_shows_its_counts_speed_and_threshold() -> None:
    bar, *others = lines(failed=100, waiting=50, pass_number=2, workers=4, tolerated=500)

    assert bar.endswith("  50.0%")
    assert others == [
        "Active · 500 of 1,000 tasks done · 100 failed · 50 waiting for a redrive · pass 2",
        "10 tasks/s · about 50 s left · running for 1 min 30 s · 4 workers",
        "failure threshold: 100 of 500 tolerated",
    ]


def test_the_bar_shows_what_failed_and_what_waits() -> None:
    """Also without colors: tasks that wait have another symbol."""
    bar = lines(succeeded=500, failed=250, waiting=125, columns=88)[0]

    assert (bar.count("━"), bar.count("╍"), bar.count("─")) == (54, 9, 10)


@pytest.mark.parametrize("columns", [1, 10, 39, 40, 80, 300])
@pytest.mark.parametrize("text", ["x" * 2000, "漢" * 500, "e\u0301" * 500, "\x1b[2J" * 100, ""])
def test_lines_fit_into_the_terminal(columns: int, text: str) -> None:
    """Whatever keys and messages contain."""
    progress = RunProgress(10**9, 10**8, 10**6, 10**6, failures=(failure(text, text),) * 3)

    shown = progress_lines(progress, 1e5, columns, 24)

    assert all(line.cell_len <= max(1, columns - 1) for line in shown)
    assert all(line.plain.isprintable() for line in shown)


def test_a_failure_shows_its_reason_and_an_example() -> None:
    """The code of a result says less than the message."""
    shown = lines(
        failures=(failure("no\nimage", "a/b.jpg"), failure("Denied", "k", "AccessDenied"))
    )

    assert shown[-2:] == ["  1,234  no image  a/b.jpg", "  1,234  AccessDenied: Denied  k"]


def test_a_long_message_leaves_room_for_the_key() -> None:
    (shown,) = lines(columns=41, failures=(failure("m" * 100, "k" * 100),))[-1:]

    assert shown == "  1,234  " + "m" * 17 + "…  " + "k" * 10 + "…"


def test_a_terminal_with_few_lines_shows_the_first() -> None:
    assert len(lines(height=3, failures=(failure("a", "b"),) * 3)) == 2


def test_a_job_that_is_new_has_no_total() -> None:
    shown = lines(total=None, succeeded=0, rate=None, status=JobStatus.PREPARING)

    assert shown[0].endswith("  0%")
    assert shown[1] == "Preparing · 0 tasks done"
