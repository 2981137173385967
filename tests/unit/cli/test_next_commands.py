"""The commands for next steps on the saved page of a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3batch_handler.cli.report._location import FoundReport
from s3batch_handler.cli.report._next_commands import next_commands
from s3batch_handler.documents.reports._job_record import JobRecord
from s3batch_handler.documents.reports._report import read_report
from tests.support.reports import JOB, put_report

S3_MANIFEST: dict[str, Any] = {"Manifest": {"Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv"}}}


@pytest.fixture
def found(tmp_path: Path) -> FoundReport:
    return FoundReport(read_report(put_report(tmp_path / "report")), (JOB,))


def commands(
    found: FoundReport,
    record: dict[str, Any] | None = None,
    *,
    failed: int = 0,
    pending: int | None = None,
) -> list[str]:
    """Return the commands for a report and a ``job.json`` beside it."""
    description = {"JobId": JOB, **(record or {})}
    if record:
        Path(found.report.location).with_name("job.json").write_text(json.dumps(description))
    counts: Any = {"failed": failed, "pending": pending}
    known = JobRecord.from_description(description) if record else None
    return [each["command"] for each in next_commands(found, known, counts)]


def test_a_report_without_failures_can_be_verified(found: FoundReport) -> None:
    assert commands(found, pending=0) == [f"s3batch report verify {JOB}"]


def test_failed_tasks_can_be_listed_run_again_and_written_to_a_manifest(
    found: FoundReport,
) -> None:
    local = {"Handler": "app:f", "Manifest": {"Location": "m.csv"}}

    assert commands(found, {"Local": local}, failed=1) == [
        f"s3batch report failed {JOB}",
        f"s3batch run --failed-from {JOB}",
        f"s3batch report redrive {JOB} --to failed.csv",
        f"s3batch report verify {JOB}",
    ]


def test_a_command_has_no_password(found: FoundReport) -> None:
    """The page is sent to others."""
    address = ("--endpoint-url", "http://ann:hunter2@127.0.0.1:9000")
    found = replace(found, arguments=(JOB, *address))

    assert commands(found) == [
        f"s3batch report verify {JOB} --endpoint-url 'http://ann:***@127.0.0.1:9000'"
    ]


def test_tasks_that_were_not_run_can_be_written_to_a_manifest(found: FoundReport) -> None:
    words = f"s3batch manifest join s3://photos/m.csv {JOB} --missing --to not-run.csv"

    assert words in commands(found, S3_MANIFEST, pending=5)
    assert words not in commands(found, S3_MANIFEST, pending=0)


@pytest.mark.parametrize(
    "record",
    [
        {"Report": {"ReportScope": "FailedTasksOnly"}},
        {"Local": {"Manifest": {"Location": "deleted.csv"}}},
        {"Local": {"Selection": {"limit": 5}}},
        {"Manifest": {}},
    ],
)
def test_lines_without_a_row_are_not_selected_if_they_mean_something_else(
    found: FoundReport, record: dict[str, Any]
) -> None:
    """They may have succeeded, or may not have been part of the job."""
    found_commands = commands(found, {**S3_MANIFEST, **record}, pending=5)

    assert not any("--missing" in command for command in found_commands)
