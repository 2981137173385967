"""The AWS CLI against ``s3batch serve``."""

from __future__ import annotations

import json

import pytest

from tests.support.job_server import ACCOUNT_OPTION, AWS_CLI, SUBMIT, Server


@pytest.mark.slow
@pytest.mark.skipif(not AWS_CLI.exists(), reason=f"the AWS CLI is not installed: no {AWS_CLI}")
def test_the_aws_cli_controls_jobs(server: Server) -> None:
    """It creates, describes, lists, cancels and tags jobs, as in ``docs/serve.md``."""
    request = server.job("submit", *SUBMIT, "--tag", "a=b", "--dry-run")
    (server.folder / "job.json").write_text(request)

    job_id = server.aws("create-job", "--cli-input-json", "file://job.json")["JobId"]
    job_options = (*ACCOUNT_OPTION, "--job-id", job_id)
    described = server.aws("describe-job", *job_options)["Job"]
    listed = server.aws("list-jobs", *ACCOUNT_OPTION, "--job-statuses", "Suspended")["Jobs"]
    server.aws("put-job-tagging", *job_options, "--tags", "Key=c,Value=d")
    tags = server.aws("get-job-tagging", *job_options)["Tags"]
    priority = server.aws("update-job-priority", *job_options, "--priority", "5")
    cancelled = server.aws("update-job-status", *job_options, "--requested-job-status", "Cancelled")
    again = server.aws_run("update-job-status", *job_options, "--requested-job-status", "Ready")

    assert described["Status"] == "Suspended"
    assert described["Manifest"]["Location"]["ObjectArn"] == "arn:aws:s3:::inbox/m.csv"
    assert job_id in {job["JobId"] for job in listed}
    assert tags == [{"Key": "c", "Value": "d"}]
    assert priority["Priority"] == 5
    assert cancelled["Status"] == "Cancelled"
    assert "An error occurred (JobStatusException) when calling the UpdateJobStatus" in again.stderr
    assert json.loads(server.job("describe", job_id, "--json"))["Status"] == "Cancelled"
