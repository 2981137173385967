"""A small job takes most of its time to import modules, so it loads no slow ones."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SLOW = {"pydantic", "pydantic_core", "botocore", "boto3", "moto", "duckdb", "rich", "asyncio"}
SLOW_IN_A_WORKER = {*SLOW, "click", "dataclasses", "inspect", "tempfile", "sqlite3", "subprocess"}


def loaded(*arguments: str, folder: Path) -> set[str]:
    """Return the packages that a command has loaded at its end."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('loaded', *sys.modules))\n"
        "from s3batch_handler.cli import main\n"
        "main()\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name.partition(".")[0] for name in output.rpartition("loaded ")[2].split()}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_the_help_loads_no_slow_module(tmp_path: Path, arguments: list[str]) -> None:
    assert not loaded(*arguments, folder=tmp_path) & (SLOW - {"rich"})


def test_a_job_of_a_csv_manifest_loads_no_slow_module(tmp_path: Path) -> None:
    """Neither in the process of the job nor in its worker process."""
    (tmp_path / "manifest.csv").write_text("photos,a\nphotos,b\n")
    (tmp_path / "app.py").write_text(
        "import sys\n"
        "def handler(event, context):\n"
        "    with open('modules', 'w') as file: file.write(' '.join(sys.modules))\n"
        "    result = {'taskId': event['tasks'][0]['taskId'], 'resultCode': 'Succeeded',\n"
        "              'resultString': ''}\n"
        "    return {'invocationSchemaVersion': '1.0', 'treatMissingKeysAs': 'PermanentFailure',\n"
        "            'invocationId': event['invocationId'], 'results': [result]}\n"
    )

    job = loaded("run", "app.py:handler", "--manifest", "manifest.csv", folder=tmp_path)

    worker = {name.partition(".")[0] for name in (tmp_path / "modules").read_text().split()}
    assert not job & SLOW
    assert not worker & SLOW_IN_A_WORKER
