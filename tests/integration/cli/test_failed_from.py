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


def _in_one_line(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").split())


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
    summary = repaired("report", "summary", first["report"], **keys)
    assert f"s3batch run HANDLER --failed-from {first['report']}" in _in_one_line(summary.stdout)
    where = ("--manifest", manifest, "--report", "s3://reports", "-a", "x=y")
    text = repaired("run", "repaired.py", *where, **keys).stdout
    command = "s3batch run repaired.py --arguments x=y --failed-from s3://reports/job-"
    assert command in _in_one_line(text)


@mock_aws
def test_a_record_in_a_bucket_does_not_choose_how_tasks_run(repaired: Shell) -> None:
    """A merge into a folder does not make its handler and arguments trusted."""
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="reports")
    manifest = repaired.manifest("b,bad1")
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    options = ("--manifest", manifest, "--report", "s3://reports", "-a", "target=x")
    first = _run(repaired, "repaired.py", *options, **keys)
    (repaired.folder / "fixed").write_text("bad1")

    merged = repaired("report", "merge", first["report"], "--to", "merged", **keys)
    refused = repaired("run", "--failed-from", "merged/job-" + first["job_id"])
    again = repaired("run", "repaired.py", "--failed-from", first["report"], **keys)

    assert merged.returncode == 0, merged.stderr
    assert refused.returncode == 2
    assert "Missing argument HANDLER" in refused.stderr
    assert f"arguments of job {first['job_id']} are not known" in again.stderr
    (row,) = read_report(repaired.folder / "s3batch-reports").rows()
    assert (row.status, row.message) == ("succeeded", "")
    record = json.loads((repaired.folder / f"merged/job-{first['job_id']}/job.json").read_text())
    assert "Operation" not in record
    assert {"Manifest", "Measured", "MergedJobs", "MergedReports"} == {*record["Local"]}


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


def test_the_file_of_the_job_is_run_in_another_folder(repaired: Shell) -> None:
    """Another file of the same name is not taken."""
    first = _run(repaired, "repaired.py", "--manifest", repaired.manifest("b,bad1"))
    (repaired.folder / "other").mkdir()
    (repaired.folder / "other" / "repaired.py").write_text("raise SystemExit")

    again = repaired.line(f"cd other && s3batch run --failed-from ../{first['report']}")

    assert f"as in job {first['job_id']}: {repaired.folder / 'repaired.py'}\n" in again.stderr
    assert "PermanentFailure: bad" in again.stdout


def test_the_module_of_a_job_in_another_folder_is_not_guessed(repaired: Shell) -> None:
    first = _run(repaired, "repaired:handler", "--manifest", repaired.manifest("b,bad1"))
    (repaired.folder / "other").mkdir()

    again = repaired.line(f"cd other && s3batch run --failed-from ../{first['report']}")

    assert again.returncode == 2
    assert f"the job has run repaired:handler in {repaired.folder}" in again.stderr


@pytest.mark.parametrize("option", ["--profile", "--region"])
def test_the_folder_of_the_job_is_not_served_if_the_objects_are_in_aws(
    repaired: Shell, option: str
) -> None:
    (repaired.folder / "photos").mkdir()
    (repaired.folder / "photos" / "bad.jpg").write_text("")
    first = _run(repaired, "repaired.py", "--source", "photos")

    again = repaired("run", "--failed-from", first["report"], option, "eu-west-1", "--dry-run")

    assert "--source" not in again.stderr
    assert (again.returncode == 0) is (option == "--region")


@pytest.mark.parametrize("option", ["--log", "--env-file"])
def test_options_are_checked_together_with_those_of_the_job(repaired: Shell, option: str) -> None:
    first = _run(repaired, "repaired.py", "--manifest", repaired.manifest("b,bad1"))
    (repaired.folder / "file").touch()
    (record,) = repaired.folder.glob("s3batch-reports/job-*/job.json")
    record.write_text(record.read_text().replace('"repaired.py"', '"http://127.0.0.1:9/f"'))

    again = repaired("run", "--failed-from", first["report"], option, "file")

    assert again.returncode == 2
    assert f"{option} and a URL or ARN as HANDLER cannot be combined" in again.stderr


def test_a_job_id_cannot_control_the_terminal(repaired: Shell) -> None:
    """The name of a folder of another report could contain escape sequences."""
    first = _run(repaired, "repaired.py", "--manifest", repaired.manifest("b,bad1"))
    (index,) = repaired.folder.glob("s3batch-reports/job-*/manifest.json")
    for file in (index, index.with_name("job.json")):
        file.write_text(file.read_text().replace(first["job_id"], "x\\u001b]0;y\\u0007"))
    index.with_name("manifest.json.md5").unlink(missing_ok=True)

    again = repaired("run", "--failed-from", first["report"])

    assert "as in job x" in again.stderr
    assert "\x1b" not in again.stderr + again.stdout
