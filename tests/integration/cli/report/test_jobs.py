"""LOCATION is a job: of S3 Batch Operations, of ``s3batch serve``, or of a state folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.job_server import Server
from tests.support.page_documents import document_in
from tests.support.serving import APP, server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.support.shell import Shell

UNKNOWN = "11111111-2222-3333-4444-555555555555"


class Jobs:
    """A server with a state folder, on which one job has ended and another one is suspended."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.state = str(server.folder / "state")
        self.ended = server.submit("--no-confirm", "--tag", f"s3batch:redrive-of={UNKNOWN}")
        wait_for(lambda: server.status(self.ended) == "Complete")
        self.suspended = server.submit()

    def report(self, *arguments: str) -> Result:
        return self.server.s3batch("report", *arguments)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "app.py").write_text(APP)
    arguments = ("--function", "read=app.py:handler", "--state", str(folder / "state"))
    with server_process(folder, *arguments) as (_, address):
        server = Server(folder, address)
        server.s3.create_bucket(
            Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        for key, body in {"c.txt": b"bad", "m.csv": b"inbox,c.txt\n"}.items():
            server.s3.put_object(Bucket="inbox", Key=key, Body=body)
        yield Jobs(server)


def keys(run: Result) -> list[str]:
    assert run.exit_code == 0, run.stderr
    return [json.loads(line)["key"] for line in run.stdout.splitlines()]


def test_report_of_a_job_is_where_describe_job_says(jobs: Jobs) -> None:
    assert keys(jobs.report("failed", jobs.ended, "--json")) == ["c.txt"]
    assert keys(jobs.report("failed", f"s3://inbox/reports/job-{jobs.ended}", "--json")) == [
        "c.txt"
    ]


@pytest.mark.parametrize("from_state", [False, True])
def test_the_page_of_a_job_has_its_description(
    jobs: Jobs, from_state: bool, tmp_path: Path
) -> None:
    """DescribeJob and the state folder have the same."""
    page = tmp_path / "page.html"
    options = ("--state", jobs.state) if from_state else ()

    run = jobs.report("html", jobs.ended, *options, "--to", str(page))

    document = document_in(page.read_text("utf-8"))
    settings = {group["title"]: dict(group["facts"]) for group in document["configuration"]}
    assert run.exit_code == 0, run.stderr
    assert (document["job"]["origin"], document["job"]["status"]) == ("serve", "Complete")
    assert document["job"]["redrive_of"] == UNKNOWN
    assert document["job"]["region"] == "eu-west-1"
    assert document["counts"]["pending"] == 0
    assert settings["Manifest"]["Location"] == "s3://inbox/m.csv"
    assert document["failed_tasks"]["rows"][0]["key"] == "c.txt"


def test_report_is_verified_with_the_counts_of_describe_job(jobs: Jobs) -> None:
    run = jobs.report("verify", jobs.ended)

    assert run.exit_code == 0
    assert "Counts of the job: 0 succeeded, 1 failed" in run.stdout


def test_job_that_has_not_ended_has_no_report_yet(jobs: Jobs) -> None:
    run = jobs.report("failed", jobs.suspended)

    assert run.exit_code == 1
    assert (
        f"job {jobs.suspended} is Suspended: its report is written at its end. Wait for it: "
        f"s3batch job wait {jobs.suspended}"
    ) in run.stderr


def test_unknown_job_may_be_older_than_90_days(jobs: Jobs) -> None:
    run = jobs.report("failed", UNKNOWN)

    assert run.exit_code == 1
    assert f"job {UNKNOWN} was not found in eu-west-1, account 123456789012" in run.stderr
    assert "90 days" in run.stderr


def test_job_cannot_be_looked_up_without_credentials(s3batch: Shell) -> None:
    run = s3batch("report", "failed", UNKNOWN, AWS_CONFIG_FILE="none", HOME="/nonexistent")

    assert run.returncode == 1
    assert "credentials" in run.stderr


def test_state_folder_is_read_while_the_server_runs(jobs: Jobs) -> None:
    by_option = jobs.report("failed", jobs.ended, "--state", jobs.state, "--json")
    by_path = jobs.report("failed", jobs.state, "--json")
    latest = jobs.report("failed", "--state", jobs.state, "--json")

    assert keys(by_option) == keys(by_path) == keys(latest) == ["c.txt"]
    assert latest.stderr == f"the latest report of {jobs.state}: job {jobs.ended}\n"
    assert jobs.server.status(jobs.suspended) == "Suspended"


def test_redrive_is_linked_to_its_job_by_its_tag(jobs: Jobs, tmp_path: Path) -> None:
    """Tags are not in DescribeJob. The merged report keeps the link."""
    for number, options in enumerate(((), ("--state", jobs.state))):
        summary = jobs.report("summary", jobs.ended, *options)
        target = str(tmp_path / str(number))
        merged = jobs.report("merge", jobs.ended, *options, "--to", target)
        again = jobs.report("summary", f"{target}/job-{jobs.ended}")

        assert merged.exit_code == 0, merged.stderr
        for run in (summary, again):
            assert f"Redrive of  {UNKNOWN}\n" in run.stdout


def test_errors_of_a_state_folder_name_its_jobs(jobs: Jobs) -> None:
    unknown = jobs.report("failed", UNKNOWN, "--state", jobs.state)
    suspended = jobs.report("failed", jobs.suspended, "--state", jobs.state)

    assert (unknown.exit_code, suspended.exit_code) == (1, 1)
    assert f"has no job {UNKNOWN}; choose one of {jobs.ended}" in unknown.stderr
    assert f"job {jobs.suspended} in {jobs.state} is Suspended" in suspended.stderr


def test_error_says_why_a_job_in_a_state_folder_has_no_report(jobs: Jobs, tmp_path: Path) -> None:
    """A report that is missing is not the fault of the job."""
    state = shutil.copytree(jobs.state, tmp_path / "state")
    (copy,) = state.glob(f"*/*/reports/job-{jobs.ended}")
    shutil.rmtree(copy)
    unreadable = jobs.server.submit("--no-confirm", "--manifest", "s3://inbox/c.txt")
    wait_for(lambda: jobs.server.status(unreadable) == "Failed")

    lost = jobs.report("summary", jobs.ended, "--state", str(state))
    failed = jobs.report("summary", unreadable, "--state", jobs.state)

    assert f"job {jobs.ended} in {state} has no report here: the folder has no copy" in lost.stderr
    assert f"job {unreadable} in {jobs.state} has no report: " in failed.stderr
    assert "s3://inbox/c.txt, line 1: has 1 columns, expected 2" in failed.stderr


def test_error_names_the_state_folder_if_the_server_has_lost_its_objects(jobs: Jobs) -> None:
    index = {"Bucket": "inbox", "Key": f"reports/job-{jobs.ended}/manifest.json"}
    content = jobs.server.s3.get_object(**index)["Body"].read()
    jobs.server.s3.delete_object(**index)
    try:
        run = jobs.report("summary", jobs.ended)
    finally:
        jobs.server.s3.put_object(**index, Body=content)

    assert run.exit_code == 1
    assert "s3batch serve loses its objects when it ends: pass its --state DIR" in run.stderr


def test_reports_of_a_state_folder_outlive_the_server(
    jobs: Jobs, s3batch: Shell, tmp_path: Path
) -> None:
    """The objects of its S3 do not."""
    shutil.copytree(jobs.state, tmp_path / "state")

    run = s3batch("report", "rows", "state", "--json")

    assert [json.loads(line)["key"] for line in run.stdout.splitlines()] == ["c.txt"]


def test_state_folder_of_a_finished_run_has_its_report(s3batch: Shell) -> None:
    s3batch.manifest("b,fail.txt")
    run = s3batch("run", "app.py:handler", "--manifest", "manifest.csv", "--state", "state")
    assert run.returncode == 1, run.stderr
    (folder,) = Path("s3batch-reports").glob("job-*/")
    job_id = folder.name.removeprefix("job-")

    for location in (["state"], ["--state", "state"], [job_id, "--state", "state"]):
        found = s3batch("report", "failed", *location, "--json")
        assert json.loads(found.stdout)["key"] == "fail.txt", found.stderr
    unknown = s3batch("report", "failed", UNKNOWN, "--state", "state")
    assert f"choose one of {job_id}" in unknown.stderr


def test_state_folder_of_a_run_without_a_report_has_none(s3batch: Shell) -> None:
    """The report of the run before is not its report."""
    command = ("run", "app.py:handler", "--manifest", s3batch.manifest("b,a"), "--state", "state")
    s3batch(*command)
    s3batch(*command, "--no-report")

    run = s3batch("report", "summary", "--state", "state")

    assert run.returncode == 1
    assert "state has no report" in run.stderr


def test_state_folder_of_an_interrupted_run_has_no_report_yet(s3batch: Shell) -> None:
    Path("state").mkdir()
    Path("state/run.json").touch()

    run = s3batch("report", "summary", "state")

    assert run.returncode == 1
    assert "its report is written by s3batch run --resume --state state" in run.stderr
