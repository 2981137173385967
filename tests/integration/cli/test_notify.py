"""``--notify``: a command at the end of a job."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.support.job_server import SUBMIT, Server
from tests.support.serving import server_process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Run, Shell

SAVES = """
import json, os, sys
facts = {name: value for name, value in os.environ.items() if name.startswith("S3BATCH_")}
facts["arguments"] = sys.argv[1:]
facts["summary"] = json.load(sys.stdin)
with open("notified.json", "w") as file:
    json.dump(facts, file)
print("notified")
"""
"""A command that saves what it gets."""


@pytest.fixture
def command(s3batch: Shell) -> str:
    (s3batch.folder / "saves.py").write_text(SAVES)
    return f"{sys.executable} saves.py"


def run(shell: Shell, command: str, *options: str) -> Run:
    return shell("run", "app:handler", "--notify", command, "--json", *options)


def notified(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "notified.json").read_text())
    return facts


def test_a_command_gets_the_result_of_a_job(s3batch: Shell, command: str) -> None:
    """As variables, and as JSON on standard input. Its output is not data of s3batch."""
    manifest = s3batch.manifest("b,fine", "b,fail", "b,fail2")

    ended = run(s3batch, command, "--manifest", manifest)

    facts, summary = notified(s3batch.folder), json.loads(ended.stdout)
    assert facts.pop("summary") == summary
    assert facts == {
        "S3BATCH_JOB_ID": summary["job_id"],
        "S3BATCH_STATUS": "Complete",
        "S3BATCH_REASON": "",
        "S3BATCH_TOTAL": "3",
        "S3BATCH_SUCCEEDED": "1",
        "S3BATCH_FAILED": "2",
        "S3BATCH_REPORT": summary["report"],
        "arguments": [],
    }


def test_a_command_is_split_into_words_without_a_shell(s3batch: Shell, command: str) -> None:
    """No expansion, no redirection, no second command."""
    words = "'two words' $HOME ; touch x > y * `id`"

    run(s3batch, f"{command} {words}", "--manifest", s3batch.manifest("b,k"))

    expected = ["two words", "$HOME", ";", "touch", "x", ">", "y", "*", "`id`"]
    assert notified(s3batch.folder)["arguments"] == expected
    assert not (s3batch.folder / "x").exists()


def test_messages_of_tasks_cannot_inject_anything(s3batch: Shell, command: str) -> None:
    """Keys and messages are in the JSON only, where they are escaped."""
    manifest = s3batch.manifest("b,fail%22%3B%24%28touch%20x%29%0A%1B")

    run(s3batch, command, "--manifest", manifest, "--tolerate", "0")

    facts = notified(s3batch.folder)
    (failure,) = facts.pop("summary")["failures"]
    assert failure["examples"][0]["key"] == 'fail";$(touch x)\n\x1b'
    assert facts["S3BATCH_STATUS"] == "Failed"
    assert facts["S3BATCH_REASON"] == "1 of 1 tasks failed: more than 0"
    assert "touch" not in json.dumps(facts)


def test_a_report_that_cannot_be_written_is_a_reason(s3batch: Shell, command: str) -> None:
    """The command runs nevertheless."""
    (s3batch.folder / "app.py").write_text(
        "import shutil\n"
        "def handler(event, context):\n"
        "    shutil.rmtree('reports')\n"
        "    open('reports', 'w').close()\n"
    )
    manifest = s3batch.manifest("b,k")

    ended = run(s3batch, command, "--manifest", manifest, "--report", "reports", "--workers", "1")

    facts = notified(s3batch.folder)
    assert ended.returncode == 1
    assert (facts["S3BATCH_STATUS"], facts["S3BATCH_REPORT"]) == ("Failed", "")
    assert "the report could not be written" in facts["S3BATCH_REASON"]


WAITS = """
import os, time
def handler(event, context):
    open("began", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    results = [{"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}]
    return {"invocationSchemaVersion": "1.0", "results": results}
"""


@pytest.mark.parametrize("state", ["", "--state job"])
def test_an_interrupted_job_has_ended_unless_it_can_be_resumed(
    s3batch: Shell, command: str, state: str
) -> None:
    """A job that is resumed runs the command at its end."""
    (s3batch.folder / "app.py").write_text(WAITS)
    manifest = s3batch.manifest("b,1", "b,2", "b,3")
    first = s3batch.line(
        f'"$PYTHON" -m s3batch_handler.cli run app:handler --manifest {manifest} --workers 1 '
        f"--notify '{command}' {state} & "
        "until test -e began; do sleep 0.02; done; kill -TERM $!; touch go; wait $!"
    )
    assert first.returncode == 130
    assert (s3batch.folder / "notified.json").exists() == (not state)

    if state:
        s3batch("run", "--resume", *state.split())

    status = notified(s3batch.folder)["S3BATCH_STATUS"]
    assert status == ("Complete" if state else "Cancelled")


@pytest.mark.parametrize(
    ("script", "time_limit", "warning"),
    [
        ("import sys; sys.exit(3)", 60, "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", 60, "exit code -9"),
        ("import time; time.sleep(60)", 1, "killed after 1 s"),
    ],
)
def test_a_command_that_fails_is_a_warning(
    s3batch: Shell, script: str, time_limit: int, warning: str
) -> None:
    """The exit code is that of the job. A command that takes too long is killed."""
    program = s3batch.folder / "program"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)

    with patch("s3batch_handler.cli._notify._TIME_LIMIT", time_limit):
        ended = run(s3batch, "./program", "--manifest", s3batch.manifest("b,k"))

    assert ended.returncode == 0
    assert f"s3batch: --notify: ./program: {warning}\n" in ended.stderr


def test_a_command_that_disappears_is_a_warning(s3batch: Shell) -> None:
    """It was there when the job began."""
    program = s3batch.folder / "program"
    program.write_text("#!/bin/true\n")
    program.chmod(0o755)
    (s3batch.folder / "app.py").write_text(
        "import os\ndef handler(event, context):\n    os.remove('program')\n"
    )

    ended = run(s3batch, "./program", "--manifest", s3batch.manifest("b,k"), "--workers", "1")

    assert "s3batch: --notify: ./program: FileNotFoundError" in ended.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("no-such-program --now", "there is no program 'no-such-program'"),
        ("./app.py", "there is no program './app.py'"),
        ("''", "there is no program ''"),
        (" ", "there is no program ''"),
        ("echo 'a", "has a quotation mark that is not closed"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused_before_the_job(
    s3batch: Shell, command: str, says: str
) -> None:
    ended = run(s3batch, command, "--manifest", s3batch.manifest("b,k"))

    assert ended.returncode == 2
    assert says in ended.stderr


def test_commands_that_wait_for_a_job_notify_too(s3batch: Shell, command: str) -> None:
    """The variables are the same, and the JSON is that of DescribeJob."""
    with server_process(s3batch.folder, "--function", "read=app.py:handler") as (_, address):
        server = Server(s3batch.folder, address)
        location = {"LocationConstraint": "eu-west-1"}
        server.s3.create_bucket(Bucket="inbox", CreateBucketConfiguration=location)
        server.s3.put_object(Bucket="inbox", Key="m.csv", Body=b"inbox,k\ninbox,fail\n")

        submitted = server.s3batch(
            *("job", "submit", *SUBMIT, "--no-confirm", "--wait", "--notify", command)
        )
        first = notified(s3batch.folder)
        (s3batch.folder / "notified.json").unlink()
        waited = server.s3batch("job", "wait", first["S3BATCH_JOB_ID"], "--notify", command)

    second = notified(s3batch.folder)
    job_id = first["S3BATCH_JOB_ID"]
    assert (submitted.exit_code, waited.exit_code) == (1, 1)
    assert first == second
    assert first.pop("summary")["JobId"] == job_id
    assert first == {
        "S3BATCH_JOB_ID": job_id,
        "S3BATCH_STATUS": "Complete",
        "S3BATCH_REASON": "",
        "S3BATCH_TOTAL": "2",
        "S3BATCH_SUCCEEDED": "1",
        "S3BATCH_FAILED": "1",
        "S3BATCH_REPORT": f"s3://inbox/reports/job-{job_id}/manifest.json",
        "arguments": [],
    }
