"""``s3batch job wait --cancel-above``, with jobs of a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.job_server import SUBMIT

if TYPE_CHECKING:
    from tests.support.job_server import Server

LINES = 30_000


@pytest.fixture
def long_manifest(server: Server) -> str:
    """A manifest in which every third object is bad: S3's own threshold is never exceeded."""
    lines = ("inbox,a%20b.txt\n", "inbox,a%20b.txt\n", "inbox,c.txt\n")
    body = "".join(lines[number % 3] for number in range(LINES)).encode()
    server.s3.put_object(Bucket="inbox", Key="long.csv", Body=body)
    return "s3://inbox/long.csv"


@pytest.mark.slow
def test_a_job_with_too_many_failed_tasks_is_cancelled(server: Server, long_manifest: str) -> None:
    """The reason is printed, and stored with the job; the exit code is 1."""
    options = ("--function", "read", "--role", "batch", "--no-report", "--no-confirm")
    job_id = server.job("submit", "--manifest", long_manifest, *options).strip()

    run = server.s3batch("job", "wait", job_id, "--cancel-above", "5%", "--poll", "0.1", "--json")

    job = json.loads(run.stdout)
    assert run.exit_code == 1
    assert job["Status"] == "Cancelled"
    assert job["ProgressSummary"]["NumberOfTasksFailed"] < LINES // 3
    assert f"job {job_id} is being cancelled: {job['StatusUpdateReason']}" in run.stderr
    assert job["StatusUpdateReason"].endswith("tasks failed: more than 5%")


@pytest.mark.slow
def test_a_submitted_job_is_cancelled_while_the_command_waits(
    server: Server, long_manifest: str
) -> None:
    options = ("--function", "read", "--role", "batch", "--no-report", "--no-confirm", "--wait")

    run = server.s3batch(
        *("job", "submit", "--manifest", long_manifest, *options, "--cancel-above", "2", "--json")
    )

    assert run.exit_code == 1
    assert json.loads(run.stdout)["Status"] == "Cancelled"
    assert "tasks failed: more than 2" in run.stderr


def test_only_a_command_that_waits_can_cancel_the_job(server: Server) -> None:
    run = server.s3batch("job", "submit", *SUBMIT, "--cancel-above", "2")

    assert run.exit_code == 2
    assert "Option --cancel-above needs --wait." in run.stderr


def test_a_job_with_tolerated_failures_is_not_cancelled(server: Server) -> None:
    """The exit code is that of a job with failed tasks."""
    options = ("--function", "read", "--role", "batch", "--no-report", "--no-confirm")
    job_id = server.job("submit", "--manifest", "s3://inbox/two.csv", *options).strip()

    run = server.s3batch("job", "wait", job_id, "--cancel-above", "50%", "--poll", "0.1")

    assert run.exit_code == 1
    assert "Complete" in run.stdout
    assert "cancel" not in run.stderr


@pytest.mark.parametrize("threshold", ["many", "5 %", "-1", "101%"])
def test_an_unreadable_threshold_is_wrong_usage(server: Server, threshold: str) -> None:
    """No request is sent."""
    run = server.s3batch("job", "wait", "none", "--cancel-above", threshold)

    assert run.exit_code == 2
    assert "--cancel-above" in run.stderr
