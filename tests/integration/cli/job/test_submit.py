"""``s3batch job submit``: requests, waiting, and wrong usage."""

from __future__ import annotations

import json

from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.documents.reports._report import read_report
from tests.support.job_server import SUBMIT, Server


def test_a_job_waits_for_confirmation_runs_and_writes_its_report(server: Server) -> None:
    job_id = server.submit("--arguments", "say=hello", "--tag", "team=photos")

    waiting = json.loads(server.job("describe", job_id, "--json"))
    server.job("confirm", job_id, "--reason", "looks fine")
    ended = json.loads(server.job("wait", job_id, "--poll", "0.05", "--json"))

    assert waiting["Status"] == "Suspended"
    assert ended["Status"] == "Complete"
    assert ended["StatusUpdateReason"] == "looks fine"
    assert ended["Operation"]["LambdaInvoke"] == {
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:read",
        "InvocationSchemaVersion": "2.0",
        "UserArguments": {"say": "hello"},
    }
    assert ended["RoleArn"] == "arn:aws:iam::123456789012:role/batch"
    (row,) = read_report(f"s3://inbox/reports/job-{job_id}", s3=server.s3).rows()
    assert (row.key, row.message) == ("a b.txt", "hello good")


def test_waiting_exits_with_1_if_tasks_failed(server: Server) -> None:
    """AWS calls the job complete."""
    run = server.s3batch(
        *("job", "submit", *SUBMIT, "--manifest", "s3://inbox/two.csv"),
        *("--no-confirm", "--wait", "--json"),
    )

    job = json.loads(run.stdout)
    assert run.exit_code == 1
    assert job["Status"] == "Complete"
    assert job["ProgressSummary"]["NumberOfTasksFailed"] == 1
    assert job["JobId"] in run.stderr


def test_waiting_quietly_prints_the_job_only(server: Server) -> None:
    submit = [part for part in SUBMIT if part not in ("--report", "s3://inbox/reports/")]
    run = server.s3batch("job", "submit", *submit, "--no-report", "--no-confirm", "--wait", "-q")

    assert run.exit_code == 0
    assert run.stderr == ""
    assert "Status      Complete\n" in run.stdout
    assert "Tasks       1 succeeded, 0 failed of 1\n" in run.stdout


def test_waiting_exits_with_1_after_the_timeout(server: Server) -> None:
    run = server.s3batch("job", "wait", server.submit(), "--timeout", "0")

    assert run.exit_code == 1
    assert "is still Suspended after 0 seconds" in run.stderr


def test_waiting_for_a_failed_job_prints_the_reason(server: Server) -> None:
    run = server.s3batch(
        *("job", "submit", *SUBMIT, "--function", "nobody", "--no-confirm", "--wait")
    )

    assert run.exit_code == 1
    assert "Status      Failed\n" in run.stdout
    assert "Failure     ResourceNotFoundException: Function not found" in run.stdout


def test_the_same_client_request_token_creates_one_job(server: Server) -> None:
    """A script can be run again."""
    first, second = (server.submit("--client-request-token", "once") for _ in range(2))

    assert first == second


def test_a_dry_run_prints_the_request_and_creates_no_job(server: Server) -> None:
    before = server.job("list")
    inventory = server.job(
        *("submit", "--manifest", "s3://inbox/inventory/manifest.json", "--role", "x/batch"),
        *("--operation", '{"S3DeleteObjectTagging": {}}', "--no-report", "--no-confirm"),
        *("--client-request-token", "t", "--priority", "7", "--description", "<ü>", "--dry-run"),
    )

    assert json.loads(inventory) == {
        "AccountId": "123456789012",
        "ClientRequestToken": "t",
        "ConfirmationRequired": False,
        "Description": "<ü>",
        "Manifest": {
            "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
            "Location": {
                "ObjectArn": "arn:aws:s3:::inbox/inventory/manifest.json",
                "ETag": "99914b932bd37a50b983c5e7c90ae93b",
            },
        },
        "Operation": {"S3DeleteObjectTagging": {}},
        "Priority": 7,
        "Report": {"Enabled": False},
        "RoleArn": "arn:aws:iam::123456789012:role/x/batch",
    }
    assert server.job("list") == before


def test_the_etag_of_the_command_line_is_sent(server: Server) -> None:
    """The ETag that ``manifest create`` printed, also in quotes as S3 returns it."""
    etag = server.s3.head_object(Bucket="inbox", Key="m.csv")["ETag"]

    job_id = server.submit("--etag", etag)

    manifest = json.loads(server.job("describe", job_id, "--json"))["Manifest"]
    assert manifest["Location"]["ETag"] == etag.strip('"')


def test_a_manifest_that_has_changed_creates_no_job(server: Server) -> None:
    before = server.job("list", "--json")

    run = server.s3batch("job", "submit", *SUBMIT, "--etag", "0" * 32)

    assert run.exit_code == 2
    assert "the manifest has changed: its ETag is " in run.stderr
    assert server.job("list", "--json") == before


def test_an_operation_can_be_read_from_a_file(server: Server) -> None:
    """As for the AWS CLI, with times as text."""
    copy = {
        "TargetResource": "arn:aws:s3:::inbox",
        "ModifiedSinceConstraint": "2026-01-02T03:04:05Z",
    }
    (server.folder / "copy.json").write_text(json.dumps({"S3PutObjectCopy": copy}))

    text = server.job(
        *("submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--no-report", "--dry-run"),
        *("--operation", f"@{server.folder}/copy.json"),
    )

    asked = json.loads(text)["Operation"]["S3PutObjectCopy"]
    assert asked["TargetResource"] == "arn:aws:s3:::inbox"
    assert asked["ModifiedSinceConstraint"].startswith("2026-01-02T03:04:05")


def test_an_invalid_request_is_wrong_usage(server: Server) -> None:
    run = server.s3batch(
        *("job", "submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--no-report"),
        *("--operation", '{"LambdaInvoke": {}}'),
    )

    assert run.exit_code == 2
    assert "Operation.LambdaInvoke.FunctionArn: it is missing; add it" in run.stderr


def test_a_checksum_job_names_the_owner_of_its_report(server: Server) -> None:
    """CreateJob requires ``ExpectedBucketOwner`` for this operation."""
    text = server.job(
        *("submit", "--manifest", "s3://inbox/m.csv", "--role", "r", "--dry-run"),
        *("--report", "s3://inbox/reports"),
        *("--operation", '{"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA256"}}'),
    )

    assert json.loads(text)["Report"]["ExpectedBucketOwner"] == "123456789012"


WRONG = {
    "no operation": (
        ["--role", "r", "--no-report"],
        "Missing option --function (or --operation, --stack, --file).",
    ),
    "two operations": (
        ["--function", "f", "--operation", "{}", "--no-report"],
        "Options --function and --operation cannot be combined: choose one.",
    ),
    "no word on the report": (
        ["--function", "f"],
        "Missing option --report (or --no-report, --stack, --file).",
    ),
    "a report that is a folder": (["--function", "f", "--report", "here"], "write s3://bucket"),
    "a manifest that is a file": (
        ["--function", "f", "--no-report", "--manifest", "m.csv"],
        "write s3://bucket/key",
    ),
    "arguments for a copy": (
        ["--operation", "{}", "--no-report", "-a", "a=b"],
        "Options --operation and --arguments cannot be combined",
    ),
    "a tag that is none": (["--function", "f", "--no-report", "--tag", "x"], "NAME=VALUE"),
    "waiting for nothing": (
        ["--function", "f", "--no-report", "--dry-run", "--wait"],
        "Options --dry-run and --wait cannot be combined",
    ),
    "waiting for a job that waits": (
        ["--function", "f", "--no-report", "--wait"],
        "Option --wait needs --no-confirm or --confirm.",
    ),
    "columns of an inventory": (
        ["--function", "f", "--no-report", "--manifest", "s3://b/manifest.json", "--fields", "Key"],
        "an inventory names its own fields",
    ),
    "a file for no job": (
        ["--stack", "s", "--manifest", "m.csv", "--dry-run"],
        "Option --dry-run cannot be combined with a local manifest",
    ),
    "an inventory from here": (
        ["--stack", "s", "--manifest", "inventory/manifest.json"],
        "an inventory cannot be",
    ),
    "a version of a file": (
        ["--stack", "s", "--manifest", "m.csv", "--manifest-version-id", "v"],
        "Option --manifest-version-id cannot be combined with a local manifest",
    ),
    "the ETag of a manifest that is made now": (
        ["--function", "f", "--no-report", "--etag", "e", "--failed-from", "r"],
        "Options --failed-from and --etag cannot be combined",
    ),
    "an ETag from an empty variable": (
        ["--function", "f", "--no-report", "--etag", ""],
        "write the ETag of the manifest",
    ),
    "an incomplete account ID": (
        ["--function", "f", "--no-report", "--account-id", "12"],
        "12 digits",
    ),
    "an endpoint without http": (["--endpoint-url", "localhost:80"], "write http://host:port"),
}


def test_wrong_usage_exits_with_2_before_any_request() -> None:
    """The message says what to write. Without an endpoint, any request would fail."""
    for case, (arguments, message) in WRONG.items():
        run = CliRunner().invoke(
            s3batch_command,
            ["job", "submit", "--role", "r", "--manifest", "s3://b/m.csv", *arguments],
        )

        assert run.exit_code == 2, case
        assert message in run.stderr, case
