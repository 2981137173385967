"""``s3batch`` in a folder of a test's own, as a shell or a script runs it."""

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
"""A module for ``app.py``: a handler whose tasks end as their keys say, and what is none."""


class Run(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs ``s3batch`` in a folder of its own, with nothing of AWS's in its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, stdin: str | None = None, **variables: str) -> Run:
        """Run it in this process: the function is in others, whatever happens."""
        foreign = dict.fromkeys(os.environ.keys() - self.environment.keys())
        run = CliRunner(env={**foreign, **self.environment, **variables}).invoke(
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
        # PYTHONUNBUFFERED would hide what Python says when it cannot write at its end.
        others = {
            name: value
            for name, value in os.environ.items()
            if "AWS" not in name and name != "PYTHONUNBUFFERED"
        }
        return {**others, "AWS_EC2_METADATA_DISABLED": "true"}

    def manifest(self, *lines: str, name: str = "manifest.csv") -> str:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))
        return name
