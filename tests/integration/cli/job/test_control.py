"""``s3batch job list``, ``describe``, ``cancel``, ``priority`` and ``tag``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.job_server import SUBMIT, Server
from tests.support.serving import clean_environment
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from pathlib import Path


def test_listing_filters_by_status_limits_and_escapes(server: Server) -> None:
    """The newest job is first."""
    job_id = server.submit("--description", "evil \u202e text")

    run = server.job("list", "--status", "suspended", "--limit", "1")
    listed = json.loads(server.job("list", "--status", "Suspended", "--limit", "1", "--json"))

    assert run.startswith(f"{job_id}  Suspended ")
    assert "evil \\u202e text" in run
    assert "evil \\u202e text" in server.job("describe", job_id)
    assert (listed["JobId"], listed["Description"]) == (job_id, "evil \u202e text")


def test_a_terminal_shows_tables(server: Server, tmp_path: Path) -> None:
    """A list has headers; the details have tags, relative times and the next command."""
    job_id = server.submit("--description", "evil \u202e text", "--tag", "s3batch:redrive-of=job-1")
    environment = {**clean_environment(), "AWS_ENDPOINT_URL": server.address}

    line = f"s3batch job list --limit 1 && s3batch job describe {job_id}"
    with terminal(line, tmp_path, environment) as shell:
        shell.expect(r"JOB ID +STATUS +CREATED")
        shell.expect(rf"{job_id} +Suspended")
        shell.expect(r"Status +Suspended: awaiting confirmation")
        shell.expect(r"Description +evil \\u202e text")
        shell.expect(r"Redrive of +job-1")
        shell.expect(r"Created +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00  \(.*(ago|now)\)")
        shell.expect(rf"Next +s3batch job confirm {job_id}")
        assert shell.end() == 0


def test_cancelling_stores_the_reason(server: Server) -> None:
    job_id = server.submit()

    job = json.loads(server.job("cancel", job_id, "--reason", "a mistake", "--json"))

    assert (job["Status"], job["StatusUpdateReason"]) == ("Cancelled", "a mistake")


def test_changing_the_priority(server: Server) -> None:
    job_id = server.submit()

    assert json.loads(server.job("priority", job_id, "99", "--json"))["Priority"] == 99


def test_tagging_keeps_other_tags_and_shows_all(server: Server) -> None:
    job_id = server.submit("--tag", "team=photos")

    server.job("tag", job_id, "stage=prod", "empty=", "--remove", "team")

    assert server.job("tag", job_id) == "stage=prod\nempty=\n"
    assert server.job("tag", job_id, "--remove", "stage", "--remove", "empty", "--json") == "{}\n"


REFUSED = {
    "an unknown job": (("describe", "no-such-job"), "NoSuchJobException: No such job"),
    "an invalid job ID": (("cancel", "x"), "BadRequestException: Parameter validation failed"),
    "no such manifest": (
        ("submit", *SUBMIT, "--manifest", "s3://inbox/none"),
        "s3://inbox/none: no such object",
    ),
    "no such bucket": (
        ("submit", *SUBMIT, "--manifest", "s3://nowhere/none"),
        "s3://nowhere/none: no such object",
    ),
    "no such profile": (("list", "--profile", "nobody"), "The config profile (nobody)"),
}


def test_a_refused_request_is_one_line(server: Server) -> None:
    """The line has the error code of AWS; exit code 1."""
    for case, (arguments, message) in REFUSED.items():
        run = server.s3batch("job", *arguments)

        (line,) = run.stderr.splitlines()
        assert line.startswith("s3batch: "), case
        assert message in line, case
        assert (run.exit_code, run.stdout) == (1, ""), case
