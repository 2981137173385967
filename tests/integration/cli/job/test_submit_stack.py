"""``s3batch job submit --stack``: defaults from the outputs of a stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.job_server import Server


def test_a_stack_provides_function_role_and_report(server: Server, stack: str) -> None:
    request = json.loads(
        server.job("submit", "--stack", stack, "--manifest", "s3://inbox/m.csv", "--dry-run")
    )

    function = "arn:aws:lambda:eu-west-1:123456789012:function:read:7"
    assert request["Operation"] == {"LambdaInvoke": {"FunctionArn": function}}
    assert request["RoleArn"] == "arn:aws:iam::123456789012:role/job"
    assert (request["Report"]["Bucket"], request["Report"]["Prefix"]) == (
        "arn:aws:s3:::inbox",
        "reports",
    )


def test_options_override_the_stack(server: Server, stack: str) -> None:
    request = json.loads(
        server.job(
            *("submit", "--stack", stack, "--manifest", "s3://inbox/m.csv", "--dry-run"),
            *("--operation", '{"S3DeleteObjectTagging": {}}', "--role", "mine", "--no-report"),
        )
    )

    assert request["Operation"] == {"S3DeleteObjectTagging": {}}
    assert request["RoleArn"] == "arn:aws:iam::123456789012:role/mine"
    assert request["Report"] == {"Enabled": False}


def test_a_local_manifest_is_uploaded_to_the_location_of_the_stack(
    server: Server, stack: str
) -> None:
    manifest = server.folder / "mine.csv"
    manifest.write_text("inbox,a%20b.txt\n")

    job_id = server.job(
        *("submit", "--stack", stack, "--manifest", str(manifest), "--no-confirm"),
        *("--function", "read"),
    ).strip()

    job = json.loads(server.job("wait", job_id, "--json"))
    where = server.s3control.describe_job(AccountId="123456789012", JobId=job_id)["Job"]["Manifest"]
    assert (job["Status"], where["Location"]["ObjectArn"]) == (
        "Complete",
        "arn:aws:s3:::inbox/manifests/mine.csv",
    )


def test_the_columns_of_a_local_manifest_are_those_of_its_first_line(
    server: Server, stack: str
) -> None:
    """``--fields`` overrides them."""
    manifest = server.folder / "columns.csv"
    cases = [
        ("inbox,a%20b.txt\n", [], ["Bucket", "Key"]),
        ("inbox,a%20b.txt,null\n", [], ["Bucket", "Key", "VersionId"]),
        ("a%20b.txt,inbox,9\n", ["--fields", "Key,Bucket,Ignore"], ["Key", "Bucket", "Ignore"]),
    ]
    for line, options, fields in cases:
        manifest.write_text(line)

        job_id = server.job(
            "submit", "--stack", stack, "--manifest", str(manifest), *options
        ).strip()

        job = server.s3control.describe_job(AccountId="123456789012", JobId=job_id)["Job"]
        assert job["Manifest"]["Spec"]["Fields"] == fields


def test_an_invalid_local_manifest_is_not_uploaded(server: Server, stack: str) -> None:
    manifest = server.folder / "none.csv"
    cases: list[tuple[str, list[str], str]] = [
        ("", [], "it is empty"),
        ("Bucket,Key\n", [], "a header row"),
        ("inbox,a,b,c\n", [], "expected 2 columns"),
        ("inbox,a\n", ["--fields", "Bucket,Key,VersionId"], "has 2 columns, expected 3"),
    ]
    for content, options, problem in cases:
        manifest.write_text(content)

        run = server.s3batch(
            "job", "submit", "--stack", stack, "--manifest", str(manifest), *options
        )

        assert "none.csv" in run.stderr
        assert problem in run.stderr
        assert run.exit_code == 1
    found = server.s3.list_objects_v2(Bucket="inbox", Prefix="manifests/none")
    assert found["KeyCount"] == 0


def test_the_missing_outputs_of_a_stack_are_listed(server: Server, stack: str) -> None:
    run = server.s3batch("job", "submit", "--stack", "other", "--manifest", "s3://inbox/m.csv")

    assert run.exit_code == 2
    assert "--stack other: the stack has no output FunctionArn, JobRoleArn, Manif" in run.stderr
    assert "(status CREATE_COMPLETE)" in run.stderr


def test_a_stack_that_does_not_exist_is_reported_with_its_region(
    server: Server, stack: str
) -> None:
    submit = ("job", "submit", "--manifest", "s3://inbox/m.csv", "--stack")

    elsewhere = server.s3batch(*submit, stack, "--region", "us-east-1")
    deleted = server.s3batch(*submit, server.deleted_stack)
    nameless = server.s3batch(*submit, "")

    assert [run.exit_code for run in (elsewhere, deleted, nameless)] == [2, 2, 2]
    assert f"--stack {stack}: this stack does not exist in us-east-1" in elsewhere.stderr
    assert f"--stack {server.deleted_stack}: the stack has status DELETE_COMPLETE" in deleted.stderr
    assert "Missing option --function (or --operation, --stack, --file)." in nameless.stderr


def test_a_stack_has_what_a_file_lacks(server: Server, stack: str, tmp_path: Path) -> None:
    """A local manifest is uploaded to its bucket."""
    (tmp_path / "job.yaml").write_text("RoleArn: mine\nConfirmationRequired: false\n")
    (tmp_path / "m.csv").write_text("inbox,a%20b.txt\n")

    run = server.s3batch(
        *("job", "submit", "-f", str(tmp_path / "job.yaml"), "--stack", stack),
        *("--manifest", str(tmp_path / "m.csv"), "--wait", "--json"),
    )

    job = json.loads(run.stdout)
    assert run.exit_code == 0, run.stderr
    assert job["RoleArn"] == "arn:aws:iam::123456789012:role/mine"
    assert job["Operation"]["LambdaInvoke"]["FunctionArn"].endswith(":function:read:7")
    assert job["Manifest"]["Location"]["ObjectArn"] == "arn:aws:s3:::inbox/manifests/m.csv"
    assert job["Report"]["Prefix"] == "reports"
