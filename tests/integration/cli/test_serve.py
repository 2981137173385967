"""Start and end ``s3batch serve``."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.jobs._aws_clients import s3control_client
from s3batch_handler.jobs._control import S3Control
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._waiting import wait_for_job
from tests.support.local_server import SIGNED as SIGNED_HEADERS
from tests.support.serving import APP, server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

# Waits at key 3 until a file exists.
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
    """Return the request for a job over a bucket's manifest, with a report in the bucket."""
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
def test_the_address_is_printed_when_the_server_is_ready(folder: Path, number: int) -> None:
    """A signal ends it with exit code 0."""
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


@pytest.mark.slow
def test_the_address_of_the_page_is_printed(folder: Path) -> None:
    """For people on standard error, for programs as JSON."""
    with server_process(folder, "--json") as (_, line):
        page = json.loads(line)["page"]
        with urllib.request.urlopen(page) as response:
            body = response.read()

    assert b'data-page="list"' in body
    assert f"Page of all jobs: {page}\n" in (folder / "server.log").read_text()


def test_killed_jobs_continue_on_the_next_server(folder: Path) -> None:
    """Each task is in the report once."""
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


def test_a_second_server_on_the_same_state_is_refused(folder: Path) -> None:
    with server_process(folder, "--state", "state"), patch.dict(os.environ):
        run = CliRunner().invoke(s3batch_command, ["serve", "--state", str(folder / "state")])

    assert run.exit_code == 1
    assert "in use by another process" in run.stderr
    assert run.stdout == ""


@pytest.mark.slow
def test_a_public_address_prints_a_warning(folder: Path) -> None:
    """Also with ``--quiet``."""
    with server_process(folder, "--host", "0.0.0.0", "--quiet") as (_, address):
        pass

    assert address.startswith("http://0.0.0.0:")
    (line,) = (folder / "server.log").read_text().splitlines()
    assert line.startswith("s3batch: WARNING: http://0.0.0.0:")
    assert "without a password" in line


WRONG = {
    "a function without a handler": (["--function", "f"], "write NAME=HANDLER"),
    "a function twice": (["--function", "f=a:b", "--function", "f=a:c"], "occurs twice"),
    "a name of no function": (
        ["--function", "a b=app.py:handler"],
        "is not the name of a function",
    ),
    "a handler without a name": (["--function", "f=app.py:"], "is not the name of a function"),
    "no such file": (["--function", "f=none.py"], "there is no file none.py"),
    "no such folder": (["--source", "nowhere"], "does not exist"),
    "two folders, one bucket": (
        ["--source", "A B_c", "--source", "a b-c"],
        "A B_c and a b-c would both be the bucket a-b-c",
    ),
    "no such port": (["--port", "99999"], "--port"),
}


def test_wrong_usage_is_one_clear_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("A B_c", "a b-c"):
        (folder / name).mkdir()
    for case, (arguments, message) in WRONG.items():
        run = CliRunner().invoke(s3batch_command, ["serve", *arguments])

        assert run.exit_code == 2, case
        assert message in run.stderr, case
        assert run.stdout == "", case


@pytest.mark.parametrize("name", ["http://box.example", "box.example/x", "*.example", "", "b ox"])
def test_an_invalid_allowed_host_is_refused(name: str) -> None:
    refused = CliRunner().invoke(s3batch_command, ["serve", "--allowed-host", name])

    assert refused.exit_code == 2
    assert "--allowed-host" in refused.output
    assert "is not a host name" in refused.output


@pytest.mark.slow
def test_clients_use_the_allowed_host_names(folder: Path) -> None:
    """As in other containers."""
    arguments = ("--host", "0.0.0.0", "--allowed-host", "S3batch:5005", "--source", "photos")
    with server_process(folder, *arguments) as (_, address):
        here = address.replace("0.0.0.0", "127.0.0.1")
        statuses = []
        for host in ("s3batch:5005", "photos.s3batch", "stranger:5005"):
            request = urllib.request.Request(f"{here}/v20180820/jobs", headers={"Host": host})
            request.add_header("x-amz-account-id", "123456789012")
            request.add_header("Authorization", SIGNED_HEADERS["Authorization"])
            try:
                with urllib.request.urlopen(request) as answer:
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                with error:
                    statuses.append(error.code)

    assert statuses == [200, 200, 403]


@pytest.mark.slow
def test_a_damaged_job_fails_and_others_continue(folder: Path) -> None:
    arguments = ("--source", "photos", "--state", "state", "--function", "f=app.py:handler")
    with server_process(folder, *arguments) as (_, address):
        control = S3Control(
            s3control_client(session(), endpoint_url=address), account_id="123456789012"
        )
        etag = etag_of_manifest(address)
        waits = spec(etag, "photos").model_copy(update={"confirmation_required": True})
        damaged = control.create_job(waits)
        wait_for(lambda: control.describe_job(damaged).status is JobStatus.SUSPENDED)
    (manifest,) = (folder / "state").glob("*/*/job-*/manifest.csv")
    manifest.write_text("photos,1\n")

    with server_process(folder, *arguments) as (_, address):
        control = S3Control(
            s3control_client(session(), endpoint_url=address), account_id="123456789012"
        )
        control.update_job_status(damaged, JobStatus.READY)
        other = spec(etag, "photos").model_copy(update={"client_request_token": "other"})
        done = wait_for_job(control, control.create_job(other), poll=0.05, timeout=60)
        failed = wait_for_job(control, damaged, poll=0.05, timeout=60)

    assert (done.status, done.progress.done) == (JobStatus.COMPLETE, 5)
    assert failed.status is JobStatus.FAILED
    assert [reason.failure_code for reason in failed.failure_reasons] == ["StateDamaged"]


def etag_of_manifest(address: str) -> str:
    s3 = session().client("s3", endpoint_url=address)
    etag: str = s3.head_object(Bucket="photos", Key="m.csv")["ETag"].strip('"')
    return etag
