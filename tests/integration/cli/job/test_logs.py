"""``s3batch job logs``: jobs of a real server, and the CloudWatch Logs of moto.

moto ignores the command ``filter`` of a query: it returns all lines of the log group in the time of
the job, so these tests show what the command selects itself. That AWS accepts the query is not
tested: ``tests/unit/jobs/test_log_lines.py`` checks requests with botocore's model.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from tests.support.job_server import SUBMIT
from tests.support.serving import clean_environment
from tests.unit.jobs.test_log_lines import failed_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.support.job_server import Server

GROUP = "/aws/lambda/read"
CRASH = "2026-11-03T12:00:00Z cafe-1 Task timed out after 3.00 seconds\n"


class LoggedJob:
    """A job, and the log group of its function."""

    def __init__(self, server: Server, moto: str) -> None:
        self._server = server
        self._moto = moto
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        self._logs = session.client("logs", endpoint_url=moto)
        self.job_id = server.submit("--no-confirm")

    def create_group(self, *messages: str, name: str = GROUP) -> None:
        self._logs.create_log_group(logGroupName=name)
        self._logs.create_log_stream(logGroupName=name, logStreamName="one")
        now = int(time.time() * 1000)
        events = [
            {"timestamp": now + number, "message": message}
            for number, message in enumerate(messages)
        ]
        self._logs.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)

    def logs(self, *options: str) -> Result:
        others: dict[str, str | None] = {name: None for name in os.environ if "AWS" in name}
        variables = {
            **others,
            **clean_environment(),
            "AWS_ENDPOINT_URL": self._server.address,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": self._moto,
            "AWS_ENDPOINT_URL_LAMBDA": self._moto,
        }
        return CliRunner(env=variables).invoke(s3batch, ["job", "logs", self.job_id, *options])


@pytest.fixture
def job(server: Server, moto: str) -> Iterator[LoggedJob]:
    yield LoggedJob(server, moto)
    session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
    client = session.client("logs", endpoint_url=moto)
    for group in client.describe_log_groups()["logGroups"]:
        client.delete_log_group(logGroupName=group["logGroupName"])


def test_the_failures_of_a_job_are_printed(job: LoggedJob) -> None:
    """Lines of other jobs are not; lines without a job ID are announced."""
    job.create_group(
        failed_line("a b.jpg", job.job_id), failed_line("c", "another-job"), CRASH, "a line\n"
    )

    run = job.logs()

    assert run.exit_code == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert first.endswith("PermanentFailure: s3://photos/a b.jpg: not a photo")
    assert second.endswith("Task timed out after 3.00 seconds")
    assert run.stderr == "1 of these lines have no job ID: other jobs may have caused them.\n"


def test_lines_are_printed_as_json(job: LoggedJob) -> None:
    """Each is one object, with all fields of the line."""
    job.create_group(failed_line("a b.jpg", job.job_id), CRASH)

    run = job.logs("--json")

    first, second = map(json.loads, run.stdout.splitlines())
    assert (first["job_id"], first["key"], first["level"]) == (job.job_id, "a b.jpg", "WARNING")
    assert first["fields"]["result_code"] == "PermanentFailure"
    assert (first["log_group"], first["log_stream"]) == (GROUP, "one")
    assert second["text"] == CRASH.strip()


def test_lines_can_be_selected_by_key_task_and_level(job: LoggedJob) -> None:
    job.create_group(*(failed_line(key, job.job_id) for key in ("a b.jpg", 'a"b', "c")), CRASH)
    (line,) = map(json.loads, job.logs("--key", 'a"b', "--json").stdout.splitlines())

    assert line["key"] == 'a"b'
    assert json.loads(job.logs("--task", line["task"], "--json").stdout) == line
    assert "No failures in" in job.logs("--task", "0" * 12).stderr
    assert job.logs("--level", "ERROR").stdout.count("\n") == 1  # the timeout


def test_a_function_that_logs_no_job_ids_has_the_failures_of_that_time(job: LoggedJob) -> None:
    """A message says what to do."""
    job.create_group("[ERROR]\t2026-11-03T12:00:00Z\tcafe-1\tit \x1b[31mfailed\n", "fine\n")

    run = job.logs()

    assert run.stdout.count("\n") == 1
    assert "\x1b" not in run.stdout
    assert "These lines have no job ID" in run.stderr
    assert "Powertools logger" in run.stderr


def test_only_the_first_lines_are_printed(job: LoggedJob) -> None:
    job.create_group(*(failed_line(key, job.job_id) for key in "abc"))

    run = job.logs("--limit", "2")

    assert [line.rpartition("photos/")[2][0] for line in run.stdout.splitlines()] == ["a", "b"]
    assert run.stderr == "Only the first 2 lines: for more, increase --limit.\n"


def test_lines_that_the_query_finds_too_much_are_no_reason_to_say_there_are_no_failures(
    job: LoggedJob,
) -> None:
    """The query has no quoting, so its first lines can be about another key."""
    job.create_group(*(failed_line(key, job.job_id) for key in ("a.b", "a.b", "a/b")))

    run = job.logs("--key", "a/b", "--limit", "1")

    assert "No failures" not in run.stderr
    assert "Only the first 0 lines: for more, increase --limit." in run.stderr


def test_credentials_in_lines_are_masked(job: LoggedJob) -> None:
    job.create_group('[ERROR]\t2026-11-03T12:00:00Z\tcafe-1\t{"password": "hunter2"}\n')

    for output in (job.logs().stdout, job.logs("--json").stdout):
        assert "hunter2" not in output
        assert "***" in output


def test_a_log_group_that_is_newer_than_the_job_is_bad_input(
    job: LoggedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS says so with MalformedQueryException, as if the query were wrong."""
    message = (
        "Query's end date and time is either before the log groups creation time or exceeds the "
        "log groups log retention settings ([0,79])"
    )
    error: Any = {"Error": {"Code": "MalformedQueryException", "Message": message}}

    def refuse(*_: object, **__: object) -> None:
        raise ClientError(error, "StartQuery")

    monkeypatch.setattr("s3batch_handler.cli.job._logs.run_query", refuse)

    run = job.logs()

    assert run.exit_code == 2
    assert f"log group {GROUP} has no lines of the time of the job" in run.stderr


def test_the_query_can_be_printed(job: LoggedJob) -> None:
    """It is for the console of CloudWatch; nothing is searched."""
    run = job.logs("--query", "--key", "a/b")

    assert run.exit_code == 0
    assert f'filter (job_id = "{job.job_id}" and level in ["WARNING", ' in run.stdout
    assert "key like /^a.b$/" in run.stdout
    assert f"for {GROUP} from 20" in run.stderr
    request = json.loads(job.logs("--query", "--json").stdout)
    assert request["logGroupNames"] == [GROUP]
    assert request["startTime"] < request["endTime"]


def test_another_log_group_can_be_named(job: LoggedJob) -> None:
    """A missing log group is bad input: the message names it and the option."""
    job.create_group(failed_line("a", job.job_id), name="/shared")

    missing = job.logs()
    shared = job.logs("--log-group", "/shared")

    assert missing.exit_code == 2
    assert f"log group {GROUP} does not exist" in missing.stderr
    assert "--log-group" in missing.stderr
    assert shared.stdout.count("\n") == 1


def test_a_server_without_logs_says_where_its_functions_log(server: Server) -> None:
    job_id = server.submit("--no-confirm")

    run = server.s3batch("job", "logs", job_id)

    assert run.exit_code == 2
    assert "standard error of the server" in run.stderr


def test_a_job_without_a_function_has_no_logs(server: Server, job: LoggedJob) -> None:
    operation = ("--operation", '{"S3DeleteObjectTagging": {}}')
    options = ("--role", "batch", "--no-report", "--confirm")
    job.job_id = server.job("submit", *SUBMIT[:2], *operation, *options).strip()

    run = job.logs()

    assert run.exit_code == 2
    assert "invokes no function (S3DeleteObjectTagging)" in run.stderr


@pytest.mark.parametrize("option", [("--task", "x"), ("--limit", "10001"), ("--level", "LOUD")])
def test_wrong_options_are_refused(job: LoggedJob, option: tuple[str, str]) -> None:
    run = job.logs(*option)

    assert run.exit_code == 2
    assert option[0] in run.stderr
