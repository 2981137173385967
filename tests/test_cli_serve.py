"""``s3batch serve`` as a person or a script starts and ends it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from click.testing import CliRunner

from s3batch_handler.aws import s3control_client
from s3batch_handler.cli.commands import s3batch as s3batch_command
from s3batch_handler.control import S3Control, wait_for_job
from s3batch_handler.job import JobSpec
from s3batch_handler.report import read_report
from s3batch_handler.status import JobStatus
from tests.serving import APP, server_process

if TYPE_CHECKING:
    from pathlib import Path

# Works until it is told to go on.
SLOW = """
import pathlib, time
from s3batch_handler import Task, task_handler

here = pathlib.Path(__file__).parent

@task_handler
def handler(task: Task) -> str:
    with (here / "calls").open("a") as calls:
        print(task.key, file=calls)
    while task.key == "3" and not (here / "go").exists():
        time.sleep(0.01)
    return "done"
"""


def session() -> Any:
    return boto3.Session("testing", "testing", region_name="eu-west-1")


def spec(etag: str, bucket: str) -> JobSpec:
    """Ask for a job over the manifest of a bucket, its report in the same bucket."""
    return JobSpec.from_request(
        {
            "ClientRequestToken": "t",
            "ConfirmationRequired": False,
            "Operation": {"LambdaInvoke": {"FunctionArn": "f"}},
            "Manifest": {
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
                "Location": {"ObjectArn": f"arn:aws:s3:::{bucket}/m.csv", "ETag": etag},
            },
            "Report": {"Enabled": True, "Bucket": f"arn:aws:s3:::{bucket}"},
            "Priority": 1,
            "RoleArn": "arn:aws:iam::123456789012:role/batch",
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "m.csv").write_text("".join(f"photos,{key}\n" for key in "12345"))
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_begin_and_end(folder: Path, number: int) -> None:
    """One line on standard output when it is ready, nothing more, and exit code 0."""
    arguments = ("--function", "read=app.py:handler", "--source", "photos")
    with server_process(folder, *arguments) as (process, address):
        session().client("s3", endpoint_url=address).head_bucket(Bucket="photos")

        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)

    assert address.startswith("http://127.0.0.1:")
    assert (process.returncode, rest) == (0, "")
    log = (folder / "server.log").read_text()
    assert "Traceback" not in log
    assert "WARNING" not in log
    assert "bucket photos: photos" in log


def test_jobs_that_are_cut_off_go_on(folder: Path) -> None:
    """``kill -9`` in the middle of a job: the next server ends it, each task in the report once."""
    arguments = ("--function", "f=slow.py", "--source", "photos", "--state", "state")
    with server_process(folder, *arguments) as (process, address):
        s3 = session().client("s3", endpoint_url=address)
        etag = s3.head_object(Bucket="photos", Key="m.csv")["ETag"].strip('"')
        control = S3Control(
            s3control_client(session(), endpoint_url=address), account_id="123456789012"
        )
        job_id = control.create_job(spec(etag, "photos"))
        calls = folder / "calls"
        for _ in range(6_000):
            if calls.exists() and "3\n" in calls.read_text():
                break
            time.sleep(0.01)
        process.kill()
        process.wait(60)
    (folder / "go").touch()

    with server_process(folder, *arguments) as (_, address):
        control = S3Control(
            s3control_client(session(), endpoint_url=address), account_id="123456789012"
        )
        job = wait_for_job(control, job_id, poll=0.05, timeout=60)
        s3 = session().client("s3", endpoint_url=address)
        rows = list(read_report(f"s3://photos/job-{job_id}", s3=s3).rows())

    assert job.status is JobStatus.COMPLETE
    assert sorted(row.key for row in rows) == list("12345")
    assert {row.message for row in rows} == {"done"}


def test_two_servers_on_one_state(folder: Path) -> None:
    """The second is refused, before it serves anybody."""
    with server_process(folder, "--state", "state"), patch.dict(os.environ):
        run = CliRunner().invoke(s3batch_command, ["serve", "--state", str(folder / "state")])

    assert run.exit_code == 1
    assert "in use by another process" in run.stderr
    assert run.stdout == ""


def test_open_to_others(folder: Path) -> None:
    """It is possible, and said loudly, even with --quiet."""
    with server_process(folder, "--host", "0.0.0.0", "--quiet") as (_, address):
        pass

    assert address.startswith("http://0.0.0.0:")
    (line,) = (folder / "server.log").read_text().splitlines()
    assert line.startswith("s3batch: WARNING: http://0.0.0.0:")
    assert "no password" in line


WRONG = {
    "a function without a handler": (["--function", "f"], "is not NAME=HANDLER"),
    "a function twice": (["--function", "f=a:b", "--function", "f=a:c"], "given twice"),
    "a name of no function": (["--function", "a b=app.py:handler"], "names no function"),
    "half a handler": (["--function", "f=app.py:"], "names no function"),
    "no such file": (["--function", "f=none.py"], "there is no file none.py"),
    "no such folder": (["--source", "nowhere"], "does not exist"),
    "no such port": (["--port", "99999"], "--port"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_usage(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """One clear line and exit code 2; no address, as nobody is served."""
    monkeypatch.chdir(folder)
    arguments, message = WRONG[what]

    run = CliRunner().invoke(s3batch_command, ["serve", *arguments])

    assert run.exit_code == 2
    assert message in run.stderr
    assert run.stdout == ""
