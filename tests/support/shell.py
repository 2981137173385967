"""Run ``s3batch`` in the folder of a test, in this process or in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "s3batch_handler.cli"]

APP = """
import sys
from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler

@task_handler
def handler(task: Task) -> dict:
    print("this is a log line")
    if "fail" in task.key:
        raise PermanentFailure("it says fail")
    if "later" in task.key:
        raise TemporaryFailure("not yet")
    return {"key": task.key, **task.job.arguments}

number = 3

def not_an_answer(event, context):
    return event
"""
"""The content of ``app.py``: a handler whose results depend on the keys, and other objects."""

SLOW = """
import time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    if calls == 2:
        open("answered", "w").close()
    time.sleep(0.1)
    results = [{"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}]
    return {"invocationSchemaVersion": "1.0", "invocationId": event["invocationId"],
            "treatMissingKeysAs": "PermanentFailure", "results": results}
"""
"""A function that logs nothing, and takes 0.1 s. Its second call creates ``answered``."""


class Run(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs ``s3batch`` in a folder, without environment variables of AWS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, stdin: str | None = None, **variables: str) -> Run:
        """Run a command in this process; functions run in worker processes."""
        removed = dict.fromkeys(os.environ.keys() - self.environment.keys())
        run = CliRunner(env={**removed, **self.environment, **variables}).invoke(
            s3batch_command, arguments, input=stdin, prog_name="s3batch"
        )
        return Run(run.exit_code, run.stdout, run.stderr)

    def line(self, line: str) -> Run:
        """Run a line of shell, in which ``s3batch`` is the command."""
        run = subprocess.run(
            ["bash", "-c", f's3batch() {{ "$PYTHON" -m s3batch_handler.cli "$@"; }}\n{line}'],
            cwd=self.folder,
            env={**self.environment, "PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Run(run.returncode, run.stdout, run.stderr)

    @property
    def environment(self) -> dict[str, str]:
        # PYTHONUNBUFFERED would hide errors of Python when it flushes its output at the end.
        others = {
            name: value
            for name, value in os.environ.items()
            if "AWS" not in name and name != "PYTHONUNBUFFERED"
        }
        return {**others, "AWS_EC2_METADATA_DISABLED": "true"}

    def manifest(self, *lines: str, name: str = "manifest.csv") -> str:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))
        return name
