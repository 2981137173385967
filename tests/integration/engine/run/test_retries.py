"""Retries of tasks that fail temporarily."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus, Progress
from tests.support.job_run import JOB, Rows, function_of, lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.invoker_calls import Write


def test_a_task_that_succeeds_on_retry_has_succeeded(
    function: Write, tmp_path: Path, report: Rows
) -> None:
    """It has one row, and no failure is counted."""
    spec = function(
        f"""
        def handler(event, context):
            tries = Path({str(tmp_path)!r}, key(event) + ".tries")
            with tries.open("a") as file:
                file.write("x")
            if len(tries.read_text()) <= 2 * (key(event) == "shy"):
                return answer(event, "TemporaryFailure", "not yet")
            return answer(event, text=tries.read_text())
        """
    )

    run = run_job(lines("shy", "bold"), WorkerPool(spec, workers=1), JOB, report=report)

    assert report.by_key == {
        "shy": ("succeeded", 200, "", "xxx"),
        "bold": ("succeeded", 200, "", "x"),
    }
    assert (run.progress.total, run.progress.succeeded) == (2, 2)


@pytest.mark.parametrize("max_redrives", [0, 1, 3])
def test_a_task_is_retried_up_to_max_redrives_times(report: Rows, max_redrives: int) -> None:
    """Its row has the message of the last try."""
    tries: list[str] = []

    def outcome(key: str) -> Any:
        tries.append(key)
        return "TemporaryFailure", f"try {len(tries)}"

    run_job(
        lines("a"),
        InProcess(function_of(outcome)),
        replace(JOB, max_redrives=max_redrives),
        report=report,
    )

    assert len(tries) == 1 + max_redrives
    assert report.by_key["a"][2:] == ("TemporaryFailure", f"try {1 + max_redrives}")


def test_retries_come_after_the_first_pass(report: Rows) -> None:
    """Busy services get time to recover. Entries are retried unchanged."""
    entries = [ManifestEntry("b", "é%20\n", "null"), ManifestEntry("b", "x", "v")]
    seen: list[str] = []

    def outcome(key: str) -> Any:
        seen.append(key)
        return ("Succeeded" if len(seen) > 2 else "TemporaryFailure"), ""

    run_job(entries, InProcess(function_of(outcome)), JOB, report=report)

    assert seen == ["é%20\n", "x", "é%20\n", "x"]
    assert [row[0] for row in report.rows] == entries


def test_tasks_that_wait_for_a_retry_have_a_row_after_cancellation(report: Rows) -> None:
    """It has their latest message."""

    def on_progress(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    def outcome(key: str) -> Any:
        if key == "last":
            time.sleep(0.15)  # progress is reported ten times a second
            return "Succeeded", ""
        return "TemporaryFailure", "busy"

    run = run_job(
        lines("a", "b", "last", "never"),
        InProcess(function_of(outcome)),
        JOB,
        report=report,
        on_progress=on_progress,
    )

    assert run.status is JobStatus.CANCELLED
    assert report.by_key == {
        "a": ("failed", 200, "TemporaryFailure", "busy"),
        "b": ("failed", 200, "TemporaryFailure", "busy"),
        "last": ("succeeded", 200, "", ""),
    }
