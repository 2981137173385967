"""A server for the tests of ``s3batch job``, with the commands that talk to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.jobs._aws_clients import s3control_client
from tests.support.serving import clean_environment
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from click.testing import Result


AWS_CLI = Path(sys.executable).with_name("aws")


SUBMIT = (
    *("--manifest", "s3://inbox/m.csv", "--function", "read", "--role", "batch"),
    *("--report", "s3://inbox/reports/"),
)
ACCOUNT_OPTION = ("--account-id", "123456789012")


class Server:
    """``s3batch serve`` with a function and some objects, and clients for it."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.cloudformation_address = address
        self.deleted_stack = ""
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        self.s3 = session.client("s3", endpoint_url=address)
        self.s3control = s3control_client(session, endpoint_url=address)

    def s3batch(self, *arguments: str) -> Result:
        """Run ``s3batch`` in this process: to start a process takes a second."""
        others: dict[str, str | None] = {name: None for name in os.environ if "AWS" in name}
        variables = {
            **others,
            **clean_environment(),
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self.cloudformation_address,
        }
        return CliRunner(env=variables).invoke(s3batch_command, arguments)

    def job(self, *arguments: str) -> str:
        """Run ``s3batch job`` and return its output."""
        run = self.s3batch("job", *arguments)
        assert run.exit_code == 0, run.stderr
        return run.stdout

    def submit(self, *arguments: str) -> str:
        """Submit a job, wait until the server has read its manifest, and return its ID."""
        job_id = self.job("submit", *SUBMIT, *arguments).strip()
        wait_for(lambda: self.status(job_id) not in ("New", "Preparing"))
        return job_id

    def status(self, job_id: str) -> str:
        status: str = json.loads(self.job("describe", job_id, "--json"))["Status"]
        return status

    def aws(self, *arguments: str) -> Any:
        """Run ``aws s3control`` as in ``docs/serve.md``, and return its JSON."""
        run = self.aws_run(*arguments)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout or "{}")

    def aws_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AWS_CLI, "s3control", *arguments],
            cwd=self.folder,
            env={
                **clean_environment(),
                "AWS_ENDPOINT_URL": self.address,
                "HTTP_PROXY": self.address,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
