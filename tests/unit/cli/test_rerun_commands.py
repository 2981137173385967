"""The commands that run failed tasks again, as ``report summary`` and ``report redrive`` print."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3batch_handler.cli.report._location import FoundReport
from s3batch_handler.cli.report._rerun import rerun_words, run_words, submit_command
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.documents.reports._report import read_report
from tests.support.reports import JOB, put_report

CONNECTION = {"--account-id": "123456789012", "--endpoint-url": "http://127.0.0.1:9"}


@pytest.fixture
def found(tmp_path: Path) -> FoundReport:
    report = read_report(put_report(tmp_path / "report"))
    return FoundReport(report, (JOB,), connection=CONNECTION)


def _with_record(found: FoundReport, **local: str) -> FoundReport:
    invoke = {"UserArguments": {"target": "a b", "password": "x1"}}
    record: dict[str, Any] = {"JobId": JOB, "Operation": {"LambdaInvoke": invoke}}
    if local:
        record["Local"] = {"Manifest": {"Location": "manifest.csv"}, **local}
    Path(found.report.location).with_name("job.json").write_text(json.dumps(record))
    return found


def _in_s3(found: FoundReport) -> FoundReport:
    url = f"s3://reports/job-{JOB}"
    return replace(
        found, report=replace(found.report, location=f"{url}/manifest.json"), arguments=(url,)
    )


def test_tasks_of_a_local_job_are_run_on_this_machine(found: FoundReport) -> None:
    words = rerun_words(_with_record(found, Handler="app:f"))

    assert words == ["s3batch", "run", "--failed-from", JOB]


def test_tasks_of_a_job_in_aws_are_submitted(found: FoundReport) -> None:
    """Its report is in S3, and no ``job.json`` is beside it."""
    words = rerun_words(_in_s3(found))

    assert words is not None
    url = f"s3://reports/job-{JOB}"
    options = [word for option in CONNECTION.items() for word in option]
    assert words == ["s3batch", "job", "submit", "--failed-from", url, *options]


def test_a_report_in_s3_does_not_name_the_handler(found: FoundReport) -> None:
    """Others may write to its bucket."""
    found = _in_s3(_with_record(found, Bucket="my"))

    words = rerun_words(found)
    of_some = run_words(found, "failed.csv")

    assert words is not None
    assert words[:4] == ["s3batch", "run", "HANDLER", "--failed-from"]
    assert "--account-id" not in words
    assert of_some[2] == "HANDLER"


def test_a_merged_report_without_a_handler_needs_one(found: FoundReport) -> None:
    """It is in a folder, but its first report was in S3."""
    words = rerun_words(_with_record(found, Bucket="my"))

    assert words == ["s3batch", "run", "HANDLER", "--failed-from", JOB]


def test_no_command_is_known_for_a_report_without_a_job(found: FoundReport) -> None:
    assert rerun_words(found) is None


def test_a_report_of_a_state_folder_is_named_by_its_path(found: FoundReport) -> None:
    found = replace(_with_record(found, Handler="app:f"), arguments=(JOB, "--state", "state"))

    words = rerun_words(found)

    assert words is not None
    assert words[-1] == str(Path(found.report.location).parent)


def test_a_manifest_of_some_tasks_is_run_as_in_their_job(found: FoundReport) -> None:
    """Values that may be credentials are not printed."""
    local = {"Handler": "app.py:f", "Folder": "/elsewhere", "Source": "/photos", "Bucket": "my"}

    command = shell_command(run_words(_with_record(found, **local), "some.csv"))

    assert command == (
        "s3batch run /elsewhere/app.py:f --manifest some.csv --source /photos --bucket my "
        "--arguments 'target=a b' --arguments 'password=***'"
    )


def test_the_endpoint_of_a_job_is_used_again(found: FoundReport) -> None:
    local = {"Handler": "app.py:f", "EndpointUrl": "http://127.0.0.1:8"}

    words = run_words(_with_record(found, **local), "some.csv")

    assert words[5:7] == ["--endpoint-url", "http://127.0.0.1:8"]


def test_a_module_of_another_folder_is_not_named(found: FoundReport) -> None:
    words = run_words(_with_record(found, Handler="app:f", Folder="/elsewhere"), "some.csv")

    assert words[2] == "HANDLER"


def test_a_manifest_in_s3_is_submitted_with_what_is_known(found: FoundReport) -> None:
    command = submit_command(_with_record(found), "s3://b/m.csv", ["Bucket", "Key", "VersionId"])

    assert command.startswith(
        "s3batch job submit --manifest s3://b/m.csv --fields Bucket,Key,VersionId --account-id"
    )
    assert command.endswith(" --function … --role … --report …")
