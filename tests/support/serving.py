"""Run ``s3batch serve`` as a process, for tests of its clients."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COMMAND = [sys.executable, "-m", "s3batch_handler.cli"]

APP = """
import boto3
from s3batch_handler import PermanentFailure, Task, task_handler

s3 = boto3.client("s3")

@task_handler
def handler(task: Task) -> str:
    print("this is a log line")
    body = s3.get_object(**task.location)["Body"].read()
    if b"bad" in body:
        raise PermanentFailure("it is bad")
    return f"{task.job.arguments.get('say', 'read')} {body.decode()}"
"""


def clean_environment() -> dict[str, str]:
    """Return the environment without variables of AWS, except credentials for a local server."""
    others = {
        name: value
        for name, value in os.environ.items()
        if "AWS" not in name and "proxy" not in name.lower()
    }
    return {
        **others,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def server_process(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server in a folder, yield process and address, and terminate it at the end.

    ``variables`` are additional environment variables.
    """
    with (folder / "server.log").open("a") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", *arguments],
            cwd=folder,
            env={**clean_environment(), **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, (folder / "server.log").read_text()
            yield process, address
        finally:
            process.terminate()
            process.wait(60)
