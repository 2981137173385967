"""``s3batch run --tolerate``: how many tasks may fail before the job ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.reports._report import read_report

if TYPE_CHECKING:
    from tests.support.shell import Shell


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2", "3 of 3 tasks failed: more than 2"),
        ("50%", "6 of 6 tasks failed: more than 50% of all 10"),
    ],
)
def test_a_job_ends_when_more_tasks_have_failed(s3batch: Shell, value: str, reason: str) -> None:
    """The report has the tasks that were run, and the summary says why the job has ended.

    The worker finishes the tasks that it has already accepted.
    """
    manifest = s3batch.manifest(*(f"b,fail{number}" for number in range(10)))

    run = s3batch(
        *("run", "app:handler", "--manifest", manifest, "--workers", "1"),
        *("--tolerate", value, "--json"),
    )

    summary = json.loads(run.stdout)
    assert run.returncode == 1
    assert (summary["status"], summary["reason"]) == ("Failed", reason)
    rows = list(read_report(s3batch.folder / summary["report"]).rows())
    assert len(rows) == summary["failed"]


def test_a_job_with_as_many_failures_as_are_tolerated_is_complete(s3batch: Shell) -> None:
    """Its exit code is 1 nevertheless, because tasks failed."""
    manifest = s3batch.manifest("b,fail", "b,fine")

    run = s3batch("run", "app:handler", "--manifest", manifest, "--tolerate", "50%", "--json")

    assert run.returncode == 1
    assert json.loads(run.stdout)["status"] == "Complete"


@pytest.mark.parametrize("value", ["5 %", "-1", "half", "101%", ""])
def test_another_value_is_refused(s3batch: Shell, value: str) -> None:
    run = s3batch("run", "app:handler", "--manifest", "-", f"--tolerate={value}")

    assert run.returncode == 2
    assert "Invalid value for '--tolerate'" in run.stderr
