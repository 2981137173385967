"""The recipes of docs/arrays.md: their commands run as the scheduler would start them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.serving import COMMAND, clean_environment, server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[3] / "docs" / "arrays.md").read_text()
PARTS = 4
LINES = 30

APP = """
import os, time

def handler(event, context):
    (task,) = event["tasks"]
    open(f"{folder}/calls-{{task['s3Key']}}", "a").close()
    while not os.path.exists("{folder}/go"):
        time.sleep(0.01)
    failed = task["s3Key"] == "k7"
    code = "PermanentFailure" if failed else "Succeeded"
    result = {{"taskId": task["taskId"], "resultCode": code, "resultString": "done"}}
    return {{"invocationSchemaVersion": "1.0", "results": [result]}}
"""


def blocks(language: str) -> list[str]:
    texts: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return texts


def kubernetes() -> tuple[list[str], str]:
    (text,) = blocks("yaml")
    job = yaml.safe_load(text)
    assert job["spec"]["completionMode"] == "Indexed"
    assert f"/{job['spec']['completions']}" in text
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return container["command"], "JOB_COMPLETION_INDEX"


def slurm() -> tuple[list[str], str]:
    (text,) = blocks("bash")
    return ["bash", "-c", text], "SLURM_ARRAY_TASK_ID"


def aws_batch() -> tuple[list[str], str]:
    (text,) = blocks("json")
    return json.loads(text)["command"], "AWS_BATCH_JOB_ARRAY_INDEX"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP.format(folder=tmp_path))
    (tmp_path / "photos").mkdir()
    lines = "".join(f"photos,k{number}\n" for number in range(LINES))
    (tmp_path / "photos" / "manifest.csv").write_text(lines)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "s3batch"
    command.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    command.chmod(0o755)
    return tmp_path


@pytest.fixture
def variables(folder: Path) -> Iterator[dict[str, str]]:
    with server_process(folder, "--source", "photos") as (_, address):
        yield {
            **clean_environment(),
            "AWS_ENDPOINT_URL": address,
            "PATH": f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }


def with_fewer_parts(text: str, folder: Path) -> str:
    """Return a text of the page with four parts instead of sixteen, and the folder of this test."""
    return text.replace("16", str(PARTS)).replace("0 15", "0 3").replace("/app/", f"{folder}/")


@pytest.mark.parametrize("recipe", [kubernetes, slurm, aws_batch])
def test_the_parts_of_a_recipe_are_merged_and_verified(
    recipe: object, folder: Path, variables: dict[str, str]
) -> None:
    """All run at the same time. One is killed, and started again as the scheduler does it."""
    assert callable(recipe)
    command, variable = recipe()
    words = [with_fewer_parts(word, folder) for word in command]

    def start(number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            cwd=folder,
            env={**variables, variable: str(number)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    parts = [start(number) for number in range(PARTS)]
    first_of_last = LINES - LINES // PARTS
    wait_for((folder / f"calls-k{first_of_last}").exists)
    os.killpg(parts[-1].pid, signal.SIGKILL)
    assert parts.pop().wait(60) != 0
    parts.append(start(PARTS - 1))
    (folder / "go").touch()
    exit_codes = [part.wait(120) for part in parts]

    (merge_and_verify,) = [each for each in blocks("sh") if "report merge" in each]
    merged = subprocess.run(
        ["bash", "-ec", with_fewer_parts(merge_and_verify, folder)],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert exit_codes == [0] * PARTS
    assert merged.returncode == 0, merged.stdout + merged.stderr
    assert f"Succeeded  {LINES - 1}" in merged.stdout
    assert "Failed     1" in merged.stdout
