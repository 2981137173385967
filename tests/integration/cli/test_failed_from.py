"""``s3batch run --failed-from``: run the failed tasks of a job again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from s3batch_handler.documents.reports._job_record import read_job_record
from s3batch_handler.documents.reports._report import read_report

if TYPE_CHECKING:
    from tests.support.shell import Shell

# Fails for each key that is not in the file "fixed". If there is a file "pause", it pauses the job.
REPAIRED = """
import os
import signal
import time
from pathlib import Path

from s3batch_handler import PermanentFailure, task_handler


@task_handler
def handler(task):
    if Path("pause").exists():
        Path("pause").unlink()
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(0.2)
    fixed = Path("fixed").read_text().split() if Path("fixed").exists() else []
    if "bad" in task.key and task.key not in fixed:
        raise PermanentFailure("bad")
    return str(task.job.arguments or "")
"""


@pytest.fixture
def repaired(s3batch: Shell) -> Shell:
    (s3batch.folder / "repaired.py").write_text(REPAIRED)
    return s3batch


def _run(s3batch: Shell, *arguments: str, **variables: str) -> dict[str, Any]:
    ran = s3batch("run", *arguments, "--json", **variables)
    assert ran.stdout, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@mock_aws
def test_a_report_in_a_bucket_does_not_choose_the_handler(repaired: Shell) -> None:
    """Others may write to the bucket."""
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="reports")
    manifest = repaired.manifest("b,bad1")
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    first = _run(
        repaired, "repaired.py", "--manifest", manifest, "--report", "s3://reports", **keys
    )

    refused = repaired("run", "--failed-from", first["report"], **keys)
    again = _run(repaired, "repaired.py", "--failed-from", first["report"], **keys)

    assert refused.returncode == 2
    assert "Missing argument HANDLER" in refused.stderr
    assert again["failed"] == 1


def test_the_failed_tasks_run_as_in_their_job(repaired: Shell) -> None:
    """Handler, arguments and schema are those of the job; a tag links the two jobs."""
    manifest = repaired.manifest("b,good", "b,bad1", "b,bad%32")
    first = _run(repaired, "repaired.py", "--manifest", manifest, "-a", "target=x")
    (repaired.folder / "fixed").write_text("bad1")

    again = _run(repaired, "--failed-from", first["report"])

    assert (again["succeeded"], again["failed"]) == (1, 1)
    report = read_report(repaired.folder / again["report"])
    (row,) = report.succeeded()
    assert row.message == "{'target': 'x'}"
    record = read_job_record(report)
    assert record is not None
    assert record.redrive_of == first["job_id"]
    assert record.arguments == {"target": "x"}


def test_a_redrive_can_be_redriven(repaired: Shell) -> None:
    """A job ID names the report, and the options of the first job are kept."""
    manifest = repaired.manifest("b,bad1", "b,bad2")
    first = _run(repaired, "repaired.py", "--manifest", manifest)
    (repaired.folder / "fixed").write_text("bad1")
    second = _run(repaired, "--failed-from", first["job_id"])
    (repaired.folder / "fixed").write_text("bad1 bad2")

    third = _run(repaired, "--failed-from", second["job_id"], "--manifest", manifest)

    assert (second["total"], third["total"], third["failed"]) == (2, 1, 0)


def test_options_of_the_command_line_come_first(repaired: Shell) -> None:
    manifest = repaired.manifest("b,bad1")
    first = _run(repaired, "repaired.py", "--manifest", manifest, "-a", "target=x")

    again = _run(repaired, "app:handler", "--failed-from", first["report"], "-a", "target=y")

    (row,) = read_report(repaired.folder / again["report"]).rows()
    assert json.loads(row.message) == {"key": "bad1", "target": "y"}


def test_the_folder_of_the_job_is_served_again(repaired: Shell) -> None:
    """Otherwise the function would read the objects from AWS."""
    (repaired.folder / "photos").mkdir()
    (repaired.folder / "photos" / "bad.jpg").write_text("")
    first = _run(repaired, "repaired.py", "--source", "photos", "--bucket", "my-photos")

    again = repaired("run", "--failed-from", first["report"])

    assert f"--source {repaired.folder / 'photos'}, --bucket my-photos" in again.stderr


def test_nothing_is_run_if_no_task_failed(repaired: Shell) -> None:
    manifest = repaired.manifest("b,good")
    first = _run(repaired, "repaired.py", "--manifest", manifest)

    again = repaired("run", "--failed-from", first["report"])

    assert again.returncode == 1
    assert "no task failed, so there is no task to run again" in again.stderr
    assert len(list(repaired.folder.glob("s3batch-reports/job-*/manifest.json"))) == 1


def test_a_redrive_that_was_paused_keeps_its_link(repaired: Shell) -> None:
    """``--resume`` continues it without the report."""
    manifest = repaired.manifest("b,bad1", "b,bad2")
    first = _run(repaired, "repaired.py", "--manifest", manifest)
    (repaired.folder / "pause").touch()

    paused = repaired.line(f"s3batch run --failed-from {first['report']} --state state --workers 1")
    resumed = _run(repaired, "--resume", "--state", "state")

    assert paused.returncode == 130, paused.stderr
    record = read_job_record(read_report(repaired.folder / resumed["report"]))
    assert record is not None
    assert (record.redrive_of, record.total) == (first["job_id"], 2)


def test_a_report_without_a_record_does_not_name_the_handler(repaired: Shell) -> None:
    manifest = repaired.manifest("b,bad1")
    first = _run(repaired, "repaired.py", "--manifest", manifest)
    (record,) = repaired.folder.glob("s3batch-reports/job-*/job.json")
    record.unlink()

    without = repaired("run", "--failed-from", first["report"])
    with_handler = repaired("run", "repaired.py", "--failed-from", first["report"])

    assert without.returncode == 2
    assert "Missing argument HANDLER" in without.stderr
    assert with_handler.returncode == 1
    assert "Failed     1" in with_handler.stdout
