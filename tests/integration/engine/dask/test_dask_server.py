"""``s3batch serve --dask``: functions of jobs run on a Dask cluster."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.documents import read_report
from tests.support.dask_processes import dask_processes
from tests.support.local_server import session
from tests.support.serving import APP, COMMAND, clean_environment, server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "m.csv").write_text("".join(f"photos,{key}.txt\n" for key in "abc"))
    for key in "abc":
        (photos / f"{key}.txt").write_text(f"body {key}")
    return tmp_path


def submit(folder: Path, address: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(*COMMAND, "job", "submit", "--manifest", "s3://photos/m.csv", "--function", "read"),
            *("--role", "any", "--report", "s3://photos/reports", "--no-confirm", "--wait"),
            *("--json", "--endpoint-url", address),
        ],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def messages(address: str, job: str) -> dict[str, str]:
    s3 = session().client("s3", endpoint_url=address)
    job_id = json.loads(job)["JobId"]
    rows = read_report(f"s3://photos/reports/job-{job_id}", s3=s3).rows()
    return {row.key: row.message for row in rows}


@pytest.mark.slow
def test_a_job_of_a_server_runs_on_dask(folder: Path) -> None:
    """Workers on this machine reach the S3 of the server."""
    arguments = ("--function", "read=app.py:handler", "--source", "photos", "--dask", "local:2")
    with server_process(folder, *arguments) as (_, address):
        out, err = submit(folder, address).communicate(timeout=120)
        found = messages(address, out)

    assert found == {f"{key}.txt": f"read body {key}" for key in "abc"}, err


@pytest.mark.slow
def test_jobs_wait_for_the_scheduler(folder: Path) -> None:
    with dask_processes(folder) as dask:
        arguments = ("--function", "read=app.py:handler", "--source", "photos")
        with server_process(folder, *arguments, "--dask", dask.address) as (_, address):
            job = submit(folder, address)
            log = folder / "server.log"
            wait_for(lambda: "no Dask scheduler responds" in log.read_text())
            dask.scheduler()
            dask.worker()
            out, err = job.communicate(timeout=120)
            found = messages(address, out)

    assert found == {f"{key}.txt": f"read body {key}" for key in "abc"}, err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dask", "tls://10.0.0.9:8786"], "--dask needs --s3-endpoint-url"),
        (["--upload"], "--upload needs --dask"),
        (["--dask", "nowhere"], "is not the address of a Dask scheduler"),
    ],
)
def test_wrong_usage_is_one_clear_line(words: list[str], message: str) -> None:
    refused = CliRunner().invoke(s3batch, ["serve", *words])

    assert refused.exit_code == 2
    assert message in refused.stderr
