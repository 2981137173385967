"""``job.json``: what ``s3batch run`` records about a job, beside its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._job_record import read_job_record
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._rows import ReportScope
from s3batch_handler.documents.reports._run_record import read_run_record
from s3batch_handler.jobs._job import Job

if TYPE_CHECKING:
    from tests.support.shell import Shell


def test_a_local_job_is_recorded_as_describe_job_describes_it(s3batch: Shell) -> None:
    """The record has counts, arguments and scope, and is read like a response of AWS."""
    manifest = s3batch.manifest("b,fine", "b,fail")

    run = s3batch.line(f"s3batch run app:handler --manifest {manifest} -a target=x --json")

    record = read_job_record(read_report(s3batch.folder / "s3batch-reports"))
    assert record is not None
    assert record.job_id == json.loads(run.stdout)["job_id"]
    assert (record.status, record.total, record.succeeded, record.failed) == ("Complete", 2, 1, 1)
    assert (record.arguments, record.schema) == ({"target": "x"}, "2.0")
    assert record.report_scope is ReportScope.ALL_TASKS
    assert record.local["Handler"] == "app:handler"
    assert record.local["Manifest"]["Location"] == str(Path(manifest).absolute())
    job = Job.from_description(record.description)
    assert (job.operation_name, job.progress.failed) == ("LambdaInvoke", 1)
    assert job.termination_date is not None
    assert job.termination_date >= job.creation_time


def test_the_duration_of_calls_is_recorded_for_an_estimate(s3batch: Shell) -> None:
    """The average is that of the calls alone: loading the function is not part of it."""
    (s3batch.folder / "slow.py").write_text(
        "import time\nfrom s3batch_handler import task_handler\n\ntime.sleep(0.5)\n\n\n"
        "@task_handler\ndef handler(task):\n    time.sleep(0.05)\n    return 'done'\n",
    )

    s3batch("run", "slow:handler", "--manifest", s3batch.manifest("b,one", "b,two"))

    record = read_job_record(read_report(s3batch.folder / "s3batch-reports"))
    assert record is not None
    measured = record.local["Measured"]
    assert measured["Calls"] == 2
    assert measured["AverageSeconds"] >= 0.05
    assert measured["MemoryMB"] > 0


def test_how_a_job_ran_is_recorded_beside_its_report(s3batch: Shell) -> None:
    """The report has no times."""
    (s3batch.folder / "slow.py").write_text(
        "import time\nfrom s3batch_handler import PermanentFailure, task_handler\n\n\n"
        "@task_handler\ndef handler(task):\n"
        "    if task.key == 'bad':\n        raise PermanentFailure('no')\n"
        "    time.sleep(0.2 if task.key == 'slow' else 0)\n    return 'done'\n",
    )

    s3batch(
        *("run", "slow:handler", "--manifest", s3batch.manifest("b,fine", "b,slow", "b,bad")),
        *("--tolerate", "5", "--workers", "1", "--timeout", "30"),
    )

    record = read_run_record(read_report(s3batch.folder / "s3batch-reports"))
    assert record is not None
    assert [change["status"] for change in record["history"]] == ["Preparing", "Active", "Complete"]
    assert record["threshold"] == {"rule": "5 tasks", "tolerated": 5}
    assert (record["workers"], record["function_timeout"]) == (1, 30.0)
    assert record["durations"] is not None
    assert record["durations"]["calls"] == 3
    assert record["slowest"][0]["key"] == "slow"
    assert record["slowest"][0]["seconds"] is not None
    assert record["slowest"][0]["seconds"] >= 0.2
    assert record["rate_history"] is not None
    assert sum(record["rate_history"]["succeeded"]) == 2
    assert sum(record["rate_history"]["failed"]) == 1


def test_a_resumed_job_has_one_record(s3batch: Shell) -> None:
    """A paused job has no report, so it has no record either."""
    manifest = s3batch.manifest("b,fine")

    s3batch("run", "app:handler", "--manifest", manifest, "--state", "state")

    assert len(list(s3batch.folder.glob("s3batch-reports/job-*/job.json"))) == 1


def test_a_report_of_aws_has_no_record() -> None:
    report = read_report(Path(__file__).parents[2] / "reports" / "aws_example")

    assert read_job_record(report) is None


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"no JSON",
        b"",
        b"\xff",
        b'{"Status": NaN}',
        b"[" * 100_000,
        b" " * (16 << 20) + b"{}",
        b'{"JobId": "another"}',
        b'{"JobId": null}',
        b'{"ProgressSummary": {"TotalNumberOfTasks": "many"}}',
        b'{"Operation": {"LambdaInvoke": {"UserArguments": [1]}}}',
    ],
)
def test_a_record_that_is_not_valid_is_an_error(s3batch: Shell, content: bytes) -> None:
    """The error names the file."""
    manifest = s3batch.manifest("b,fine")
    s3batch("run", "app:handler", "--manifest", manifest)
    report = read_report(s3batch.folder / "s3batch-reports")
    Path(report.location_beside("job.json")).write_bytes(content)

    with pytest.raises(ReportError, match=r"job\.json"):
        read_job_record(report)


def test_a_folder_whose_name_is_not_text_is_recorded(s3batch: Shell) -> None:
    """Names of files are bytes, and Python represents them with lone surrogates."""
    folder = s3batch.folder / "n\udcffu"
    try:
        folder.mkdir()
    except OSError:  # macOS
        pytest.skip("this file system has no such names")
    manifest = folder / "m.csv"
    manifest.write_text("b,fine\n")

    s3batch("run", "app:handler", "--manifest", str(manifest))

    record = read_job_record(read_report(s3batch.folder / "s3batch-reports"))
    assert record is not None
    assert record.local["Manifest"]["Location"] == str(manifest)
    assert s3batch("report", "html", "--to", "page.html").returncode == 0


@pytest.mark.parametrize(
    "measured",
    [
        b'{"Calls": "5"}',
        b'{"Calls": -1}',
        b'{"Calls": 1' + b"0" * 4000 + b"}",
        b'{"AverageSeconds": true}',
        b'{"AverageSeconds": 1e999}',
        b'{"MemoryMB": "9"}',
    ],
)
def test_measured_values_are_numbers(s3batch: Shell, measured: bytes) -> None:
    """Others may write to the bucket of a report."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fine"))
    report = read_report(s3batch.folder / "s3batch-reports")
    content = b'{"Local": {"Measured": ' + measured + b"}}"
    Path(report.location_beside("job.json")).write_bytes(content)

    with pytest.raises(ReportError, match=r"job\.json: not the record of a job: Local\.Measured"):
        read_job_record(report)
