"""The LOCATION of ``s3batch report``: what it may be, and errors that suggest what was meant."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.cli.report import _location
from s3batch_handler.cli.report._state_folder import StoredReport
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.reports._writer import ReportWriter
from tests.support.reports import JOB, OK, entry, write

if TYPE_CHECKING:
    from tests.support.shell import Shell

OTHER = "11111111-2222-3333-4444-555555555555"


def count(s3batch: Shell, *location: str) -> int:
    run = s3batch("report", "summary", *location, "--json")
    assert run.returncode == 0, run.stderr
    total: int = json.loads(run.stdout)["total"]
    return total


@pytest.mark.parametrize(
    "location",
    [
        "s3batch-reports",
        f"s3batch-reports/job-{JOB}",
        f"s3batch-reports/job-{JOB}/manifest.json",
        JOB,
        JOB.upper(),
        f"job-{JOB}",
    ],
)
def test_report_is_found_by_folder_file_and_job_id(
    s3batch: Shell, report: str, location: str
) -> None:
    assert count(s3batch, location) == 5


def test_report_of_a_local_run_is_found_by_its_folder(s3batch: Shell) -> None:
    """Its ``run.json`` is not that of an interrupted run in a state folder."""
    manifest = s3batch.manifest("b,fail.txt", "b,1")
    s3batch("run", "app.py:handler", "--manifest", manifest)
    (folder,) = Path("s3batch-reports").glob("job-*/")

    assert (folder / "run.json").exists()
    assert count(s3batch, str(folder)) == 2


def test_latest_report_here_is_read_without_location(
    s3batch: Shell, report: str, tmp_path: Path
) -> None:
    write(ReportWriter(open_folder(tmp_path), job_id=OTHER), (entry(), OK, 200, "", ""))
    os.utime(f"{report}/manifest.json", (1, 1))
    (tmp_path / "s3batch-reports" / "job-incomplete").mkdir()

    run = s3batch("report", "summary", "--json")

    assert json.loads(run.stdout)["total"] == 1
    assert run.stderr == f"the latest report here: job-{OTHER}\n"


def test_current_folder_may_be_the_report(
    s3batch: Shell, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(report)

    assert count(s3batch) == 5


def test_manifest_of_an_inventory_is_not_the_latest_report(s3batch: Shell, report: str) -> None:
    Path("manifest.json").write_text('{"fileFormat": "CSV"}')

    assert count(s3batch) == 5


def test_folder_with_several_reports_is_an_error_that_names_them(
    s3batch: Shell, report: str
) -> None:
    write(ReportWriter(open_folder("s3batch-reports"), job_id=OTHER))

    run = s3batch("report", "summary", "s3batch-reports")

    assert run.returncode == 1
    assert f"more than one report; choose one: job-{OTHER}, job-{JOB}" in run.stderr


@pytest.mark.parametrize(
    ("location", "suggestion"),
    [
        (None, "no report in the current folder or in s3batch-reports: pass"),
        ("nothing-like-it", "no such file or folder; pass the folder of a report, its manifest"),
        (f"arn:aws:s3:eu-west-1:123456789012:job/{OTHER}", f"pass the job ID alone: {OTHER}"),
        ("s3:/reports/x", "the URL of a folder in S3 has the form s3://bucket/prefix"),
        ("https://reports.s3.amazonaws.com/x", "has the form s3://bucket/prefix"),
    ],
)
def test_wrong_location_gets_advice(s3batch: Shell, location: str | None, suggestion: str) -> None:
    run = s3batch("report", "rows", *([] if location is None else [location]))

    assert (run.returncode, run.stdout) == (1, "")
    assert suggestion in run.stderr


@pytest.mark.parametrize(
    "location", [JOB[:8], f"job-{JOB[:6]}", f"{JOB}x", f"s3batch-reports/{JOB}"]
)
def test_similar_report_is_suggested(s3batch: Shell, report: str, location: str) -> None:
    run = s3batch("report", "rows", location)

    assert run.returncode == 1
    assert f"did you mean {report}?" in run.stderr


@pytest.mark.parametrize("part", ["results", "results/file.csv"])
def test_folder_of_a_part_is_named(s3batch: Shell, report: str, part: str) -> None:
    Path(report, "results/file.csv").touch()

    run = s3batch("report", "rows", f"{report}/{part}")

    assert run.returncode == 1
    assert f"a part of a report; pass its folder, {report}" in run.stderr


def test_empty_location_is_refused(s3batch: Shell, report: str) -> None:
    """It may come from a variable of a shell that is not set."""
    run = s3batch("report", "summary", "")

    assert run.returncode == 2
    assert "LOCATION is empty" in run.stderr


def test_state_folder_needs_a_job_id(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "summary", report, "--state", ".")

    assert run.returncode == 2
    assert f"--state needs a job ID as LOCATION, not {report}" in run.stderr


def test_reports_of_a_state_folder_can_be_passed_as_listed(
    s3batch: Shell, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands without --state for state folders, as s3batch run, accept their folders."""
    found = [StoredReport(job_id, report, None, {}) for job_id in (OTHER, JOB)]
    monkeypatch.setattr(_location, "has_state", lambda _: True)
    monkeypatch.setattr(_location, "stored_reports", lambda _: found)

    run = s3batch("report", "summary", "s3batch-reports")

    assert run.returncode == 1
    assert f"s3batch-reports: more than one report; pass one of {report}, {report};" in run.stderr
