"""``s3batch run --dask``: options, workers that are not suitable, and interruptions."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.documents import read_report
from tests.support.dask_processes import DaskProcesses, dask_processes
from tests.support.processes import is_running
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = """
import os, time
from pathlib import Path
from helpers import said

def handler(event, context):
    (task,) = event["tasks"]
    Path("{folder}", f"pid-{{os.getpid()}}").touch()
    time.sleep({seconds})
    while int(task["s3Key"][1:]) > 50 and {waits} and not Path("{folder}", "go").exists():
        time.sleep(0.01)
    result = {{"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": said()}}
    return {{"invocationSchemaVersion": "1.0", "results": [result]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_app(tmp_path)
    (tmp_path / "helpers.py").write_text("def said():\n    return 'hello'\n")
    (tmp_path / "manifest.csv").write_text("".join(f"photos,k{n}\n" for n in range(300)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_app(folder: Path, seconds: float = 0, *, waits: bool = False) -> None:
    """Write a function that takes some time, and perhaps waits for the file ``go``."""
    (folder / "app.py").write_text(APP.format(folder=folder, seconds=seconds, waits=waits))


@pytest.fixture
def dask(folder: Path) -> Iterator[DaskProcesses]:
    with dask_processes(folder) as processes:
        yield processes


COMMAND = [sys.executable, "-m", "s3batch_handler.cli", "run"]
BEGIN = ("app.py:handler", "--manifest", "manifest.csv", "--json")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def start(*arguments: str, stderr: Path = Path(os.devnull)) -> subprocess.Popen[str]:
    with stderr.open("w") as errors:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )


def keys_in(report: str) -> list[str]:
    return sorted(row.key for row in read_report(report).rows())


def pids(folder: Path) -> list[str]:
    return [each.name.removeprefix("pid-") for each in folder.glob("pid-*")]


# ---------------------------------------------------------------- wrong usage

WRONG = {
    "no address": (["--dask", "scheduler"], "is not the address of a Dask scheduler"),
    "no process": (["--dask", "local:0"], "is not the address of a Dask scheduler"),
    "workers": (["--dask", "local:2", "--workers", "3"], "--workers"),
    "upload without Dask": (["--upload"], "--upload needs --dask"),
    "a log on other machines": (
        ["--dask", "tcp://10.0.0.9:8786", "--log", "x.log"],
        "--log works with --dask local:N only",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_clear_line(folder: Path, case: str) -> None:
    arguments, message = WRONG[case]

    refused = CliRunner().invoke(s3batch, ["run", *BEGIN, *arguments])

    assert refused.exit_code == 2
    assert message in refused.stderr.replace("\n", " ")


def test_a_folder_of_this_machine_is_refused_for_other_machines(folder: Path) -> None:
    refused = CliRunner().invoke(
        s3batch, ["run", "app.py:handler", "--source", ".", "--dask", "tls://10.0.0.9:8786"]
    )

    assert refused.exit_code == 2
    assert "Pass --manifest and an --endpoint-url that they reach" in refused.stderr


def test_a_remote_function_is_refused(folder: Path) -> None:
    refused = CliRunner().invoke(
        s3batch,
        ["run", "http://127.0.0.1:1/x", "--manifest", "manifest.csv", "--dask", "local:2"],
    )

    assert refused.exit_code == 2
    assert "--dask" in refused.stderr


def test_a_dry_run_names_the_scheduler(folder: Path) -> None:
    """It does not connect to it."""
    planned = CliRunner().invoke(
        s3batch, ["run", *BEGIN[:-1], "--dask", "tcp://127.0.0.1:1", "--dry-run"]
    )

    assert planned.exit_code == 0
    assert "Workers    tcp://127.0.0.1:1\n" in planned.stdout


@pytest.mark.slow
def test_a_scheduler_that_cannot_be_reached_is_one_line(folder: Path) -> None:
    ended = run(*BEGIN, "--dask", "tcp://127.0.0.1:1")

    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert "no Dask scheduler responds at tcp://127.0.0.1:1" in lines[-1]
    assert "Traceback" not in ended.stderr


# ---------------------------------------------------------------- the code of the function


@pytest.mark.slow
def test_the_code_of_the_function_must_be_on_the_workers(
    folder: Path, dask: DaskProcesses, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Or it is uploaded, with the modules beside it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    dask.scheduler()
    dask.worker(cwd=elsewhere)
    dask.wait_for_workers(1)

    missing = run(*BEGIN, "--dask", dask.address)
    (elsewhere / "app.py").write_text("def handler(event, context): ...\n")
    different = run(*BEGIN, "--dask", dask.address)
    uploaded = run(*BEGIN, "--dask", dask.address, "--upload")

    assert (missing.returncode, different.returncode) == (2, 2)
    assert "there is no file app.py. Put the function there, or pass --upload" in missing.stderr
    assert "it has other code of app.py:handler. Update it, or pass --upload" in different.stderr
    assert uploaded.returncode == 0, uploaded.stderr
    assert json.loads(uploaded.stdout)["succeeded"] == 300


def other_version(folder: Path) -> dict[str, str]:
    """Return variables with which Python finds another version of this package."""
    information = folder / "other" / "s3batch_handler-9.9.dist-info"
    information.mkdir(parents=True)
    text = "Metadata-Version: 2.1\nName: s3batch-handler\nVersion: 9.9\n"
    (information / "METADATA").write_text(text)
    return {"PYTHONPATH": str(information.parent)}


@pytest.mark.slow
def test_a_worker_with_another_version_is_refused(folder: Path, dask: DaskProcesses) -> None:
    dask.scheduler()
    dask.worker("--no-nanny", variables=other_version(folder))
    dask.wait_for_workers(1)

    refused = run(*BEGIN, "--dask", dask.address)

    assert refused.returncode == 2
    assert re.search(
        r"Dask worker tcp://\S+: it has s3batch-handler 9.9, and the job was started with",
        refused.stderr,
    ), refused.stderr


@pytest.mark.slow
def test_a_worker_without_the_packages_is_refused(folder: Path, dask: DaskProcesses) -> None:
    """Its version may be right, and its code cannot be loaded."""
    package = folder / "broken" / "s3batch_handler"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    dask.scheduler()
    dask.worker("--no-nanny", variables={"PYTHONPATH": str(package.parent)})
    dask.wait_for_workers(1)

    refused = run(*BEGIN, "--dask", dask.address)

    assert refused.returncode == 2
    assert "the code of s3batch-handler cannot be loaded there" in refused.stderr


# ---------------------------------------------------------------- workers that join


@pytest.mark.slow
def test_workers_that_join_later_get_tasks(folder: Path, dask: DaskProcesses) -> None:
    """Except those that are not suitable, which a warning names."""
    write_app(folder, waits=True)
    dask.scheduler()
    process = start(*BEGIN, "--dask", dask.address, stderr=folder / "stderr")
    dask.worker()
    wait_for(lambda: len(pids(folder)) == 1)
    dask.worker("--no-nanny", variables=other_version(folder))
    wait_for(lambda: "gets no tasks" in (folder / "stderr").read_text())
    dask.worker()
    wait_for(lambda: len(pids(folder)) == 2)
    (folder / "go").touch()

    out, _ = process.communicate(timeout=120)

    errors = (folder / "stderr").read_text()
    assert process.returncode == 0, errors
    assert json.loads(out)["succeeded"] == 300
    assert "gets no tasks: it has s3batch-handler 9.9" in errors


@pytest.mark.slow
def test_a_scheduler_with_tls_accepts_only_its_own_clients(
    folder: Path, dask: DaskProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificates are in Dask's own configuration."""
    dask.use_tls()
    dask.scheduler()
    dask.worker()

    stranger = run(*BEGIN, "--dask", dask.address)
    for name, value in dask.variables.items():
        monkeypatch.setenv(name, value)
    ended = run(*BEGIN, "--dask", dask.address)

    assert stranger.returncode == 2
    assert f"{dask.address} needs TLS, and Dask has no certificates" in stranger.stderr
    assert "Traceback" not in stranger.stderr
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["succeeded"] == 300
    assert "WARNING" not in ended.stderr


# ---------------------------------------------------------------- interruptions


@pytest.mark.slow
def test_a_killed_run_is_resumed_and_leaves_no_process(folder: Path) -> None:
    write_app(folder, seconds=0.01)
    process = start(*BEGIN, "--dask", "local:2", "--state", "state", "--report", "reports")
    wait_for(lambda: bool(pids(folder)) and len(pids(folder)) >= 2)
    time.sleep(1)

    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not any(map(is_running, pids(folder))))
    resumed = run("--resume", "--state", "state", "--json")

    assert resumed.returncode == 0, resumed.stderr
    summary: dict[str, Any] = json.loads(resumed.stdout)
    assert keys_in(summary["report"]) == sorted(f"k{n}" for n in range(300))


@pytest.mark.slow
def test_ctrl_c_cancels_a_job(folder: Path) -> None:
    """The report has the tasks that have run."""
    write_app(folder, seconds=0.05)
    process = start(*BEGIN, "--dask", "local:2", "--report", "reports")
    wait_for(lambda: len(pids(folder)) >= 2)
    time.sleep(1)

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    summary = json.loads(out)
    assert summary["status"] == "Cancelled"
    assert 0 < summary["succeeded"] < 300
    wait_for(lambda: not any(map(is_running, pids(folder))))
