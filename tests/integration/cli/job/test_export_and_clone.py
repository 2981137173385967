"""``s3batch job export`` and ``s3batch job clone``: a job like an existing one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.job_server import Server


def settings_of(server: Server, job_id: str) -> dict[str, Any]:
    """Return the part of a description that a request has."""
    job = json.loads(server.job("describe", job_id, "--json"))
    names = ("Operation", "Manifest", "Report", "Priority", "RoleArn", "ConfirmationRequired")
    tags = json.loads(server.job("tag", job_id, "--json"))
    return {**{name: job[name] for name in names}, "tags": tags}


@pytest.fixture(scope="module")
def original(server: Server) -> str:
    return server.submit("-a", "say=hello", "-a", "ON=1.0", "--tag", "team=photos", "--no-confirm")


@pytest.mark.parametrize("file_format", ["yaml", "toml", "json"])
def test_an_exported_job_can_be_submitted(
    server: Server, original: str, tmp_path: Path, file_format: str
) -> None:
    """The new job has the same settings."""
    path = tmp_path / f"job.{file_format}"
    path.write_text(server.job("export", original, "--format", file_format))

    copy = server.job("submit", "-f", str(path)).strip()

    assert copy != original
    assert settings_of(server, copy) == settings_of(server, original)


def test_a_cloned_job_is_equal_and_new(server: Server, original: str) -> None:
    copy = json.loads(server.job("clone", original, "--json"))["JobId"]

    assert copy != original
    assert settings_of(server, copy) == settings_of(server, original)


def test_no_job_is_created_for_a_manifest_that_has_changed(server: Server) -> None:
    """It would fail later; with --manifest, the clone has the new ETag."""
    manifest = {"Bucket": "inbox", "Key": "changing.csv"}
    server.s3.put_object(**manifest, Body=b"inbox,good\n")
    first = server.submit("--manifest", "s3://inbox/changing.csv", "--no-confirm")
    server.s3.put_object(**manifest, Body=b"inbox,good\ninbox,good\n")

    refused = server.s3batch("job", "clone", first)
    accepted = server.job("clone", first, "--manifest", "s3://inbox/changing.csv").strip()
    server.s3.delete_object(**manifest)
    missing = server.s3batch("job", "clone", accepted)

    assert refused.exit_code == missing.exit_code == 2
    assert "Pass --manifest s3://inbox/changing.csv to use it as it is now" in refused.stderr
    assert "manifest s3://inbox/changing.csv does not exist" in missing.stderr
    assert accepted


def test_options_override_the_cloned_job(server: Server, original: str) -> None:
    request = json.loads(
        server.job(
            *("clone", original, "-a", "say=bye", "--tag", "stage=dev", "--priority", "3"),
            *("--manifest", "s3://inbox/two.csv", "--dry-run"),
        )
    )

    invoke = request["Operation"]["LambdaInvoke"]
    assert invoke["UserArguments"] == {"say": "bye", "ON": "1.0"}
    assert request["Priority"] == 3
    assert request["Manifest"]["Location"]["ObjectArn"] == "arn:aws:s3:::inbox/two.csv"
    assert request["Manifest"]["Location"]["ETag"] == (
        server.s3.head_object(Bucket="inbox", Key="two.csv")["ETag"].strip('"')
    )
    assert [tag["Value"] for tag in request["Tags"]] == ["photos", "dev"]


def test_a_job_with_a_generated_manifest_can_be_cloned(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text("""
ConfirmationRequired = false
RoleArn = "batch"
Report = {Enabled = false}
Operation.LambdaInvoke.FunctionArn = "read"

[ManifestGenerator.S3JobManifestGenerator]
SourceBucket = "inbox"
EnableManifestOutput = false
Filter.KeyNameConstraint.MatchAnyPrefix = ["a"]
""")
    first = server.job("submit", "-f", str(path), "--wait", "--json")

    second = server.job("clone", json.loads(first)["JobId"], "--wait", "--json")

    generator = json.loads(second)["ManifestGenerator"]["S3JobManifestGenerator"]
    assert generator["SourceBucket"] == "arn:aws:s3:::inbox"
    assert json.loads(second)["ProgressSummary"]["NumberOfTasksSucceeded"] == 1


def test_a_job_that_does_not_exist_cannot_be_exported_or_cloned(server: Server) -> None:
    for command in ("export", "clone"):
        run = server.s3batch("job", command, "f3cc4f60-61f6-4a2b-8a21-d07600c373ce")

        assert run.exit_code == 1
        assert run.stdout == ""
        assert "NoSuchJobException" in run.stderr


def test_invalid_options_of_a_clone_are_wrong_usage(server: Server, original: str) -> None:
    run = server.s3batch("job", "clone", original, "--role", "a b")

    assert run.exit_code == 2
    assert f"job {original}: RoleArn: expected the name or the ARN of a role" in run.stderr
