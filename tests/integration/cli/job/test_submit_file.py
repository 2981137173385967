"""``s3batch job submit --file``: a job from a file, with options that override it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.documents.reports._report import read_report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.job_server import Server

JOB = """
Operation:
  LambdaInvoke:
    FunctionArn: ${function}
    UserArguments: {say: hello, width: 80}
Manifest:
  Location:
    ObjectArn: s3://inbox/m.csv
Report:
  Bucket: s3://inbox/reports
RoleArn: batch
ConfirmationRequired: false
Tags: {team: photos}
Variables:
  function: nobody
Profiles:
  local:
    Variables: {function: read}
"""


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


def request_of(server: Server, *arguments: str) -> dict[str, Any]:
    """Return the request of a dry run, which names nothing that does not exist."""
    request: dict[str, Any] = json.loads(server.job("submit", *arguments, "--dry-run"))
    return request


def test_a_job_file_is_submitted(server: Server, job_file: Path) -> None:
    """It says that the job needs no confirmation, so the command can wait."""
    run = server.s3batch(
        *("job", "submit", "-f", str(job_file), "--job-profile", "local", "--wait", "--json")
    )

    job = json.loads(run.stdout)
    assert run.exit_code == 0, run.stderr
    assert job["Status"] == "Complete"
    (row,) = read_report(f"s3://inbox/reports/job-{job['JobId']}", s3=server.s3).rows()
    assert row.message == "hello good"


def test_a_dry_run_prints_the_request_of_a_file(server: Server, job_file: Path) -> None:
    request = request_of(server, "-f", str(job_file), "--var", "function=read:7")

    assert request.pop("ClientRequestToken")
    assert request == {
        "AccountId": "123456789012",
        "ConfirmationRequired": False,
        "Operation": {
            "LambdaInvoke": {
                "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:read:7",
                "InvocationSchemaVersion": "2.0",
                "UserArguments": {"say": "hello", "width": "80"},
            }
        },
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {
                "ObjectArn": "arn:aws:s3:::inbox/m.csv",
                "ETag": server.s3.head_object(Bucket="inbox", Key="m.csv")["ETag"].strip('"'),
            },
        },
        "Report": {
            "Enabled": True,
            "Bucket": "arn:aws:s3:::inbox",
            "Prefix": "reports",
            "Format": "Report_CSV_20180820",
            "ReportScope": "AllTasks",
        },
        "Priority": 10,
        "RoleArn": "arn:aws:iam::123456789012:role/batch",
        "Tags": [{"Key": "team", "Value": "photos"}],
    }


def test_options_override_the_file(server: Server, job_file: Path) -> None:
    """Arguments and tags are added; a new function keeps the arguments."""
    request = request_of(
        server,
        *("-f", str(job_file), "--function", "other", "-a", "width=100", "-a", "x=y"),
        *("--tag", "stage=dev", "--priority", "3", "--role", "x/other", "--confirm"),
        *("--description", "d", "--report-scope", "FailedTasksOnly", "--fields", "Bucket,Key"),
    )

    assert request["Operation"]["LambdaInvoke"] == {
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:other",
        "InvocationSchemaVersion": "2.0",
        "UserArguments": {"say": "hello", "width": "100", "x": "y"},
    }
    assert request["Tags"] == [
        {"Key": "team", "Value": "photos"},
        {"Key": "stage", "Value": "dev"},
    ]
    assert (request["Priority"], request["Description"]) == (3, "d")
    assert request["RoleArn"].endswith(":role/x/other")
    assert request["ConfirmationRequired"] is True
    assert request["Report"]["ReportScope"] == "FailedTasksOnly"
    assert request["Report"]["Prefix"] == "reports"


def test_other_operations_manifests_and_reports_replace_those_of_the_file(
    server: Server, job_file: Path
) -> None:
    tagging = request_of(
        server,
        *("-f", str(job_file), "--operation", '{"S3DeleteObjectTagging": {}}', "--no-report"),
        *("--manifest", "s3://inbox/two.csv"),
    )
    inventory = request_of(
        server,
        *("-f", str(job_file), "--manifest", "s3://inbox/inventory/manifest.json"),
        *("--report", "s3://inbox/other/"),
    )

    assert tagging["Operation"] == {"S3DeleteObjectTagging": {}}
    assert tagging["Report"] == {"Enabled": False}
    assert tagging["Manifest"]["Location"]["ObjectArn"] == "arn:aws:s3:::inbox/two.csv"
    assert inventory["Manifest"]["Spec"] == {"Format": "S3InventoryReport_CSV_20161130"}
    assert inventory["Report"]["Prefix"] == "other"


def test_a_file_may_lack_what_options_have(server: Server, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text('RoleArn = "batch"\nReport = {Enabled = false}\n')

    request = request_of(
        server,
        *("-f", str(tmp_path / "job.toml"), "--manifest", "s3://inbox/m.csv"),
        *("--function", "read", "--account-id", "123456789012"),
    )

    assert request["Operation"]["LambdaInvoke"]["FunctionArn"].endswith(":function:read")


def test_a_wrong_file_exits_with_2_and_names_line_and_member(tmp_path: Path) -> None:
    """Each problem is one line, or one object with --json."""
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("RoleArn: batch", "RoleArn: a b\nPriority: x"))

    run, as_json = (
        CliRunner().invoke(s3batch_command, ["job", "submit", "-f", str(path), *options])
        for options in ([], ["--json"])
    )

    assert run.exit_code == as_json.exit_code == 2
    assert run.stderr.splitlines() == [
        f"s3batch: {path}:11: RoleArn: expected the name or the ARN of a role, got 'a b'",
        f"s3batch: {path}:12: Priority: expected a whole number, got 'x'",
    ]
    error = json.loads(as_json.stderr)["error"]
    assert (error["type"], error["source"], error["line"]) == ("JobFileError", str(path), 11)
    assert error["problems"][1] == {
        "line": 12,
        "member": "Priority",
        "message": "expected a whole number, got 'x'",
    }


def test_a_file_can_be_standard_input() -> None:
    """In YAML or JSON."""
    run, wrong = (
        CliRunner().invoke(
            s3batch_command, ["job", "submit", "-f", "-", "--dry-run", "--region", "x"], input=text
        )
        for text in (JOB, f"{JOB}Priority: x\n")
    )

    assert json.loads(run.stdout)["Priority"] == 10
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "s3batch: -:19: Priority: expected a whole number, got 'x'\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "missing.yaml"], "--file missing.yaml: No such file or directory"),
        (["-f", "job.txt"], "job.txt:1: unknown format; name it .yaml, .yml, .json or .toml"),
        (["-f", ""], "the value is empty: name a file"),
        (["--manifest", "s3://b/k", "--var", "a=b"], "Missing option --function"),
        (["-f", "job.yaml", "--failed-from", "x"], "--failed-from and --file cannot be combined"),
        (["-f", "job.yaml", "--var", "a"], "write NAME=VALUE"),
        (
            [*("--manifest", "s3://b/k", "--no-report", "--role", "r"), "--operation", "@none"],
            "--operation @none: No such file or directory",
        ),
    ],
)
def test_wrong_usage_of_files_exits_with_2(arguments: list[str], message: str) -> None:
    run = CliRunner().invoke(s3batch_command, ["job", "submit", *arguments])

    assert run.exit_code == 2
    assert message in run.stderr


def test_waiting_for_a_file_that_needs_confirmation_is_wrong_usage(
    server: Server, job_file: Path
) -> None:
    job_file.write_text(JOB.replace("ConfirmationRequired: false\n", ""))

    run = server.s3batch("job", "submit", "-f", str(job_file), "--wait")

    assert run.exit_code == 2
    assert "Option --wait needs --no-confirm or --confirm." in run.stderr
