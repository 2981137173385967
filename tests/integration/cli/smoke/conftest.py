"""A stack for ``s3batch smoke``: CloudFormation, S3, S3 Control and a function, all local."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.support.job_server import Server
from tests.support.moto_process import moto_process
from tests.support.serving import COMMAND, clean_environment, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTION = "smoke-CompressFunction-1X"
BUCKETS = ("my-photos", "my-results", "my-jobs")

OTHER = """
from urllib.parse import unquote
import time

def other(event, context):
    (task,) = event["tasks"]
    key = unquote(task["s3Key"])  # wrong: a plus is not decoded
    return result(event, task, "PermanentFailure" if "+" in key else "Succeeded")

def slow(event, context):
    time.sleep(30)
    (task,) = event["tasks"]
    return result(event, task, "Succeeded")

def result(event, task, code):
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": "done"}],
    }
"""


@dataclass(frozen=True, slots=True)
class Stacks:
    """A server with stacks, and the command that tests them.

    The stack ``smoke`` has the function of ``template.yaml``, ``other`` one that decodes keys
    wrongly, ``slow`` one that takes long, ``unknown`` one that does not exist.
    """

    server: Server
    folder: Path
    project: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables for the command."""
        return {
            **clean_environment(),
            "AWS_ENDPOINT_URL": self.server.address,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self.server.cloudformation_address,
        }

    def start(
        self,
        *arguments: str,
        s3: str | None = None,
        s3control: str | None = None,
        here: bool = False,
    ) -> subprocess.Popen[str]:
        """Start ``s3batch smoke`` in the folder of ``template.yaml``.

        Args:
            *arguments: Its arguments.
            s3: The address of S3, if it is not the server.
            s3control: The address of S3 Control, if it is not the server.
            here: Start it in an empty folder.
        """
        others = {"AWS_ENDPOINT_URL_S3": s3, "AWS_ENDPOINT_URL_S3_CONTROL": s3control}
        endpoints = {name: address for name, address in others.items() if address}
        return subprocess.Popen(
            [*COMMAND, "smoke", *arguments],
            cwd=self.folder if here else self.project,
            env={**self.environment, **endpoints},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **where: Any) -> subprocess.CompletedProcess[str]:
        """Run ``s3batch smoke`` to its end."""
        with self.start(*arguments, **where) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def keys(self) -> set[str]:
        """Return the keys of all objects, versions and delete markers that are left."""
        return {
            f"{bucket}/{each['Key']}"
            for bucket in BUCKETS
            for page in self.server.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        }

    def last_job(self) -> dict[str, Any]:
        """Return the newest job."""
        jobs = self.server.s3control.list_jobs(AccountId="123456789012")["Jobs"]
        newest = max(jobs, key=lambda job: job["CreationTime"])
        job: dict[str, Any] = self.server.s3control.describe_job(
            AccountId="123456789012", JobId=newest["JobId"]
        )["Job"]
        return job


@pytest.fixture(scope="package")
def stacks(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Stacks]:
    folder = tmp_path_factory.mktemp("smoke")
    (folder / "functions.py").write_text(OTHER)
    functions = {
        FUNCTION: f"{project}/examples/compress/app.py:handler",
        "other": "functions.py:other",
        "slow": "functions.py:slow",
    }
    options = [f"--function={name}={handler}" for name, handler in functions.items()]
    with (
        server_process(folder, *options) as (_, address),
        moto_process() as cloudformation_address,
    ):
        server = Server(folder, address)
        for bucket in BUCKETS:
            server.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
        server.cloudformation_address = cloudformation_address
        client: Any = boto3.Session("testing", "testing", region_name="eu-west-1").client(
            "cloudformation", endpoint_url=server.cloudformation_address
        )
        for name in ("smoke", "other", "slow", "unknown"):
            _create_stack(client, name, FUNCTION if name == "smoke" else name)
        yield Stacks(server, folder, project)


def _create_stack(client: Any, name: str, function: str) -> None:
    outputs = {
        "FunctionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{function}:7",
        "JobRoleArn": "arn:aws:iam::123456789012:role/job",
        "ManifestLocation": "s3://my-jobs/manifests",
        "ReportLocation": "s3://my-jobs/reports",
    }
    parameters = {"SourceBucket": "my-photos", "TargetBucket": "my-results"}
    template = {
        "Parameters": {parameter: {"Type": "String"} for parameter in parameters},
        "Resources": {"Work": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {output: {"Value": value} for output, value in outputs.items()},
    }
    client.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": parameter, "ParameterValue": value}
            for parameter, value in parameters.items()
        ],
    )
